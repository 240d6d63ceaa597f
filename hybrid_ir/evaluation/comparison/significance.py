"""Resampling of questions. From per-query values, to intervals and p-values.

S systems, N questions, C cells, R resamples. A cell is the queries of one
language in one pool. The statistic is the macro mean: a cell's mean over its
queries, then the mean over cells. A question in eleven languages is eleven
queries that are translations of each other and so dependent: the unit that is
drawn, or whose sign is flipped, is the question with all of its queries (a
cluster bootstrap: Field and Welsh, JRSS B 2007; Davison and Hinkley, 1997).
"""

from collections.abc import Iterator, Sequence

import numpy as np

_HELD = 2**20  # draws held at once


def by_question(
  values: np.ndarray,
  query_languages: np.ndarray,
  questions: np.ndarray,
  cells: Sequence[tuple[int, int]],
) -> np.ndarray:
  """Sorts queries by question.

  Args:
    values: [Q, P] a query in a pool; NaN where it has no value.
    query_languages: [Q] int.
    questions: [Q] int, from 0; a question stands once in a language.
    cells: C (query language, pool).

  Returns:
    [N, C] float64, NaN where a question has no value in a cell.
  """
  table = np.full((int(questions.max()) + 1, len(cells)), np.nan)
  for column, (language, pool) in enumerate(cells):
    rows = np.flatnonzero(query_languages == language)
    table[questions[rows], column] = values[rows, pool]
  return table


def contributions(tables: np.ndarray) -> np.ndarray:
  """What each question adds to the macro mean: they sum to it.

  Args:
    tables: [S, N, C], NaN in the same places for all systems; every cell has a
      value.

  Returns:
    [S, N] float64.
  """
  weights = 1 / (_there(tables).sum(axis=0) * tables.shape[2])  # [C]
  return np.nan_to_num(tables) @ weights


def bootstrap(tables: np.ndarray, resamples: int, seed: int) -> np.ndarray:
  """Macro means of N questions drawn with replacement.

  All systems are scored on the same draws, so that the differences of their
  means are those of a paired bootstrap. A cell of which a draw has no question
  is left out of that draw's macro mean.

  Args:
    tables: [S, N, C], NaN in the same places for all systems; every question
      has a value.
    resamples: R.
    seed: of the draws.

  Returns:
    [S, R] float64.
  """
  S, N, C = tables.shape
  generator = np.random.default_rng(seed)
  there = _there(tables).astype(np.float64)
  flat = np.nan_to_num(tables).transpose(1, 0, 2).reshape(N, S * C)
  means = np.empty((S, resamples))
  for chunk in _chunks(resamples, N):
    count = chunk.stop - chunk.start
    drawn = generator.integers(N, size=(count, N))
    drawn += N * np.arange(count)[:, None]
    times = np.bincount(drawn.ravel(), minlength=count * N)
    weights = times.reshape(count, N).astype(np.float64)
    sums = (weights @ flat).reshape(count, S, C)
    counts = weights @ there  # [count, C]
    scored = counts > 0
    by_cell = np.divide(
      sums,
      counts[:, None],
      out=np.zeros_like(sums),
      where=scored[:, None],
    )
    means[:, chunk] = (by_cell.sum(axis=2) / scored.sum(axis=1)[:, None]).T
  return means


def interval(
  samples: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
  """Percentile interval (Efron and Tibshirani, 1993, chapter 13).

  Args:
    samples: [..., R].
    level: such as 0.95: from the 2.5th to the 97.5th percentile.

  Returns:
    The low and the high ends. [...] each.
  """
  tail = (1 - level) / 2
  low, high = np.quantile(samples, (tail, 1 - tail), axis=-1)
  return low, high


def randomisation(
  differences: np.ndarray, resamples: int, seed: int
) -> np.ndarray:
  """P-values of the paired randomisation test, two-sided.

  Were the two systems alike, a question's values could as well have come from
  the other one: the sign of its difference is flipped at random (Smucker, Allan
  and Carterette, CIKM 2007, section 3.1). p = (1 + hits) / (1 + R), where a hit
  is a total at least as far from 0 as the observed one; so p is never 0
  (Davison and Hinkley, 1997, section 4.2).

  Args:
    differences: [K, N], K pairs of systems: the questions' differences, which
      sum to the observed one.
    resamples: R.
    seed: of the signs.

  Returns:
    [K] float64 in 1 / (1 + R) .. 1.
  """
  generator = np.random.default_rng(seed)
  N = differences.shape[1]
  # Totals that differ by rounding alone are equal.
  rounding = 1e-12 * np.abs(differences).sum(axis=1)
  least = np.abs(differences.sum(axis=1)) - rounding
  hits = np.zeros(len(differences), np.int64)
  for chunk in _chunks(resamples, N):
    count = chunk.stop - chunk.start
    bits = np.unpackbits(
      np.frombuffer(generator.bytes(count * N // 8 + 1), np.uint8)
    )[: count * N]
    signs = 2.0 * bits.reshape(count, N) - 1
    hits += (np.abs(signs @ differences.T) >= least).sum(axis=0)
  return (1 + hits) / (1 + resamples)


def holm(p: np.ndarray) -> np.ndarray:
  """P-values adjusted for their number (Holm, Scand. J. Statistics 1979).

  Rejecting what is at most alpha keeps the chance of any wrong rejection in the
  family at most alpha, whatever the tests' dependence.

  Args:
    p: [n] in 0 .. 1.

  Returns:
    [n] in 0 .. 1, in the order given.
  """
  order = np.argsort(p, kind="stable")
  steps = p[order] * (len(p) - np.arange(len(p)))
  adjusted = np.empty(len(p))
  adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
  return adjusted


def _there(tables: np.ndarray) -> np.ndarray:
  """Which questions have a value in which cells. [N, C] bool."""
  there: np.ndarray = ~np.isnan(tables[0])
  return there


def _chunks(resamples: int, questions: int) -> Iterator[slice]:
  size = max(1, _HELD // questions)
  for start in range(0, resamples, size):
    yield slice(start, min(start + size, resamples))
