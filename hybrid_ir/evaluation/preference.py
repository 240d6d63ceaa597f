"""Which language of a parallel gold comes first. From ranks, to results.

Of translations of one answer, a system without bias puts each first equally
often. Counted are queries with golds in two languages or more, their own among
them: the others leave no choice, or not this one. After the Language Preference
Rate of Jang et al. (arXiv 2605.07249).
"""

import numpy as np


def first_languages(
  ranks: np.ndarray,
  gold_languages: np.ndarray,
  queries: np.ndarray,
  query_languages: np.ndarray,
) -> np.ndarray:
  """The language of each query's best gold in the multilingual pool.

  Args:
    ranks: [G] from 1, in the whole pool; +inf: not retrieved.
    gold_languages: [G] int.
    queries: [G] in 0 .. Q - 1.
    query_languages: [Q] int.

  Returns:
    [Q] int64; -1 where a query is not counted, or none of its golds was
    retrieved.
  """
  Q = len(query_languages)
  order = np.lexsort((ranks, queries))
  asked, best = np.unique(queries[order], return_index=True)
  best = order[best]
  first = np.full(Q, -1)
  first[asked] = np.where(np.isfinite(ranks[best]), gold_languages[best], -1)
  own = gold_languages == query_languages[queries]
  choice = (np.bincount(queries[own], minlength=Q) > 0) & (
    np.bincount(queries[~own], minlength=Q) > 0
  )
  return np.where(choice, first, -1)


def own_language_first(
  first: np.ndarray, query_languages: np.ndarray
) -> np.ndarray:
  """1 where a query's own language comes first, 0 where another does.

  Args:
    first: [Q] of `first_languages`.
    query_languages: [Q] int.

  Returns:
    [Q] float64; NaN where the query is not counted. Without bias its mean is
    the mean of 1 / (number of gold languages).
  """
  return np.where(first >= 0, first == query_languages, np.nan)


def language_preference(
  first: np.ndarray, query_languages: np.ndarray, language_count: int
) -> np.ndarray:
  """How often each language comes first, by the query's language.

  Args:
    first: [Q] of `first_languages`.
    query_languages: [Q] int.
    language_count: L.

  Returns:
    [L query, L passage] float64; a row sums to 1, or is NaN for a language
    without counted queries. The diagonal is `own_language_first`'s mean.
  """
  L = language_count
  counted = first >= 0
  pair = query_languages[counted] * L + first[counted]
  counts = np.bincount(pair, minlength=L * L).reshape(L, L)
  total = counts.sum(axis=1, keepdims=True)
  return np.divide(counts, total, out=np.full((L, L), np.nan), where=total > 0)
