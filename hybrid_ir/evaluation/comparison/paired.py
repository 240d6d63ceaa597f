"""One measure in one setting: intervals and tests. From matching, to compare.

S systems, N questions, C cells, K pairs of systems.
"""

import dataclasses
import itertools

import numpy as np

from hybrid_ir.evaluation.comparison import significance
from hybrid_ir.evaluation.comparison.figures import Difference
from hybrid_ir.evaluation.comparison.matching import Matched
from hybrid_ir.evaluation.comparison.wins import (
  cell_differences,
  count_ahead,
  query_means,
  query_wins,
)
from hybrid_ir.evaluation.results import cells as cells_of


@dataclasses.dataclass(frozen=True, eq=False)
class Tested:
  """All systems and all pairs of them, on one measure in one setting."""

  setting: str
  measure: str
  cells: tuple[tuple[int, int], ...]  # C (query language, pool) with values
  cell_means: np.ndarray  # [S, C]
  means: np.ndarray  # [S] macro
  low: np.ndarray  # [S] of the bootstrap intervals
  high: np.ndarray  # [S]
  pairs: tuple[tuple[int, int], ...]  # K (system, against)
  difference_low: np.ndarray  # [K]
  difference_high: np.ndarray  # [K]
  p: np.ndarray  # [K]
  questions: int  # N


def question_tables(
  matched: Matched, setting: str, measure: str
) -> tuple[np.ndarray, tuple[tuple[int, int], ...]] | None:
  """What is resampled: the questions and cells that have values.

  Returns:
    [S, N, C] float64 and C cells (query language, pool); None: no query has a
    value.
  """
  every = tuple(cells_of(setting, len(matched.languages)))
  tables = np.stack(
    [
      significance.by_question(
        values, matched.query_languages, matched.questions, every
      )
      for values in matched.values[setting, measure]
    ]
  )
  there = ~np.isnan(tables[0])
  if not there.any():
    return None
  scored = there.any(axis=0)
  return (
    tables[:, there.any(axis=1)][:, :, scored],
    tuple(itertools.compress(every, scored)),
  )


def pairwise(
  matched: Matched,
  setting: str,
  measure: str,
  *,
  resamples: int,
  level: float,
  seed: int,
) -> Tested | None:
  """Resamples the questions; None where no query has a value.

  Args:
    matched: the systems' per-query values.
    setting: mono, cross or multi.
    measure: that `matched.values` has in the setting.
    resamples: of the bootstrap, and of the randomisation test.
    level: of the intervals.
    seed: of both.
  """
  found = question_tables(matched, setting, measure)
  if not found:
    return None
  tables, scored = found
  parts = significance.contributions(tables)
  samples = significance.bootstrap(tables, resamples, seed)
  low, high = significance.interval(samples, level)
  pairs = tuple(
    (system, against)
    for against, system in itertools.combinations(range(len(tables)), 2)
  )
  ours, others = (np.array(side) for side in zip(*pairs, strict=True))
  difference_low, difference_high = significance.interval(
    samples[ours] - samples[others], level
  )
  return Tested(
    setting=setting,
    measure=measure,
    cells=scored,
    cell_means=np.nanmean(tables, axis=1),
    means=parts.sum(axis=1),
    low=low,
    high=high,
    pairs=pairs,
    difference_low=difference_low,
    difference_high=difference_high,
    p=significance.randomisation(parts[ours] - parts[others], resamples, seed),
    questions=tables.shape[1],
  )


def differences(
  matched: Matched, tested: Tested, p_holm: np.ndarray, level: float
) -> list[Difference]:
  """What a test found of each pair, and what is behind it.

  Args:
    matched: what was tested.
    tested: the test.
    p_holm: [K] adjusted p-values.
    level: a difference is significant at p_holm <= 1 - level.
  """
  by_query = [
    query_means(values, matched.query_languages, tested.cells)
    for values in matched.values[tested.setting, tested.measure]
  ]
  found = []
  for k, (system, against) in enumerate(tested.pairs):
    cells = cell_differences(
      tested.cell_means[system],
      tested.cell_means[against],
      tested.cells,
      matched.languages,
    )
    ahead, behind = count_ahead(tested.measure, cells)
    queries = query_wins(
      tested.measure, by_query[system], by_query[against], matched.query_ids
    )
    found.append(
      Difference(
        system=matched.systems[system],
        against=matched.systems[against],
        setting=tested.setting,
        measure=tested.measure,
        value=float(tested.means[system] - tested.means[against]),
        low=float(tested.difference_low[k]),
        high=float(tested.difference_high[k]),
        p=float(tested.p[k]),
        p_holm=float(p_holm[k]),
        significant=bool(p_holm[k] <= 1 - level),
        questions=tested.questions,
        ahead=ahead,
        behind=behind,
        wins=queries.wins,
        ties=queries.ties,
        losses=queries.losses,
        cells=cells,
        won=queries.won,
        lost=queries.lost,
      )
    )
  return found
