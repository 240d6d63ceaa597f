"""Randomness as a pure function of counters. Feeds the plan.

There is no generator and so no state: the n-th draw is a hash of (key, n).
That is what makes the plan a pure function of (seed, step).
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

_ODD = 0xD6E8FEB86659FD93  # spreads the round keys over 64 bits
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_27, _30, _31 = np.uint64(27), np.uint64(30), np.uint64(31)
_ROUNDS = 6  # of the Feistel network; four already give a strong permutation


def make_key(*parts: int | str) -> int:
  """A 64-bit key from names and numbers, the same on every machine."""
  text = "\x1f".join(str(part) for part in parts)
  return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
  """SplitMix64's finalizer (Steele et al. 2014): a bijection on 64 bits."""
  x = x ^ (x >> _30)
  x *= _FIRST
  x ^= x >> _27
  x *= _SECOND
  x ^= x >> _31
  return x


def hash_counters(key: int, counters: NDArray[np.int64]) -> NDArray[np.uint64]:
  """64 random bits for each counter, any shape."""
  step = np.uint64(0x9E3779B97F4A7C15)
  return _mix(_mix(counters.astype(np.uint64) * step + np.uint64(key)) + step)


def uniform(key: int, counters: NDArray[np.int64]) -> NDArray[np.float64]:
  """A number in [0, 1) for each counter, any shape."""
  bits = hash_counters(key, counters) >> np.uint64(11)
  return bits.astype(np.float64) * 2.0**-53


def permute(
  key: int, positions: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
  """Where a permutation of `range(size)` sends `positions`: O(1) a position.

  A Feistel network over the next power of four, with cycle walking: what lands
  outside the range is sent on until it lands inside (Black & Rogaway 2002,
  "Ciphers with Arbitrary Finite Domains").

  Args:
    key: chooses the permutation.
    positions: [N] in `range(size)`.
    size: of the domain.

  Returns:
    [N] the images; distinct positions have distinct images.
  """
  half = max(1, ((size - 1).bit_length() + 1) // 2)
  mask, shift = np.uint64((1 << half) - 1), np.uint64(half)
  round_keys = [
    np.uint64((key + round_) * _ODD % 2**64) for round_ in range(_ROUNDS)
  ]
  images = positions.astype(np.uint64)
  walking = np.ones(images.shape, bool)
  while walking.any():
    x = images[walking]
    left, right = x >> shift, x & mask
    for round_key in round_keys:
      bits = _mix(right + round_key)
      left, right = right, left ^ (bits & mask)
    images[walking] = (left << shift) | right
    walking[walking] = images[walking] >= size
  return images.astype(np.int64)
