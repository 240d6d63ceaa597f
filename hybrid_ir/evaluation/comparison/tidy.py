"""A comparison as one figure a line. From compare, to compare/compare.csv."""

import csv
import io
from collections.abc import Iterator

from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Comparison,
  Difference,
  Estimate,
)

COLUMNS = (
  *("benchmark", "unit", "setting", "measure", "system", "against"),
  *("figure", "seed", "query_language", "passage_language", "value"),
)
_Row = dict[str, object]


def tidy(comparison: Comparison) -> str:
  """Every figure with the names of what it is of; "" where none applies.

  `figure` is mean, deviation, low, high or seed of a system (`against` is
  empty), or of a pair: difference, low, high, p, p_holm, significant,
  questions, ahead, behind, wins, ties, losses, or cell, the difference in one
  query language and pool.
  """
  text = io.StringIO()
  table = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
  table.writeheader()
  for one in comparison.benchmarks:
    for row in _figures(one):
      table.writerow({"benchmark": one.benchmark, "unit": one.unit, **row})
  return text.getvalue()


def _figures(one: BenchmarkComparison) -> Iterator[_Row]:
  for estimate in one.estimates:
    yield from _of_system(estimate)
  for difference in one.differences:
    yield from _of_pair(difference)


def _of_system(estimate: Estimate) -> Iterator[_Row]:
  names: _Row = {
    "setting": estimate.setting,
    "measure": estimate.measure,
    "system": estimate.system,
  }
  for figure, value in (
    ("mean", estimate.value),
    ("deviation", estimate.deviation),
    ("low", estimate.low),
    ("high", estimate.high),
  ):
    if value is not None:
      yield {**names, "figure": figure, "value": value}
  for one in estimate.seeds:
    yield {**names, "figure": "seed", "seed": one.seed, "value": one.value}


def _of_pair(difference: Difference) -> Iterator[_Row]:
  names: _Row = {
    "setting": difference.setting,
    "measure": difference.measure,
    "system": difference.system,
    "against": difference.against,
  }
  for figure, value in (
    ("difference", difference.value),
    ("low", difference.low),
    ("high", difference.high),
    ("p", difference.p),
    ("p_holm", difference.p_holm),
    ("significant", int(difference.significant)),
    ("questions", difference.questions),
    ("ahead", difference.ahead),
    ("behind", difference.behind),
    ("wins", difference.wins),
    ("ties", difference.ties),
    ("losses", difference.losses),
  ):
    yield {**names, "figure": figure, "value": value}
  for cell in difference.cells:
    yield {
      **names,
      "figure": "cell",
      "query_language": cell.query_language,
      "passage_language": cell.passage_language,
      "value": cell.value - cell.against,
    }
