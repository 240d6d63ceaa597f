"""Measures of the gold's exact ranks. From a ranking, to every value.

Golds are flat [G], each in a group: a query, or a query in one language's pool.
A gold that was not retrieved has rank +inf. A group without gold has no value:
NaN. What trec_eval computes too is held to it by tests: from ranks it needs no
list, however large k, and takes a fraction of the time.
"""

import numpy as np


def average_precision(
  ranks: np.ndarray, groups: np.ndarray, count: int, k: int | None = None
) -> np.ndarray:
  """AP = (1 / n) sum_i i / r_i over a group's n gold ranks r_1 < ... < r_n.

  Its mean is MAP. Without a cut-off, as LAReQA has it (Roy et al., EMNLP 2020,
  section 3), it is trec_eval's `map` of a full ranking. With one, as XTREME-R
  has it (Ruder et al., EMNLP 2021; k = 20), only ranks up to k add to the sum
  and the divisor is min(n, k): unlike trec_eval's `map_cut`, whose divisor is
  n, it reaches 1 where n > k.

  Args:
    ranks: [G] from 1; +inf: not retrieved, adds 0.
    groups: [G] in 0 .. count - 1.
    count: of groups.
    k: the cut-off, or None.

  Returns:
    [count] float64 in 0 .. 1.
  """
  order = np.lexsort((ranks, groups))
  ranks, groups = ranks[order], groups[order]
  found = 1 + np.arange(len(groups)) - np.searchsorted(groups, groups)
  gains = found / ranks
  golds = np.bincount(groups, minlength=count)
  if k is not None:
    gains = np.where(ranks <= k, gains, 0)
    golds = np.minimum(golds, k)
  return _divide(np.bincount(groups, weights=gains, minlength=count), golds)


def reciprocal_rank(
  ranks: np.ndarray, groups: np.ndarray, count: int
) -> np.ndarray:
  """RR = 1 / r_1, r_1 the best of a group's gold ranks. No cut-off.

  Its mean is MRR (Voorhees, TREC-8 Question Answering Track Report, 1999).
  Arguments and result as for `average_precision`; 0 where none was retrieved.
  """
  best = np.full(count, np.inf)
  np.minimum.at(best, groups, ranks)
  golds = np.bincount(groups, minlength=count)
  return np.where(golds > 0, 1 / best, np.nan)


def recall(
  ranks: np.ndarray, groups: np.ndarray, count: int, k: int
) -> np.ndarray:
  """R@k = h / n: the share of a group's n golds that are among the first k.

  trec_eval's `recall` (Manning et al., Introduction to Information Retrieval,
  2008, section 8.3). Arguments and result as for `average_precision`.
  """
  golds = np.bincount(groups, minlength=count)
  return _divide(_hits(ranks, groups, count, k), golds)


def precision(
  ranks: np.ndarray, groups: np.ndarray, count: int, k: int
) -> np.ndarray:
  """P@k = h / k: the share of the first k that are gold.

  trec_eval's `P`: a pool of fewer than k is divided by k too (source as for
  `recall`). Arguments and result as for `average_precision`.
  """
  golds = np.bincount(groups, minlength=count)
  return np.where(golds > 0, _hits(ranks, groups, count, k) / k, np.nan)


def f1(ranks: np.ndarray, groups: np.ndarray, count: int, k: int) -> np.ndarray:
  """F1@k = 2 P R / (P + R) = 2 h / (k + n), of precision and recall at k.

  0 where no gold is found (van Rijsbergen, Information Retrieval, 1979,
  chapter 7). At most 2 min(n, k) / (k + n), so below 1 unless k = n. Arguments
  and result as for `average_precision`.
  """
  golds = np.bincount(groups, minlength=count)
  found = 2 * _hits(ranks, groups, count, k)
  return np.where(golds > 0, found / (k + golds), np.nan)


def success(
  ranks: np.ndarray, groups: np.ndarray, count: int, k: int
) -> np.ndarray:
  """S@k = 1 where any gold is among the first k, else 0.

  trec_eval's `success` (Craswell and Hawking, Overview of the TREC 2004 Web
  Track). Arguments and result as for `average_precision`.
  """
  golds = np.bincount(groups, minlength=count)
  return np.where(golds > 0, _hits(ranks, groups, count, k) > 0, np.nan)


def ndcg(
  ranks: np.ndarray,
  grades: np.ndarray,
  groups: np.ndarray,
  count: int,
  k: int,
) -> np.ndarray:
  """nDCG@k = DCG@k / ideal DCG@k; DCG@k = sum_{r_i <= k} g_i / log2(1 + r_i).

  The gain is the grade itself, and the ideal ranks all of a group's golds by
  grade: trec_eval's `ndcg_cut` (Jarvelin and Kekalainen, TOIS 20(4), 2002).
  Where all grades are 1 it is the binary nDCG.

  Args:
    ranks: [G] from 1; +inf: not retrieved.
    grades: [G] from 1, each gold's relevance.
    groups: [G] in 0 .. count - 1.
    count: of groups.
    k: the cut-off.

  Returns:
    [count] float64 in 0 .. 1.
  """
  order = np.lexsort((-grades, groups))
  starts = np.searchsorted(groups[order], groups[order])
  best = np.empty(len(groups))
  best[order] = 1 + np.arange(len(groups)) - starts
  return _divide(
    _discounted(ranks, grades, groups, count, k),
    _discounted(best, grades, groups, count, k),
  )


def _discounted(
  ranks: np.ndarray,
  grades: np.ndarray,
  groups: np.ndarray,
  count: int,
  k: int,
) -> np.ndarray:
  """DCG@k of each group. [count]."""
  gains = np.where(ranks <= k, grades / np.log2(1 + ranks), 0)
  return np.bincount(groups, weights=gains, minlength=count)


def _hits(
  ranks: np.ndarray, groups: np.ndarray, count: int, k: int
) -> np.ndarray:
  """How many golds of each group are among the first k. [count]."""
  return np.bincount(groups[ranks <= k], minlength=count)


def _divide(total: np.ndarray, by: np.ndarray) -> np.ndarray:
  return np.divide(total, by, out=np.full(len(by), np.nan), where=by > 0)
