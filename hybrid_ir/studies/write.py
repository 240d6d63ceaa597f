"""A study's pages on disk. From its runs' folders, to WORKDIR/NAME."""

import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.comparison.markdown import plain
from hybrid_ir.evaluation.report import svg
from hybrid_ir.files import not_of, replace_folder
from hybrid_ir.studies import instruct, mtop, paper, ratio, scaling
from hybrid_ir.studies.encoders import encoder_table
from hybrid_ir.studies.grid import Cell
from hybrid_ir.studies.head import head
from hybrid_ir.studies.notes import notes_table
from hybrid_ir.studies.outcome import Outcome
from hybrid_ir.studies.page import (
  Extra,
  Finding,
  Plot,
  Table,
  table_lines,
)
from hybrid_ir.studies.reading import read_outcome
from hybrid_ir.studies.rows import in_rows
from hybrid_ir.studies.sentences import findings
from hybrid_ir.studies.tables import benchmark_tables
from hybrid_ir.studies.tidy import tidy

FINDINGS = "findings.md"
_EXTRAS: dict[str, Callable[[Outcome], Extra]] = {
  "": lambda outcome: Extra(plots=tuple(in_rows(outcome))),
  "paper": paper.extra,
  "scaling": scaling.extra,
  "ratio": ratio.extra,
  "mtop": mtop.extra,
  "instruct": instruct.extra,
}


def check_folder(config: Config, workdir: pathlib.Path) -> None:
  """Refuses to write over what is not a study's pages.

  Raises:
    UserError: a folder in the way, or a file in it that is not of the pages.
  """
  name = config.study.name
  folder = workdir / name
  if folder.exists() and not (folder / FINDINGS).exists():
    raise UserError(
      f"{folder}: in the way, and not a study's; move it, or name another"
      " --workdir"
    )
  page = f"{name}.md"
  if others := not_of(
    folder, (page, f"{name}.csv", FINDINGS, *_plots_on(folder / page))
  ):
    raise UserError(
      f"{folder}: new pages would take its place, and lose {others[0]!r}, which"
      " is not of the older ones; move it away, or name another --workdir"
    )


def write_study(
  config: Config,
  cells: Sequence[Cell],
  failed: Mapping[Cell, str],
  workdir: pathlib.Path,
  *,
  shown: Sequence[Table] = (),
  command: Sequence[str] = (),
) -> list[pathlib.Path]:
  """Writes tables, plots and findings of what is done, in place of older ones.

  Args:
    config: of the study.
    cells: all of its runs.
    failed: those that failed, and why.
    workdir: of the study.
    shown: tables that come first.
    command: the arguments that the study was started with.

  Returns:
    The files in WORKDIR/NAME.

  Raises:
    UserError: a damaged file of a run, or what `check_folder` refuses.
  """
  name, kind = config.study.name, config.study.kind
  folder = workdir / name
  outcome = read_outcome(config, cells)
  extra = _EXTRAS[kind](outcome)
  plots = _apart(extra.plots)
  encoders, on_encoders = encoder_table(cells)
  notes, on_notes = notes_table(config, cells)
  tables = (
    *(*shown, encoders, *([notes] if notes.rows else []), *extra.tables),
    *(t for one in outcome.benchmarks for t in benchmark_tables(outcome, one)),
  )
  found = [*on_notes, *on_encoders, *extra.findings, *findings(outcome)]
  with replace_folder(folder) as aside:
    for file, text in {
      f"{name}.md": "\n".join(
        [
          *head(config, cells, failed, command),
          *_body(outcome, cells, tables, plots),
        ]
      ),
      f"{name}.csv": tidy(outcome),
      FINDINGS: _findings(name, found),
      **{f"{plot.name}.svg": svg.standalone(plot.svg) for plot in plots},
    }.items():
      (aside / file).write_text(text, encoding="utf-8", newline="\n")
    check_folder(config, workdir)  # a file may have come in the meantime
  return sorted(folder.iterdir())


def _body(
  outcome: Outcome,
  cells: Sequence[Cell],
  tables: Sequence[Table],
  plots: Sequence[Plot],
) -> Iterator[str]:
  yield f"Findings: [{FINDINGS}]({FINDINGS})"
  yield ""
  for table in tables:
    yield from table_lines(table)
  for plot in plots:
    yield from _plot(plot)
  notes = [
    f"- {one.benchmark}: {plain(note)}"
    for one in outcome.benchmarks
    for note in one.notes
  ]
  yield from (*notes, "") if notes else ()
  yield from table_lines(_cells(cells))


def _plots_on(page: pathlib.Path) -> list[str]:
  """The files of the plots that a page shows; none where it is not there."""
  text = page.read_text(encoding="utf-8") if page.exists() else ""
  return re.findall(r"^!\[.*\]\((.+\.svg)\)$", text, re.MULTILINE)


def _apart(plots: Sequence[Plot]) -> tuple[Plot, ...]:
  """Plots whose names differ: letters that a file's name lacks told some."""
  found: dict[str, Plot] = {}
  for plot in plots:
    name, number = plot.name, 1
    while name in found:
      number += 1
      name = f"{plot.name}-{number}"
    found[name] = dataclasses.replace(plot, name=name)
  return tuple(found.values())


def _plot(plot: Plot) -> Iterator[str]:
  yield f"![{plot.name}]({plot.name}.svg)"
  yield ""
  yield plain(plot.caption)
  yield ""


def _cells(cells: Sequence[Cell]) -> Table:
  return Table(
    "cells",
    "Every run, with its folder.",
    ("cell", "seed", "steps", "folder"),
    tuple(
      (
        " ".join(f"{axis}={variant}" for axis, variant in cell.labels.items()),
        str(cell.seed),
        f"{cell.config.train.steps if cell.is_trained else 0:,}",
        f"cells/{cell.key}",
      )
      for cell in cells
    ),
  )


def _findings(name: str, found: Sequence[Finding]) -> str:
  lines = [
    f"# What the study {name} found",
    "",
    f"Every sentence is made of figures in [{name}.md]({name}.md), where the"
    " parentheses say. A difference is tested over questions, and held against"
    " the spread over seeds; ± is the standard deviation over seeds.",
    "",
    *(f"- {plain(f.text)} ({plain(f.source)})" for f in found),
  ]
  return "\n".join(lines) + "\n"
