"""Which ids stand in which languages, a bit each. From the corpus, to the plan.

A list of the ids that can serve each language, or each pair of two, would take
many times the memory. K languages, I ids, S patterns of languages.
"""

import dataclasses
from collections import Counter

import numpy as np
from numpy.typing import NDArray

_BYTES = 64  # of a block; what is counted ahead is a number a block
_BLOCK = 8 * _BYTES  # ids
_AT_ONCE = 128 * _BLOCK  # ids looked at together

# [256, 8] the place in a byte of its n-th bit that is set
_NTH_BIT = np.argsort(
  np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) == 0,
  axis=1,
  kind="stable",
)


class Ids:
  """Some of the ids, in order, read by their places: ids[places]."""

  def __init__(self, rows: list[NDArray[np.uint8]]):
    """Takes the ids whose bits are set in all `rows` [blocks, _BYTES]."""
    self._rows = rows
    counts = np.zeros(len(rows[0]) + 1, np.int64)
    for start in range(0, len(rows[0]), _BYTES):
      blocks = slice(start, start + _BYTES)
      bits = np.bitwise_count(self._read(blocks)).sum(axis=1)
      counts[start + 1 : start + 1 + len(bits)] = bits
    self._before = np.cumsum(counts)  # [blocks + 1] ids before a block

  def __len__(self) -> int:
    return int(self._before[-1])

  def __getitem__(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ids at `places` [B], each in `range(len(self))`: [B]."""
    block = np.searchsorted(self._before, places, side="right") - 1
    left = places - self._before[block]
    data = self._read(block)  # [B, _BYTES]
    ends = np.cumsum(np.bitwise_count(data), axis=1, dtype=np.int64)
    byte = (ends <= left[:, None]).sum(axis=1)
    nth = np.arange(len(places))
    value = data[nth, byte]
    left -= ends[nth, byte] - np.bitwise_count(value)
    return block * _BLOCK + byte * 8 + _NTH_BIT[value, left]

  def _read(self, blocks: slice | NDArray[np.int64]) -> NDArray[np.uint8]:
    first, *others = (row[blocks] for row in self._rows)
    for row in others:
      first = first & row
    return first


@dataclasses.dataclass(frozen=True)
class Presence:
  """The bits of a corpus."""

  ids: int  # of I, those that are drawn from
  languages: NDArray[np.uint8]  # [K, blocks, _BYTES]
  patterns: NDArray[np.bool_]  # [S, K] languages that some id stands in
  counts: NDArray[np.int64]  # [S] ids of each pattern

  def in_all(self, *languages: int) -> Ids:
    """The ids that stand in each of the languages (columns)."""
    return Ids([self.languages[x] for x in sorted(set(languages))])

  def in_some(self, least: int) -> Ids:
    """The ids that stand in at least so many languages."""
    blocks = self.languages.shape[1]
    enough = np.zeros((blocks, _BYTES), np.uint8)
    for start in range(0, blocks, _BYTES):
      part = self.languages[:, start : start + _BYTES]
      found = np.zeros((*part.shape[1:], 8), np.int32)
      for language in part:
        found += np.unpackbits(language[..., None], axis=-1)
      packed = np.packbits(found >= least, axis=-1)
      enough[start : start + _BYTES] = packed[..., 0]
    return Ids([enough])


def look_up(
  row_of: NDArray[np.int32], kept: NDArray[np.bool_] | None = None
) -> Presence:
  """Goes through a corpus' rows [I, K] once, a part at a time.

  Args:
    row_of: row of an id in a language; -1: none.
    kept: [I] ids to draw from; None: all.
  """
  count, K = row_of.shape
  blocks = -(-count // _BLOCK)
  bits = np.zeros((K, blocks * _BYTES), np.uint8)
  found: Counter[bytes] = Counter()
  width = -(-K // 8)
  for start in range(0, count, _AT_ONCE):
    has = row_of[start : start + _AT_ONCE] >= 0
    if kept is not None:
      has &= kept[start : start + _AT_ONCE, None]
    part = np.packbits(has.T, axis=1)
    bits[:, start // 8 : start // 8 + part.shape[1]] = part
    # As strings of bytes, which sort as the rows do and much faster.
    packed = np.packbits(has, axis=1).view(f"S{width}").ravel()
    names, counts = np.unique(packed, return_counts=True)
    found.update(dict(zip(names.tolist(), counts.tolist(), strict=True)))
  ordered = sorted(found)
  patterns = np.array(ordered, f"S{width}").view(np.uint8).reshape(-1, width)
  return Presence(
    count if kept is None else int(kept.sum()),
    bits.reshape(K, blocks, _BYTES),
    np.unpackbits(patterns, axis=1, count=K).astype(bool),
    np.array([found[name] for name in ordered], np.int64),
  )
