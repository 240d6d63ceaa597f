"""What the cells of a table say, whatever its format. From compare, to tables.

A column is a (setting, measure).
"""

import dataclasses
from collections.abc import Sequence

from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Comparison,
  Difference,
  Estimate,
  direction,
  query_counts,
)

APART = "‡"  # the mark of a mean that is `apart`
APART_MEANS = "over different numbers of queries, so that none is the best"

_TITLES = {
  "map": "MAP",
  "mrr": "MRR",
  "ndcg": "nDCG",
  "recall": "R",
  "precision": "P",
  "f1": "F1",
  "success": "Success",
  "peer": "PEER",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
  """One system's figure in the table of means."""

  value: str
  spread: str  # the standard deviation over seeds; "": one seed
  best: bool
  marked: bool  # differs significantly from the baseline
  apart: bool  # its column's means are over different numbers of queries


def columns(one: BenchmarkComparison) -> list[tuple[str, str]]:
  """The (setting, measure) that a table shows: those asked for."""
  every = dict.fromkeys((e.setting, e.measure) for e in one.estimates)
  return [column for column in every if column[1] in one.measures]


def apart(one: BenchmarkComparison) -> set[tuple[str, str]]:
  """The (setting, measure) whose means are over different numbers of queries.

  A run that is cut has no rank distance for queries whose gold it lacks, which
  are those of the largest: its mean is the smallest, and says nothing.
  """
  return set(query_counts(one.estimates))


def row(
  comparison: Comparison, one: BenchmarkComparison, system: str
) -> list[Cell]:
  """A system's cells, in the order of `columns`."""
  estimates = {(e.system, e.setting, e.measure): e for e in one.estimates}
  marked = {
    (d.system, d.setting, d.measure)
    for d in one.differences
    if d.against == comparison.baseline and d.significant
  }
  unlike = apart(one)
  cells = []
  for setting, measure in columns(one):
    is_apart = (setting, measure) in unlike
    beside = [estimates[name, setting, measure] for name in one.systems]
    mine = estimates[system, setting, measure]
    cells.append(
      Cell(
        value=number(measure, mine.value),
        spread=(
          "" if mine.deviation is None else number(measure, mine.deviation)
        ),
        best=not is_apart and _is_best(measure, mine, beside),
        marked=(system, setting, measure) in marked,
        apart=is_apart,
      )
    )
  return cells


def _is_best(measure: str, mine: Estimate, beside: Sequence[Estimate]) -> bool:
  way = direction(measure)
  best = max(way * other.value for other in beside)
  return way != 0 and number(measure, mine.value) == number(measure, way * best)


def seed_count(one: BenchmarkComparison, system: str) -> int:
  """Of a system's runs on the benchmark."""
  return max(len(e.seeds) for e in one.estimates if e.system == system)


def title(measure: str) -> str:
  """A measure's name in print."""
  family, at, cutoff = measure.partition("@")
  return _TITLES.get(family, family.replace("_", " ")) + at + cutoff


def number(measure: str, value: float) -> str:
  """Ranks with one decimal, shares with four and no leading zero."""
  if measure == "rank_distance":
    return f"{value:.1f}"
  text = f"{value:.4f}"
  return text.replace("0.", ".", 1) if abs(value) < 1 else text


def signed(measure: str, value: float) -> str:
  """A difference."""
  return ("+" if value >= 0 else "-") + number(measure, abs(value))


def caption(
  comparison: Comparison, one: BenchmarkComparison, mark: str, spread: str
) -> str:
  """What the table of means shows, and when a cell is marked.

  Args:
    comparison: names the baseline, the level and the resamples.
    one: the benchmark's part.
    mark: the dagger, as the format writes it.
    spread: the sign ±, as the format writes it.
  """
  text = "Macro means over languages (cross: over ordered pairs of languages)."
  if any(e.deviation is not None for e in one.estimates):
    text += f" {spread}: standard deviation over seeds."
  text += " Bold: the best mean."
  if apart(one) & set(columns(one)):
    text += f" {APART}: {APART_MEANS}."
  if any(d.against == comparison.baseline for d in one.differences):
    text += (
      f" {mark}: differs from {comparison.baseline} at p <="
      f" {1 - comparison.level:.4g}: paired randomisation test over questions"
      f" ({comparison.resamples:,} resamples, two-sided), Holm's correction"
      f" over {one.tests} tests."
    )
  return text


def wins(difference: Difference) -> tuple[str, str]:
  """Cells ahead of all, and queries won, tied and lost."""
  return (
    f"{difference.ahead} / {len(difference.cells)}",
    f"{difference.wins:,} / {difference.ties:,} / {difference.losses:,}",
  )
