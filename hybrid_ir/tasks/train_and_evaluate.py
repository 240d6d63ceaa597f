"""task=train_and_evaluate: the whole job, one stage after the other."""

import pathlib

from hybrid_ir import processes, stopping
from hybrid_ir.config import Config
from hybrid_ir.tasks import evaluate, report, systems, train


def run(config: Config, workdir: pathlib.Path) -> None:
  """Trains, evaluates, reports; a killed training goes on where it was.

  The benchmarks are opened first: what cannot be scored is said before the
  long part, not after it.

  Raises:
    UserError: whatever a user can mend.
  """
  systems.check(config, workdir)
  evaluate.check_system(config, workdir)
  benchmarks = evaluate.open_benchmarks(config)
  if config.train.steps:  # else step 0 is what is scored
    evaluate.check_data(workdir, benchmarks)
  train.run(config, workdir)
  if processes.count() > 1:  # all is saved
    stopping.listen()
  evaluate.score(config, workdir, benchmarks)
  if processes.is_first():
    report.run(config, workdir)
