"""PEER: do languages have equal expected ranks? From ranks, to results.

Probability of Equal Expected Rank (Yang, Janich, Mayfield and Lawrie, SIGIR
2024, arXiv 2405.00978): of the documents of one relevance level, the p-value of
the Kruskal-Wallis test that their ranks do not depend on their language. 1 is
fair, 0 is not. Documents behind the cut-off tie in the last place. One language
alone is fair: p = 1.
"""

import numpy as np
from scipy import special


def peer(
  ranks: np.ndarray,
  grades: np.ndarray,
  gold_languages: np.ndarray,
  queries: np.ndarray,
  count: int,
  k: int,
) -> np.ndarray:
  """PEER@k over the relevant levels, each of a query's with equal weight.

  Args:
    ranks: [G] from 1, in the whole pool; +inf: not retrieved.
    grades: [G] from 1: the level.
    gold_languages: [G] int.
    queries: [G] in 0 .. count - 1.
    count: of queries.
    k: the cut-off.

  Returns:
    [count] float64 in 0 .. 1. NaN for a query whose p-values are the same
    whatever the ranks: in no level has it golds of two languages, and two of
    one of them. So a benchmark with one gold a language has no value.
  """
  levels, level = np.unique(grades, return_inverse=True)
  samples = queries * len(levels) + level
  p, can_differ = kruskal_wallis(
    np.where(ranks <= k, ranks, np.inf),
    gold_languages,
    samples,
    count * len(levels),
  )
  present = np.bincount(samples, minlength=len(p)) > 0
  p, can_differ, present = (
    x.reshape(count, -1) for x in (p, can_differ, present)
  )
  return np.divide(
    np.where(present, p, 0).sum(axis=1),
    present.sum(axis=1),
    out=np.full(count, np.nan),
    where=can_differ.any(axis=1),
  )


def peer_nonrelevant(
  top: np.ndarray,
  passage_languages: np.ndarray,
  gold_queries: np.ndarray,
  gold_passages: np.ndarray,
) -> np.ndarray:
  """PEER@k over what is not relevant among the first k: level 0 alone.

  Args:
    top: [Q, k] passages of the multilingual pool, best first; -1 pads.
    passage_languages: [C] int.
    gold_queries: [G] in 0 .. Q - 1.
    gold_passages: [G] in 0 .. C - 1.

  Returns:
    [Q] float64 in 0 .. 1; NaN for an empty list.
  """
  Q, C = len(top), len(passage_languages)
  pairs = np.arange(Q)[:, None] * C + top
  gold = np.isin(pairs, gold_queries * C + gold_passages)
  query, place = np.nonzero((top >= 0) & ~gold)
  p, _ = kruskal_wallis(
    1.0 + place, passage_languages[top[query, place]], query, Q
  )
  return np.where((top >= 0).any(axis=1), p, np.nan)


def kruskal_wallis(
  values: np.ndarray, classes: np.ndarray, samples: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
  """The Kruskal-Wallis test, many samples at once.

  Within a sample values become ranks 1 .. n, ties their mean; then H =
  (n - 1) sum_c n_c (mean_c - mean)^2 / sum_i (r_i - mean)^2, and p is the
  chi-squared distribution's tail, of one degree of freedom less than classes
  (Kruskal and Wallis, JASA 47(260), 1952, with their correction for ties).

  Args:
    values: [N]; +inf stands last.
    classes: [N] int from 0.
    samples: [N] in 0 .. count - 1.
    count: of samples.

  Returns:
    p [count] in 0 .. 1, and 1 where a sample has fewer than two classes or all
    its values tie; whether p depends on the values [count]: two classes, and
    two values in one of them.
  """
  n = np.bincount(samples, minlength=count)
  rank = _mean_ranks(values, samples)
  width = 1 + classes.max(initial=0)
  cell = samples * width + classes
  size = np.bincount(cell, minlength=count * width).reshape(count, width)
  total = np.bincount(cell, weights=rank, minlength=count * width)
  mean = (n + 1) / 2
  off = total.reshape(count, width) - size * mean[:, None]
  between = np.divide(
    off**2, size, out=np.zeros(size.shape), where=size > 0
  ).sum(axis=1)
  whole = np.bincount(
    samples, weights=(rank - mean[samples]) ** 2, minlength=count
  )
  here = (size > 0).sum(axis=1)
  test = (here > 1) & (whole > 0)
  H = np.divide((n - 1) * between, whole, out=np.zeros(count), where=test)
  p = np.where(test, special.chdtrc(np.maximum(here - 1, 1), H), 1.0)
  return p, (here > 1) & (size > 1).any(axis=1)


def _mean_ranks(values: np.ndarray, samples: np.ndarray) -> np.ndarray:
  """Ranks from 1 within each sample, ties sharing their mean. [N]."""
  order = np.lexsort((values, samples))
  value, sample = values[order], samples[order]
  new = np.ones(len(order), bool)
  new[1:] = (value[1:] != value[:-1]) | (sample[1:] != sample[:-1])
  run = np.cumsum(new) - 1
  place = 1 + np.arange(len(order)) - np.searchsorted(sample, sample)
  mean = np.bincount(run, weights=place) / np.bincount(run)
  ranks = np.empty(len(order))
  ranks[order] = mean[run]
  return ranks
