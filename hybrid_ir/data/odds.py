"""In which languages an example is drawn. From the corpus' languages, to plan.

Not every id exists in every language. Drawing alike from those that an id has
would favour the language that most ids have; so the odds are set such that the
shares over an epoch come out as asked, as far as the ids allow.
"""

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 500
_BLOCK = 1 << 14  # patterns at once
_CLOSE = 1e-6  # largest relative error of a share


class LanguageOdds:
  """A draw of (query language, passage language) for an id."""

  def __init__(
    self,
    patterns: NDArray[np.bool_],
    counts: NDArray[np.int64],
    exponent: float,
    *,
    different: bool,
  ):
    """Sets the odds of all ordered pairs of languages.

    Args:
      patterns: [S, K] languages that some ids exist in, all different.
      counts: [S] how many ids exist in just these.
      exponent: a pair's share is proportional to the number of ids that can
        be drawn in it, to this power: 0 is all alike, 1 proportional.
      different: pairs of two languages; else of one language with itself.
    """
    K = patterns.shape[1]
    pairs = np.eye(K, dtype=np.bool_) ^ different
    self._x, self._y = np.nonzero(pairs)
    self._odds = _rake(patterns, counts, pairs, exponent)[pairs]

  def draw(
    self, has: NDArray[np.bool_], draws: NDArray[np.float64]
  ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Languages for B ids.

    Args:
      has: [B, K] where each id exists.
      draws: [B] random numbers in [0, 1).

    Returns:
      query language and passage language, [B] each.
    """
    pair = _choose(self._open(has) * self._odds, draws)
    return self._x[pair], self._y[pair]

  def _open(self, has: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[B, K] languages -> [B, P] pairs that can be drawn."""
    return has[:, self._x] & has[:, self._y]


def _rake(
  patterns: NDArray[np.bool_],
  counts: NDArray[np.int64],
  pairs: NDArray[np.bool_],
  exponent: float,
) -> NDArray[np.float64]:
  """Odds of pairs of languages that give the asked shares over an epoch.

  Iterative proportional fitting (Deming & Stephan 1940). Where the ids do not
  allow the shares, it comes as near as it can.

  Args:
    patterns: [S, K] languages of ids.
    counts: [S] ids of each pattern.
    pairs: [K, K] those that are drawn.
    exponent: of a pair's number of ids.

  Returns:
    [K, K], rounded: hosts whose sums differ in the last digit draw the same.
  """
  every = pairs.astype(np.float64)
  sizes = pairs * _ids_of_pairs(patterns, counts, None)
  target = np.where(sizes > 0, np.maximum(sizes, 1) ** exponent, 0.0)
  served = sum(
    int(counts[block][_weights(patterns[block], every) > 0].sum())
    for block in _blocks(patterns)
  )
  target *= served / target.sum()
  odds = (target > 0).astype(np.float64)
  for _ in range(_ROUNDS):
    shares = odds * _ids_of_pairs(patterns, counts, odds)
    ratio = np.divide(target, shares, out=np.ones_like(odds), where=shares > 0)
    if np.abs(ratio - 1).max() < _CLOSE:
      break
    odds = np.clip(odds * ratio, 1e-12, 1e12) * (target > 0)
    odds /= odds.max()
  return np.vectorize(lambda one: float(f"{one:.6g}"))(odds)


def _ids_of_pairs(
  patterns: NDArray[np.bool_],
  counts: NDArray[np.int64],
  odds: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
  """[K, K] ids that have both languages; each by the odds of what it has.

  As products of matrices: there may be as many patterns as ids, and K * K
  pairs for each of them.
  """
  found = np.zeros((patterns.shape[1],) * 2)
  for block in _blocks(patterns):
    ids = counts[block].astype(np.float64)
    if odds is not None:
      ids /= np.maximum(_weights(patterns[block], odds), 1e-300)
    has = patterns[block].astype(np.float64)
    found += (has * ids[:, None]).T @ has
  return found


def _weights(
  has: NDArray[np.bool_], odds: NDArray[np.float64]
) -> NDArray[np.float64]:
  """[S, K] languages -> [S], the odds of all pairs that can be drawn."""
  of: NDArray[np.float64] = has.astype(np.float64)
  return np.einsum("sk,sk->s", of @ odds, of)


def _blocks(patterns: NDArray[np.bool_]) -> list[slice]:
  return [
    slice(start, start + _BLOCK) for start in range(0, len(patterns), _BLOCK)
  ]


def _choose(
  odds: NDArray[np.float64], draws: NDArray[np.float64]
) -> NDArray[np.int64]:
  """A column for each row of `odds` [B, P] by a number in [0, 1) [B]."""
  edges = np.cumsum(odds, axis=1)
  chosen = (draws[:, None] * edges[:, -1:] >= edges).sum(axis=1)
  # A product rounded up to the last edge would fall off it, onto a column
  # without odds: the last one with odds is meant.
  last = odds.shape[1] - 1 - (odds[:, ::-1] > 0).argmax(axis=1)
  return np.minimum(chosen, last).astype(np.int64)
