"""Texts to arranged batches of few shapes. From the tokenizer, to `encode`."""

import dataclasses
from collections.abc import Generator, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.config import Layout
from hybrid_ir.data.batch import Arranged, place
from hybrid_ir.data.layout import Layout as Places
from hybrid_ir.data.layout import lay_out
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.data.tokens import Texts

_WINDOW = 4096  # texts tokenized together, and packed together
_MEANS_PER_ROW = 2  # a row holds at least so many texts of the mean length

Tokens = NDArray[np.int32]
Numbered = tuple[int, Tokens]  # a text's number and its tokens
Fed = tuple[NDArray[np.int64], Arranged]


@dataclasses.dataclass(frozen=True)
class Feed:
  """Packs texts into rows of one length a batch, and rows into batches.

  A batch of a row length always has the same number of rows, so that one shape
  is compiled for it; only the last may be smaller.
  """

  tokenizer: Tokenizer
  layout: Layout
  tokens_per_batch: int  # slots, filled or not
  rows_multiple: int  # devices that share the rows

  @property
  def texts_per_row(self) -> int:
    """At most."""
    return self.layout.texts_per_row if self.layout.packing else 1

  def __call__(self, texts: Sequence[str], length: int) -> Iterator[Fed]:
    """Yields batches: the numbers of their texts, and their arrays.

    Args:
      texts: prefixes included.
      length: tokens of a text kept.

    Returns:
      numbers [n] and arrays of T = R * `texts_per_row` >= n texts; those
      beyond n are absent.
    """
    waiting: dict[int, list[Numbered]] = {
      row_length: [] for row_length in self.layout.row_lengths
    }
    for start in range(0, len(texts), _WINDOW):
      tokens = self._tokenize(texts[start : start + _WINDOW], length)
      shortest = self._shortest_row(tokens)
      for number, of_text in enumerate(tokens, start):
        need = max(shortest, len(of_text))
        row = next(n for n in self.layout.row_lengths if n >= need)
        waiting[row].append((number, of_text))
      for row in waiting:
        waiting[row] = yield from self._pack(waiting[row], row)
    for row, rest in waiting.items():
      if rest:
        yield from self._pack(rest, row, last=True)

  def _tokenize(self, texts: Sequence[str], length: int) -> list[Tokens]:
    """Each text's tokens, cut to `length` as training cuts them."""
    tokens, lengths = self.tokenizer.encode_joined(texts)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    cut, kept = Texts(tokens, offsets).gather(
      np.arange(len(texts)), length, self.tokenizer.suffix
    )
    return np.split(cut, np.cumsum(kept)[:-1])

  def _shortest_row(self, tokens: list[Tokens]) -> int:
    """Rows that are too short for several texts cannot be packed well."""
    if self.texts_per_row == 1:
      return 0
    mean = sum(len(of_text) for of_text in tokens) / len(tokens)
    row_lengths = self.layout.row_lengths
    enough = (n for n in row_lengths if n >= _MEANS_PER_ROW * mean)
    return next(enough, row_lengths[-1])

  def _pack(
    self, texts: list[Numbered], row_length: int, last: bool = False
  ) -> Generator[Fed, None, list[Numbered]]:
    """Yields full batches, and returns the texts that are left.

    Args:
      texts: in order of their numbers.
      row_length: L.
      last: nothing more will come: what is left is a smaller batch.
    """
    if not texts:
      return []
    rows = self._rows(row_length)
    places = lay_out(
      np.array([len(tokens) for _, tokens in texts]),
      (row_length,),
      self.texts_per_row,
      rows_multiple=1,
    )
    # `lay_out` rounds up: the last rows may hold no text.
    used = int(places.row.max()) + 1
    full = used // rows
    for nth in range(full):
      yield self._batch(texts, places, nth * rows, rows)
    if not last:
      row_of = places.row.tolist()
      return [
        text
        for text, row in zip(texts, row_of, strict=True)
        if row >= full * rows
      ]
    if left := used - full * rows:
      fewer = self.rows_multiple
      while fewer < left:
        fewer *= 2
      yield self._batch(texts, places, full * rows, min(fewer, rows))
    return []

  def _rows(self, row_length: int) -> int:
    """R of a full batch of rows of length L."""
    blocks = self.tokens_per_batch // (row_length * self.rows_multiple)
    return max(1, blocks) * self.rows_multiple

  def _batch(
    self, texts: list[Numbered], places: Places, first: int, rows: int
  ) -> Fed:
    """The texts in rows `first` to `first + rows`."""
    members = np.flatnonzero(
      (places.row >= first) & (places.row < first + rows)
    )
    tokens = [texts[i][1] for i in members.tolist()]
    arranged = place(
      np.concatenate(tokens),
      np.array([len(of_text) for of_text in tokens]),
      Places(
        rows,
        places.length,
        places.row[members] - first,
        places.start[members],
        places.segment[members],
      ),
    )
    absent = rows * self.texts_per_row - len(members)
    arranged["text_row"] = np.pad(arranged["text_row"], (0, absent))
    arranged["text_start"] = np.pad(arranged["text_start"], (0, absent))
    arranged["text_segment"] = np.pad(arranged["text_segment"], (0, absent))
    return np.array([texts[i][0] for i in members.tolist()]), arranged
