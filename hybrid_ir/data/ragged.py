"""Sequences of uneven length in a local memmap. Feeds tokens and names."""

import pathlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hybrid_ir.files import save_blocks


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
    save_blocks(self._offsets_path, np.int64, (count + 1,), self._offsets())

  def _offsets(self) -> Iterator[NDArray[np.int64]]:
    """Where each sequence begins, and the end, a part at a time."""
    end = np.zeros(1, np.int64)
    yield end
    for lengths in self._lengths:
      ends = end + np.cumsum(lengths, dtype=np.int64)
      yield ends
      end = ends[-1:] if len(ends) else end


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
