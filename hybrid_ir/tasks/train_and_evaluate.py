"""task=train_and_evaluate: the whole job, one stage after the other."""

import pathlib

from hybrid_ir.config import Config
from hybrid_ir.tasks import evaluate, report, train


def run(config: Config, workdir: pathlib.Path) -> None:
  """Trains, evaluates, reports; each stage goes on where it was killed.

  Raises:
    UserError: whatever a user can mend.
  """
  train.run(config, workdir)
  evaluate.run(config, workdir)
  report.run(config, workdir)
