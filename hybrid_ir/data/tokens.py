"""Token sequences in a memmap, gathered by number. From corpus, to batches.

Texts are stored whole, prefix and special tokens included: lengths are cut
when a batch is made, so that another length needs no other store.
"""

import dataclasses
import pathlib

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.ragged import open_ragged


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
    starts = ends - cut
    source = np.arange(ends[-1] if len(ends) else 0)
    source += np.repeat(self.offsets[texts] - starts, cut)
    long = np.flatnonzero(whole > length)
    if len(long):
      kept = ends[long, None] - 1 - np.arange(min(suffix, length))
      source[kept] += (whole - cut)[long, None]
    return np.asarray(self.tokens[source], np.int32), cut


def open_texts(folder: pathlib.Path, name: str) -> Texts:
  """Opens the token ids that a `RaggedWriter` wrote, as memmaps."""
  return Texts(*open_ragged(folder, name, np.int32))
