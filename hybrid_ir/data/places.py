"""Where each key was seen first, in bounded memory. To readers and corpus."""

import array
import hashlib

_KEY = 16  # bytes of a digest; at 2 ** 40 keys a clash is still unlikely
_FIRST_SLOTS = 1 << 10
_NONE = -1


class Places:
  """A map from keys to their first places: at most 72 bytes a key.

  A hash table with open addressing in two flat buffers; a dict of the same
  digests takes about three times as much.
  """

  def __init__(self) -> None:
    self._count = 0
    self._allocate(_FIRST_SLOTS)

  def first(self, key: str, place: int) -> int:
    """The place (0 or above) that was first given with this key."""
    data = key.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(data, digest_size=_KEY).digest()
    slot = self._slot(digest)
    if self._places[slot] != _NONE:
      return self._places[slot]
    self._put(slot, digest, place)
    self._count += 1
    if 3 * self._count > 2 * len(self._places):
      self._grow()
    return place

  def _allocate(self, slots: int) -> None:
    self._keys = bytearray(_KEY * slots)
    self._places = array.array("q", [_NONE]) * slots

  def _slot(self, digest: bytes) -> int:
    """Where the key is, or the empty slot where it belongs."""
    last = len(self._places) - 1
    slot = int.from_bytes(digest[:8], "little") & last
    while (
      self._places[slot] != _NONE
      and self._keys[_KEY * slot : _KEY * (slot + 1)] != digest
    ):
      slot = (slot + 1) & last
    return slot

  def _put(self, slot: int, digest: bytes, place: int) -> None:
    self._keys[_KEY * slot : _KEY * (slot + 1)] = digest
    self._places[slot] = place

  def _grow(self) -> None:
    keys, places = self._keys, self._places
    self._allocate(2 * len(places))
    for i, place in enumerate(places):
      if place != _NONE:
        digest = bytes(keys[_KEY * i : _KEY * (i + 1)])
        self._put(self._slot(digest), digest, place)
