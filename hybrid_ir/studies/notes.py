"""`study.notes`: what is to be known of the data. To a study's pages.

A note that begins with "fixture" says that a set is made up to prove the path.
"""

import sys
from collections.abc import Iterator, Sequence

from hybrid_ir.config import Config
from hybrid_ir.data.sources import parse_weights
from hybrid_ir.studies.grid import Cell
from hybrid_ir.studies.page import Finding, Table

NAME = "what the data are"
_FIXTURE = "fixture"


def notes_table(
  config: Config, cells: Sequence[Cell]
) -> tuple[Table, list[Finding]]:
  """A row a note on what the runs use, and a sentence a fixture.

  A note on what no run uses is told on stderr: its name may be misspelt.

  Args:
    config: of the study.
    cells: all of its runs.
  """
  uses = _uses(cells)
  rows = []
  for name, note in config.study.notes.items():
    if name in uses:
      rows.append((name, " and ".join(uses[name]), note))
    else:
      print(
        f"hybrid_ir: WARNING: config key 'study.notes' has {name!r}, which no"
        f" run is trained or scored on (these are: {', '.join(uses)})",
        file=sys.stderr,
      )
  return Table(
    NAME,
    "What is to be known of data sets and benchmarks.",
    ("name", "used for", "note"),
    tuple(rows),
  ), [*_fixtures(rows)]


def is_fixture(config: Config, benchmark: str) -> bool:
  """Whether a note calls one of `evaluate.benchmarks` a fixture."""
  return config.study.notes.get(benchmark, "").startswith(_FIXTURE)


def _uses(cells: Sequence[Cell]) -> dict[str, list[str]]:
  """Name -> what it is used for, training or evaluation or both."""
  found: dict[str, list[str]] = {}
  for cell in cells:
    names = [(name, "evaluation") for name in cell.config.evaluate.benchmarks]
    if cell.is_trained:
      trained_on = parse_weights(cell.config.data.train)[0]
      names = [*((name, "training") for name in trained_on), *names]
    for name, use in names:
      uses = found.setdefault(name, [])
      if use not in uses:
        uses.append(use)
  return found


def _fixtures(rows: Sequence[tuple[str, str, str]]) -> Iterator[Finding]:
  for name, uses, note in rows:
    if note.startswith(_FIXTURE):
      whose = "its figures" if "evaluation" in uses else "figures after it"
      yield Finding(
        f"{name} ({uses}) is a fixture: {whose} prove the path, and say nothing"
        " of quality.",
        f"{NAME}, row {name}",
      )
