"""In which languages an example is drawn. From the corpus' languages, to plan.

Not every id exists in every language. Drawing alike from those that an id has
would favour the language that most ids have; so the odds are set such that the
shares over an epoch come out as asked, as far as the ids allow.
"""

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 500
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
    x, y = np.divmod(np.arange(K * K), K)
    pairs = (x != y) if different else (x == y)
    self._x, self._y = x[pairs], y[pairs]
    self._odds = _rake(self._open(patterns), counts, exponent)

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
  can: NDArray[np.bool_], counts: NDArray[np.int64], exponent: float
) -> NDArray[np.float64]:
  """Odds of P choices that give the asked shares over an epoch.

  Iterative proportional fitting (Deming & Stephan 1940). Where the ids do not
  allow the shares, it comes as near as it can.

  Args:
    can: [S, P] which choices ids of each pattern have.
    counts: [S] ids of each pattern.
    exponent: of a choice's number of ids.

  Returns:
    [P], rounded: hosts whose sums differ in the last digit draw the same.
  """
  sizes = counts @ can.astype(np.float64)  # [P]
  target = np.where(sizes > 0, np.maximum(sizes, 1) ** exponent, 0.0)
  target *= counts[can.any(axis=1)].sum() / target.sum()
  odds = (target > 0).astype(np.float64)
  for _ in range(_ROUNDS):
    weights = can * odds  # [S, P]
    sums = np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    shares = counts @ (weights / sums)
    ratio = np.divide(target, shares, out=np.ones_like(odds), where=shares > 0)
    if np.abs(ratio - 1).max() < _CLOSE:
      break
    odds = np.clip(odds * ratio, 1e-12, 1e12) * (target > 0)
    odds /= odds.max()
  return np.array([float(f"{o:.6g}") for o in odds])


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
