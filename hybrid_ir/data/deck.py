"""Quotas by decks of cards, not by coin flips. Feeds the plan.

A deck holds a whole number of cards a choice. Drawing without replacement
makes the realised mixture equal the configured one over every deck, and the
number of earlier draws of a choice is known without going through them.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.permutation import make_key, uniform

_LARGEST = 10_000  # cards; a choice rarer than one of them cannot be held
_SIZES = 500  # of a deck, looked at together; divides _LARGEST


class Deck:
  """An endless sequence of choices with exact quotas, readable anywhere."""

  def __init__(self, weights: dict[str, float], key: int):
    """Builds the smallest deck that holds the weights.

    Args:
      weights: the share of each choice, in any unit; all above 0.
      key: the order's randomness.

    Raises:
      ValueError: for a choice rarer than one in 10,000.
    """
    self._names = tuple(weights)
    shares = np.array([*weights.values()], np.float64)
    shares /= shares.sum()
    if shares.min() < (1 - 1e-9) / _LARGEST:
      rare = self._names[int(np.argmin(shares))]
      raise ValueError(f"'{rare}' is drawn less than once in {_LARGEST} times")
    self._counts = _count_cards(shares)
    self._key = key

  @property
  def counts(self) -> dict[str, int]:
    """Cards a choice in one deck."""
    return dict(zip(self._names, self._counts.tolist(), strict=True))

  def draw(self, index: int) -> tuple[str, int]:
    """The choice at `index`, and how often it was drawn before."""
    size = int(self._counts.sum())
    deck, place = divmod(index, size)
    cards = _shuffled(self._key, deck, tuple(self._counts.tolist()))
    choice = int(cards[place])
    before = int((cards[:place] == choice).sum())
    ordinal = deck * int(self._counts[choice]) + before
    return self._names[choice], ordinal

  def draw_range(self, start: int, stop: int) -> NDArray[np.str_]:
    """The choices at `start` to `stop`: [stop - start]."""
    size = int(self._counts.sum())
    first, last = start // size, (stop - 1) // size
    counts = tuple(self._counts.tolist())
    cards = np.concatenate(
      [_shuffled(self._key, d, counts) for d in range(first, last + 1)]
    )
    names: NDArray[np.str_] = np.array(self._names)
    return np.take(names, cards[start - first * size : stop - first * size])


def _count_cards(shares: NDArray[np.float64]) -> NDArray[np.int64]:
  """Cards a choice: exact for shares of a small common divisor."""
  # A part of the sizes at a time: there may be hundreds of choices.
  worst = np.concatenate(
    [
      _worst(shares, np.arange(first, first + _SIZES))
      for first in range(1, _LARGEST, _SIZES)
    ]
  )
  exact = np.flatnonzero(worst < 1e-9)
  # Shares that no small deck holds (weights by size): to one part in a
  # hundred of the rarest, or as near as the largest deck comes.
  near = exact if exact.size else np.flatnonzero(worst < 1e-2)
  best = int(near[0]) if near.size else int(np.argmin(worst))
  return np.rint(shares * (best + 1)).astype(np.int64)


def _worst(
  shares: NDArray[np.float64], sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
  """How far decks of `sizes` are from the shares, at their worst choice."""
  cards = np.rint(shares[:, None] * sizes)  # [choices, sizes]
  error = np.abs(cards / sizes - shares[:, None])
  worst: NDArray[np.float64] = (error / shares[:, None]).max(axis=0)
  worst[(cards.sum(axis=0) != sizes) | (cards == 0).any(axis=0)] = np.inf
  return worst


@functools.lru_cache(maxsize=64)
def _shuffled(
  key: int, deck: int, counts: tuple[int, ...]
) -> NDArray[np.int64]:
  """One deck in its order, each choice spread over the whole of it.

  The i-th of n cards of a choice lies somewhere in the i-th n-th of the deck:
  random, and yet any stretch of a long deck is close to the mixture.
  """
  choices = np.repeat(np.arange(len(counts)), counts)
  nth = np.concatenate([np.arange(n) for n in counts])
  jitter = uniform(make_key(key, deck), np.arange(len(choices)))
  place = (nth + jitter) / np.repeat(counts, counts)
  return choices[np.argsort(place, kind="stable")].astype(np.int64)
