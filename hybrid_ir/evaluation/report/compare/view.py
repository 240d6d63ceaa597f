"""A comparison, looked up: cells by system and language. Feeds the sections."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Comparison,
  Difference,
  direction,
)
from hybrid_ir.evaluation.report.canvas import shown
from hybrid_ir.evaluation.report.page import Cell


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
  """One system's means of one measure, language by language."""

  system: str
  name: str  # in names of files: unlike any other system's
  matrix: np.ndarray  # [L query, L passage]; NaN: not measured
  pooled: np.ndarray  # [L query] in the pool of all; NaN: not measured


def lead(one: BenchmarkComparison) -> str | None:
  """The first measure that was tested: maps, languages, queries show it."""
  tested = {difference.measure for difference in one.differences}
  return next((name for name in one.measures if name in tested), None)


def grids(one: BenchmarkComparison, measure: str) -> list[Grid]:
  """The systems that were tested, the benchmark's first one first."""
  found = []
  place = {code: index for index, code in enumerate(one.languages)}
  for number, system in enumerate(one.systems, start=1):
    L = len(one.languages)
    matrix, pooled = np.full((L, L), np.nan), np.full(L, np.nan)
    for difference in one.differences:
      sides = (difference.system, difference.against)
      if difference.measure != measure or system not in sides:
        continue
      for cell in difference.cells:
        value = cell.value if system == sides[0] else cell.against
        query = place[cell.query_language]
        if cell.passage_language == "all":
          pooled[query] = value
        else:
          matrix[query, place[cell.passage_language]] = value
    if not (np.isnan(matrix).all() and np.isnan(pooled).all()):
      found.append(Grid(system, f"{number} {system}", matrix, pooled))
  return found


def against_first(one: BenchmarkComparison) -> list[Difference]:
  """Differences from the benchmark's first system, the baseline if it is in."""
  return [item for item in one.differences if item.against == one.systems[0]]


def labels(comparison: Comparison) -> dict[str, tuple[str, int]]:
  """Each system's name as figures write it, and its colour in all of them."""
  return {
    system.name: (shown(system.name, place + 1), place)
    for place, system in enumerate(comparison.systems)
  }


def beside(
  measure: str, values: Sequence[float | None], *, apart: bool = False
) -> tuple[Cell, ...]:
  """A row's cells, a system each, the best of them marked.

  Args:
    measure: says which way is better, and how many decimals.
    values: None or NaN where a system has none.
    apart: they are means over different numbers of queries: none is the best,
      and all bear the mark that says so.
  """
  way = direction(measure)
  there = [x for x in values if x is not None and not np.isnan(x)]
  best = max((way * x for x in there), default=0.0)
  target = cells.number(measure, abs(best))
  found = []
  for value in values:
    if value is None or np.isnan(value):
      found.append(Cell("–"))
      continue
    text = cells.number(measure, value)
    wins = way != 0 and len(there) > 1 and text == target and not apart
    mark = cells.APART if apart else ""
    found.append(Cell(text, value, best=wins, mark=mark))
  return tuple(found)


def legend(rows: Iterable[Sequence[Cell]]) -> str:
  """What a table's title ends with, where `beside` put a mark into it."""
  marked = any(cell.mark == cells.APART for row in rows for cell in row)
  return f" ({cells.APART}: {cells.APART_MEANS})" if marked else ""
