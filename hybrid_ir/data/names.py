"""Many short strings on disk, read one at a time. From the store, to corpus."""

import pathlib
from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.ragged import RaggedWriter, open_ragged

_LONE = "surrogatepass"  # JSON may hold a half of a surrogate pair


class Names(Sequence[str]):
  """Strings as memmapped UTF-8: a string of Python's takes 50 bytes more."""

  def __init__(self, text: NDArray[np.uint8], offsets: NDArray[np.int64]):
    """Takes the bytes [sum of lengths] and where each begins [N + 1]."""
    self._text = text
    self._offsets = offsets

  def __len__(self) -> int:
    return len(self._offsets) - 1

  @overload
  def __getitem__(self, index: int) -> str: ...

  @overload
  def __getitem__(self, index: slice) -> tuple[str, ...]: ...

  def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
    if isinstance(index, slice):
      return tuple(self[i] for i in range(len(self))[index])
    place = range(len(self))[index]  # as a tuple counts from the end
    start, stop = self._offsets[place : place + 2]
    return self._text[start:stop].tobytes().decode("utf-8", _LONE)


class NamesWriter(RaggedWriter):
  """Writes strings one after the other."""

  def __init__(self, folder: pathlib.Path, name: str):
    super().__init__(folder, name, np.uint8)

  def write_names(self, names: Sequence[str]) -> None:
    """Appends strings."""
    encoded = [name.encode("utf-8", _LONE) for name in names]
    lengths = np.array([len(text) for text in encoded], np.int32)
    self.write(np.frombuffer(b"".join(encoded), np.uint8), lengths)


def open_names(folder: pathlib.Path, name: str) -> Names:
  """Opens what `NamesWriter` wrote."""
  return Names(*open_ragged(folder, name, np.uint8))
