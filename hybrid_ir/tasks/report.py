"""task=report: from a workdir's files to report.md and report.html."""

import pathlib

from hybrid_ir.config import Config
from hybrid_ir.evaluation.report import write_report


def run(config: Config, workdir: pathlib.Path) -> None:
  """Writes the report of what stands in the workdir.

  Raises:
    UserError: a damaged file.
  """
  del config
  for path in write_report(workdir):
    print(f"wrote {path}")
