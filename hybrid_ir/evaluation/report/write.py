"""A workdir to report.md, report.html and figures/. Takes every section.

Reads files only, so that a report can be made again at any time; the same
files give the same bytes.
"""

import os
import pathlib

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.report.bias import bias_section
from hybrid_ir.evaluation.report.curves import training_section
from hybrid_ir.evaluation.report.examples import example_sections
from hybrid_ir.evaluation.report.languages import (
  group_sections,
  language_section,
)
from hybrid_ir.evaluation.report.load import Workdir, load_workdir
from hybrid_ir.evaluation.report.matrix import matrix_section
from hybrid_ir.evaluation.report.page import Page
from hybrid_ir.evaluation.report.render import (
  figure_files,
  to_html,
  to_markdown,
)
from hybrid_ir.evaluation.report.settings import config_section
from hybrid_ir.evaluation.report.snapshots import snapshots
from hybrid_ir.evaluation.report.summary import summary_section
from hybrid_ir.files import write_aside


def write_report(workdir: str | os.PathLike[str]) -> list[pathlib.Path]:
  """Writes the report from what the workdir holds; what is missing is named.

  Args:
    workdir: the folder of config.json, metrics.jsonl, results.jsonl and
      details/*.json, each of which may be absent.

  Returns:
    The files written: figures/*.svg and *.png, report.md, report.html.

  Raises:
    UserError: there is no such folder, it may not be written to, or a file in
      it is damaged.
  """
  folder = pathlib.Path(workdir)
  page = _page(load_workdir(folder))
  files = {
    **figure_files(page),
    "report.md": to_markdown(page).encode(),
    "report.html": to_html(page).encode(),
  }
  for name, content in files.items():
    _write(folder / name, content)
  return [folder / name for name in files]


def _page(workdir: Workdir) -> Page:
  is_trained = bool(workdir.training) or any(s.step for s in workdir.scores)
  benchmarks = snapshots(workdir.scores, is_trained)
  facts = []
  if workdir.scores:
    score = workdir.scores[0]
    facts += [("System", score.system), ("Seed", str(score.seed))]
  if workdir.training:
    facts.append(("Trained to step", f"{workdir.training[-1].step:,}"))
  if benchmarks:
    titles = ", ".join(states[-1].title for states in benchmarks)
    facts.append(("Evaluated on", titles))
  return Page(
    "Retrieval report",
    tuple(facts),
    (
      summary_section(benchmarks, workdir.details),
      matrix_section(benchmarks),
      language_section(benchmarks),
      *group_sections(benchmarks),
      bias_section(workdir.details, benchmarks),
      training_section(workdir.training, workdir.dev),
      *example_sections(workdir.details),
      config_section(workdir.config),
    ),
  )


def _write(path: pathlib.Path, content: bytes) -> None:
  try:
    with write_aside(path) as aside:
      aside.write_bytes(content)
  except OSError as error:
    raise UserError(
      f"workdir: cannot write {path} ({error.strerror}); "
      "give a folder that you may write to"
    ) from error
