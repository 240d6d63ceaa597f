"""task=train_and_evaluate: the whole job, one stage after the other."""

import pathlib

from hybrid_ir.config import Config
from hybrid_ir.tasks import evaluate, report, train


def run(config: Config, workdir: pathlib.Path) -> None:
  """Trains, evaluates, reports; a killed training goes on where it was.

  The benchmarks are opened first: what is wrong with them is said before the
  long part, not after it.

  Raises:
    UserError: whatever a user can mend.
  """
  benchmarks = evaluate.open_benchmarks(config)
  train.run(config, workdir)
  evaluate.score(config, workdir, benchmarks)
  report.run(config, workdir)
