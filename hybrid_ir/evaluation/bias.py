"""Language bias in the multilingual pool. From ranks and lists, to results."""

import numpy as np


def rank_distance(
  ranks: np.ndarray, queries: np.ndarray, count: int
) -> np.ndarray:
  """Worst minus best rank of a query's golds in the multilingual pool.

  The language bias of Elmahdy et al. (arXiv 2408.10536, section 4); lower is
  better, and n golds are at least n - 1 apart.

  Args:
    ranks: [G] from 1, in the whole pool; +inf: not retrieved.
    queries: [G] in 0 .. count - 1.
    count: of queries.

  Returns:
    [count] float64; NaN where a query has fewer than two golds, or one that
    was not retrieved.
  """
  best = np.full(count, np.inf)
  worst = np.zeros(count)
  np.minimum.at(best, queries, ranks)
  np.maximum.at(worst, queries, ranks)
  several = np.bincount(queries, minlength=count) > 1
  return np.subtract(
    worst,
    best,
    out=np.full(count, np.nan),
    where=several & np.isfinite(worst),
  )


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
  counts = np.zeros((language_count, language_count))
  np.add.at(
    counts, query_languages, _counts(top, passage_languages, language_count)
  )
  return _shares(counts)


def language_shares(
  top: np.ndarray, passage_languages: np.ndarray, language_count: int
) -> np.ndarray:
  """Which languages fill each list.

  Args:
    top: [Q, K] passages; -1 pads.
    passage_languages: [C] int.
    language_count: L.

  Returns:
    [Q, L] float64; a row sums to 1, or is NaN for an empty list.
  """
  return _shares(_counts(top, passage_languages, language_count))


def language_divergence(shares: np.ndarray, pool: np.ndarray) -> np.ndarray:
  """Jensen-Shannon divergence of shares from the pool's, in bits.

  JSD(p, q) = (KL(p || m) + KL(q || m)) / 2, m = (p + q) / 2 (Lin, IEEE
  Transactions on Information Theory 37(1), 1991). 0 where a list mirrors the
  pool; unlike KL it is finite where a language is absent. A short list cannot
  mirror a pool of many languages: compare systems, not lengths of lists.

  Args:
    shares: [..., L], rows that sum to 1, or NaN.
    pool: [L], sums to 1.

  Returns:
    [...] float64 in 0 .. 1, or NaN.
  """
  middle = (shares + pool) / 2
  return (
    _relative_entropy(shares, middle) + _relative_entropy(pool, middle)
  ) / 2


def own_language_share(
  shares: np.ndarray, query_languages: np.ndarray
) -> np.ndarray:
  """The share of each list that is in its query's language. [Q].

  Args:
    shares: [Q, L] of `language_shares`.
    query_languages: [Q] int.
  """
  return shares[np.arange(len(shares)), query_languages]


def _counts(
  top: np.ndarray, passage_languages: np.ndarray, L: int
) -> np.ndarray:
  """How many passages of each language a list has. [Q, L]."""
  query, place = np.nonzero(top >= 0)
  cell = query * L + passage_languages[top[query, place]]
  return np.bincount(cell, minlength=len(top) * L).reshape(len(top), L)


def _shares(counts: np.ndarray) -> np.ndarray:
  total = counts.sum(axis=1, keepdims=True)
  return np.divide(
    counts, total, out=np.full(counts.shape, np.nan), where=total > 0
  )


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> np.ndarray:
  """KL(p || q) in bits, over the last axis; a share of 0 adds 0."""
  some = p > 0
  ratio = np.where(some, p, 1) / np.where(some, q, 1)
  return np.asarray((p * np.log2(ratio)).sum(axis=-1))
