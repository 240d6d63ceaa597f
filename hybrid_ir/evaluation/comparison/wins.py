"""Where one system is ahead of another. From matching, to the differences.

Q queries, L languages, P = L + 1 pools: each language's passages, then all.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.comparison.figures import (
  CellDifference,
  QueryDifference,
  direction,
)

_SHOWN = 10  # queries a side
_ROUNDING = 1e-9  # gains that are none


@dataclasses.dataclass(frozen=True, slots=True)
class QueryWins:
  """Two systems query by query."""

  wins: int
  ties: int
  losses: int
  won: tuple[QueryDifference, ...]  # by the most, most first
  lost: tuple[QueryDifference, ...]


def cell_differences(
  means: np.ndarray,
  against: np.ndarray,
  cells: Sequence[tuple[int, int]],
  languages: Sequence[str],
) -> tuple[CellDifference, ...]:
  """Two systems in each cell.

  Args:
    means: [C] of the one.
    against: [C] of the other.
    cells: C (query language, pool).
    languages: L codes.
  """
  codes = (*languages, "all")
  return tuple(
    CellDifference(codes[query], codes[pool], float(value), float(other))
    for (query, pool), value, other in zip(cells, means, against, strict=True)
  )


def count_ahead(
  measure: str, cells: Sequence[CellDifference]
) -> tuple[int, int]:
  """In how many cells the one is better, and in how many the other."""
  gains = [direction(measure) * (cell.value - cell.against) for cell in cells]
  return (
    sum(gain > _ROUNDING for gain in gains),
    sum(gain < -_ROUNDING for gain in gains),
  )


def query_means(
  values: np.ndarray,
  query_languages: np.ndarray,
  cells: Sequence[tuple[int, int]],
) -> np.ndarray:
  """Each query's value in a setting; in cross the mean over its pools.

  Args:
    values: [Q, P], NaN where there is none.
    query_languages: [Q] int.
    cells: the setting's (query language, pool).

  Returns:
    [Q] float64, NaN where there is none.
  """
  P = values.shape[1]
  searched = np.zeros((P, P), bool)  # [query language, pool]
  searched[tuple(np.transpose(cells))] = True
  there = searched[query_languages] & ~np.isnan(values)
  count = there.sum(axis=1)
  total = np.where(there, values, 0).sum(axis=1)
  return np.divide(
    total, count, out=np.full(len(values), np.nan), where=count > 0
  )


def query_wins(
  measure: str,
  values: np.ndarray,
  against: np.ndarray,
  query_ids: Sequence[str],
) -> QueryWins:
  """Counts queries won and lost, and names those by the most.

  Args:
    measure: says which way is better.
    values: [Q], NaN where there is none.
    against: [Q].
    query_ids: [Q].
  """
  gain = direction(measure) * (values - against)
  won = np.flatnonzero(gain > _ROUNDING)
  lost = np.flatnonzero(gain < -_ROUNDING)

  def most(queries: np.ndarray) -> tuple[QueryDifference, ...]:
    order = np.argsort(-np.abs(gain[queries]), kind="stable")[:_SHOWN]
    return tuple(
      QueryDifference(query_ids[q], float(values[q]), float(against[q]))
      for q in queries[order].tolist()
    )

  return QueryWins(
    wins=len(won),
    ties=int((~np.isnan(gain)).sum()) - len(won) - len(lost),
    losses=len(lost),
    won=most(won),
    lost=most(lost),
  )
