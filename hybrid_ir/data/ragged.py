"""Sequences of uneven length in a local memmap. Feeds tokens and names."""

import pathlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray


class RaggedWriter:
  """Writes sequences; of each it holds nothing but its length."""

  def __init__(self, folder: pathlib.Path, name: str, dtype: DTypeLike):
    """Begins FOLDER/NAME.values; NAME.offsets.npy comes with `close`."""
    self._dtype = np.dtype(dtype)
    self._file: BinaryIO = (folder / f"{name}.values").open("wb")
    self._offsets_path = folder / f"{name}.offsets.npy"
    self._lengths: list[NDArray[np.int32]] = []

  def write(self, values: NDArray[Any], lengths: NDArray[np.int32]) -> None:
    """Appends sequences.

    Args:
      values: of all of them, one after the other [sum of lengths].
      lengths: of each [T].
    """
    self._file.write(np.ascontiguousarray(values, self._dtype).data)
    self._lengths.append(np.asarray(lengths, np.int32))

  def close(self) -> None:
    """Completes the files."""
    self._file.close()
    count = sum(map(len, self._lengths))
    offsets = np.lib.format.open_memmap(
      self._offsets_path, "w+", np.int64, (count + 1,)
    )
    place, total = 0, 0
    for lengths in self._lengths:
      ends = offsets[place + 1 : place + 1 + len(lengths)]
      np.cumsum(lengths, dtype=np.int64, out=ends)
      ends += total
      place, total = place + len(lengths), int(ends[-1]) if len(ends) else total


def open_ragged(
  folder: pathlib.Path, name: str, dtype: DTypeLike
) -> tuple[NDArray[Any], NDArray[np.int64]]:
  """Opens what `RaggedWriter` wrote, as memmaps.

  Returns:
    values [sum of lengths] and offsets [T + 1]; sequence i is
    values[offsets[i] : offsets[i + 1]].
  """
  path = folder / f"{name}.values"
  values: NDArray[Any] = (
    np.memmap(path, dtype, mode="r")
    if path.stat().st_size  # an empty file cannot be mapped
    else np.zeros(0, dtype)
  )
  return values, np.load(folder / f"{name}.offsets.npy", mmap_mode="r")
