"""A workdir to report.md, report.html and figures/. Takes every section.

Reads files only, so that a report can be made again at any time; the same
files give the same bytes. The only importer of jinja2.
"""

import html
import os
import pathlib
import re
from collections.abc import Callable

import jinja2

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.report import svg
from hybrid_ir.evaluation.report.bias import bias_section
from hybrid_ir.evaluation.report.curves import training_section
from hybrid_ir.evaluation.report.examples import example_sections
from hybrid_ir.evaluation.report.load import Workdir, load_workdir
from hybrid_ir.evaluation.report.matrix import language_section, matrix_section
from hybrid_ir.evaluation.report.page import Page
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
    The files written: figures/*.svg, report.md, report.html.

  Raises:
    UserError: there is no such folder, it may not be written to, or a file in
      it is damaged.
  """
  folder = pathlib.Path(workdir)
  page = _page(load_workdir(folder))
  texts = {
    f"figures/{picture.name}.svg": svg.standalone(picture.svg)
    for section in page.sections
    for picture in section.pictures
  }
  texts["report.md"] = _markdown(page)
  texts["report.html"] = _html(page)
  for name, text in texts.items():
    _write(folder / name, text)
  return [folder / name for name in texts]


def _page(workdir: Workdir) -> Page:
  benchmarks = snapshots(workdir.scores)
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
      summary_section(benchmarks),
      matrix_section(benchmarks),
      language_section(benchmarks),
      bias_section(workdir.details),
      training_section(workdir.training, workdir.dev),
      *example_sections(workdir.details),
      config_section(workdir.config),
    ),
  )


def _html(page: Page) -> str:
  environment = _environment(autoescape=True)
  environment.filters["inline"] = svg.inline
  return environment.get_template("report.html.jinja").render(page=page)


def _markdown(page: Page) -> str:
  environment = _environment(finalize=_escape_markdown)
  return environment.get_template("report.md.jinja").render(page=page)


def _environment(
  *, autoescape: bool = False, finalize: Callable[[object], str] | None = None
) -> jinja2.Environment:
  return jinja2.Environment(
    loader=jinja2.PackageLoader("hybrid_ir.evaluation.report"),
    undefined=jinja2.StrictUndefined,
    autoescape=autoescape,
    finalize=finalize,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
  )


def _escape_markdown(value: object) -> str:
  """Text as one line of Markdown that shows it letter by letter."""
  text = html.escape(" ".join(str(value).split()), quote=False)
  # An underscore inside a word is no markup: xquad_r stays legible.
  return re.sub(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def _write(path: pathlib.Path, text: str) -> None:
  try:
    with write_aside(path) as aside:
      aside.write_text(text, encoding="utf-8", newline="\n")
  except OSError as error:
    raise UserError(
      f"workdir: cannot write {path} ({error.strerror}); "
      "give a folder that you may write to"
    ) from error
