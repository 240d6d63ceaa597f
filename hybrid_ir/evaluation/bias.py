"""Language bias in the multilingual pool. From ranks and lists, to results."""

import numpy as np


def rank_distance(
  ranks: np.ndarray, queries: np.ndarray, count: int
) -> np.ndarray:
  """Worst minus best rank of a query's golds in the multilingual pool.

  The language bias of Elmahdy et al. (arXiv 2408.10536, section 4); lower is
  better, and n golds are at least n - 1 apart.

  Args:
    ranks: [G] from 1, in the whole pool.
    queries: [G] in 0 .. count - 1.
    count: of queries.

  Returns:
    [count] float64; NaN where a query has fewer than two golds.
  """
  best = np.full(count, np.inf)
  worst = np.zeros(count)
  np.minimum.at(best, queries, ranks)
  np.maximum.at(worst, queries, ranks)
  several = np.bincount(queries, minlength=count) > 1
  return np.subtract(worst, best, out=np.full(count, np.nan), where=several)


def language_share(
  top: np.ndarray,
  query_languages: np.ndarray,
  passage_languages: np.ndarray,
  language_count: int,
) -> np.ndarray:
  """Which languages fill the lists, by the query's language.

  Args:
    top: [Q, K] passages; -1 pads.
    query_languages: [Q] int.
    passage_languages: [C] int.
    language_count: L.

  Returns:
    [L query, L passage] float64; a row sums to 1, or is NaN for a language
    without queries.
  """
  L = language_count
  query, place = np.nonzero(top >= 0)
  pair = query_languages[query] * L + passage_languages[top[query, place]]
  counts = np.bincount(pair, minlength=L * L).reshape(L, L)
  total = counts.sum(axis=1, keepdims=True)
  return np.divide(counts, total, out=np.full((L, L), np.nan), where=total > 0)
