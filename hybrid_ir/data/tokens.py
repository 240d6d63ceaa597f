"""Ragged token sequences in a local memmap. From the tokenizer, to batches.

Texts are stored whole, prefix and special tokens included: lengths are cut
when a batch is made, so that another length needs no other store.
"""

import dataclasses
import pathlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Texts:
  """N token sequences, one after the other."""

  tokens: NDArray[np.int32]  # [sum of lengths]
  offsets: NDArray[np.int64]  # [N + 1]

  def __len__(self) -> int:
    return len(self.offsets) - 1

  def lengths(self, texts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tokens of each of `texts` [T], uncut: [T]."""
    return self.offsets[texts + 1] - self.offsets[texts]

  def gather(
    self, texts: NDArray[np.int64], length: int, suffix: int
  ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The tokens of `texts`, cut to `length`, one after the other.

    A cut text keeps its last `suffix` (special) tokens, as transformers'
    truncation does.

    Returns:
      tokens [sum of the cut lengths] and the cut lengths [T].
    """
    whole = self.lengths(texts)
    cut = np.minimum(whole, length)
    ends = np.cumsum(cut)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(
      ends - cut, cut
    )
    skipped = np.repeat(whole - cut, cut)
    is_suffix = within >= np.repeat(cut - suffix, cut)
    source = np.repeat(self.offsets[texts], cut) + within + skipped * is_suffix
    return np.asarray(self.tokens[source], np.int32), cut


class TextsWriter:
  """Writes sequences one by one, in bounded memory."""

  def __init__(self, folder: pathlib.Path, name: str):
    self._file: BinaryIO = (folder / f"{name}.tokens").open("wb")
    self._offsets_path = folder / f"{name}.offsets.npy"
    self._lengths: list[int] = []

  def write(self, sequences: list[NDArray[np.int32]]) -> None:
    """Appends token sequences."""
    for sequence in sequences:
      self._file.write(sequence.tobytes())
      self._lengths.append(len(sequence))

  def close(self) -> None:
    """Completes the files."""
    self._file.close()
    offsets = np.zeros(len(self._lengths) + 1, np.int64)
    np.cumsum(self._lengths, out=offsets[1:])
    np.save(self._offsets_path, offsets)


def open_texts(folder: pathlib.Path, name: str) -> Texts:
  """Opens what `TextsWriter` wrote, as memmaps."""
  path = folder / f"{name}.tokens"
  tokens = (
    np.memmap(path, np.int32, mode="r")
    if path.stat().st_size  # an empty file cannot be mapped
    else np.zeros(0, np.int32)
  )
  offsets = np.load(folder / f"{name}.offsets.npy", mmap_mode="r")
  return Texts(tokens=tokens, offsets=offsets)
