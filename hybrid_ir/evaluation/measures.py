"""Uncut measures. From the gold's exact ranks; feed the results.

Golds are flat [G], each in a group: a query, or a query in one language's pool.
A group without gold has no value: NaN.
"""

import numpy as np


def average_precision(
  ranks: np.ndarray, groups: np.ndarray, count: int
) -> np.ndarray:
  """AP = (1 / n) sum_i i / r_i over a group's n gold ranks r_1 < ... < r_n.

  No cut-off. Its mean is MAP, LAReQA's measure (Roy et al., EMNLP 2020,
  section 3), and trec_eval's `map` on a full ranking.

  Args:
    ranks: [G] from 1.
    groups: [G] in 0 .. count - 1.
    count: of groups.

  Returns:
    [count] float64 in 0 .. 1.
  """
  order = np.lexsort((ranks, groups))
  ranks, groups = ranks[order], groups[order]
  found = 1 + np.arange(len(groups)) - np.searchsorted(groups, groups)
  total = np.bincount(groups, weights=found / ranks, minlength=count)
  golds = np.bincount(groups, minlength=count)
  return np.divide(total, golds, out=np.full(count, np.nan), where=golds > 0)


def reciprocal_rank(
  ranks: np.ndarray, groups: np.ndarray, count: int
) -> np.ndarray:
  """RR = 1 / r_1, r_1 the best of a group's gold ranks. No cut-off.

  Its mean is MRR (Voorhees, TREC-8 Question Answering Track Report, 1999).
  Arguments and result as for `average_precision`.
  """
  best = np.full(count, np.inf)
  np.minimum.at(best, groups, ranks)
  return np.divide(1, best, out=np.full(count, np.nan), where=np.isfinite(best))
