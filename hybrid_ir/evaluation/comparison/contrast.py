"""A sum of several systems' means, tested. From matching, to studies.

S systems, N questions, R resamples.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.comparison import significance
from hybrid_ir.evaluation.comparison.matching import Matched
from hybrid_ir.evaluation.comparison.paired import question_tables


@dataclasses.dataclass(frozen=True, slots=True)
class Contrast:
  """A weighted sum of macro means, and whether it is 0."""

  value: float
  low: float  # of the bootstrap interval
  high: float
  p: float  # of the randomisation test, two-sided


def contrast(
  matched: Matched,
  weights: Sequence[float],
  setting: str,
  measure: str,
  *,
  resamples: int,
  level: float,
  seed: int,
) -> Contrast | None:
  """Resamples the questions; None where no query has a value.

  With weights (1, -1) it is the difference of two systems, as `pairwise` tests
  it; with (1, -1, -1, 1), how much further the first is ahead of the second
  than the third is of the fourth.

  Args:
    matched: the systems' per-query values.
    weights: S, that sum to 0.
    setting: mono, cross or multi.
    measure: that `matched.values` has in the setting.
    resamples: of the bootstrap, and of the randomisation test.
    level: of the interval.
    seed: of both.
  """
  found = question_tables(matched, setting, measure)
  if not found:
    return None
  tables, _ = found
  sums = np.tensordot(np.array(weights), tables, axes=1)[None]  # [1, N, C]
  parts = significance.contributions(sums)
  samples = significance.bootstrap(sums, resamples, seed)
  [low], [high] = significance.interval(samples, level)
  [p] = significance.randomisation(parts, resamples, seed)
  return Contrast(float(parts.sum()), float(low), float(high), float(p))
