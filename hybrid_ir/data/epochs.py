"""Batches of numbers, epoch after epoch, without repeats. Feeds the plan."""

import functools

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.permutation import make_key, permute


class Epochs:
  """An endless sequence of `range(size)` in batches, read anywhere in O(batch).

  An epoch is a permutation of the numbers, and the epochs stand one after the
  other, so that every number comes as often as every other. A batch over the
  seam of two epochs could hold a number twice; the rule that prevents it is
  pure: numbers of the next epoch that already stand in the batch are deferred,
  in order, to the places right behind it.
  """

  def __init__(self, size: int, batch_size: int, key: int):
    """Takes the numbers' count, which must be at least `batch_size`."""
    assert size >= batch_size
    self._size = size
    self._batch_size = batch_size
    self._key = key
    # Where an epoch is shorter than two batches its end depends on the numbers
    # deferred at its start, and so on the epoch before it.
    self._whole = functools.lru_cache(maxsize=4)(self._epoch)
    self._last = -1, np.zeros(0, np.int64)  # a short epoch, for the next

  def batch(self, index: int) -> NDArray[np.int64]:
    """The numbers of a batch: [B], all different."""
    start = index * self._batch_size
    parts = []
    while start < (index + 1) * self._batch_size:
      epoch, place = divmod(start, self._size)
      count = min(self._size - place, (index + 1) * self._batch_size - start)
      parts.append(self._read(epoch, place, place + count))
      start += count
    return np.concatenate(parts)

  def _read(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
    """Places `start` to `stop` of an epoch, after deferral."""
    if self._size < 2 * self._batch_size:
      return self._whole(epoch)[start:stop]
    if start >= self._batch_size:  # deferral reaches no further
      return self._permuted(epoch, start, stop)
    stop_head = max(stop, self._batch_size)
    head = self._permuted(epoch, 0, stop_head)
    return self._defer(epoch, head)[start:stop]

  def _epoch(self, epoch: int) -> NDArray[np.int64]:
    """A whole short epoch, from the last one that began with a batch."""
    last, ids = self._last
    first = epoch
    while first * self._size % self._batch_size and first != last + 1:
      first -= 1
    for e in range(first, epoch + 1):
      taken = e * self._size % self._batch_size
      raw = self._permuted(e, 0, self._size)
      ids = _defer(raw, ids[len(ids) - taken :], self._batch_size - taken)
    self._last = epoch, ids
    return ids

  def _defer(self, epoch: int, head: NDArray[np.int64]) -> NDArray[np.int64]:
    """A long epoch's head, clashes with the epoch before it deferred."""
    size = self._size
    taken = epoch * size % self._batch_size
    tail = self._permuted(epoch - 1, size - taken, size) if taken else head[:0]
    return _defer(head, tail, self._batch_size - taken)

  def _permuted(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
    key = make_key(self._key, epoch)
    return permute(key, np.arange(start, stop), self._size)


def _defer(
  ids: NDArray[np.int64], taken: NDArray[np.int64], places: int
) -> NDArray[np.int64]:
  """`ids` with none of `taken` in the first `places`, else in order."""
  if not len(taken):
    return ids
  clash = np.isin(ids, taken)
  head = np.flatnonzero(~clash)[:places]
  first = np.zeros(len(ids), bool)
  first[head] = True
  return np.concatenate([ids[first], ids[~first]])
