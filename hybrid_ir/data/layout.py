"""Lengths of texts to places in arrays. To `batch` and `feed`.

Several texts share a row (packing); one text a row is the special case. The
rule is the same on every host and sees nothing but lengths.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_GRAIN = 32  # row counts are rounded up by at most one part in so many


@dataclasses.dataclass(frozen=True)
class Layout:
  """Places of T texts in arrays [R, L]."""

  rows: int  # R
  length: int  # L
  row: NDArray[np.int32]  # [T]
  start: NDArray[np.int32]  # [T] column of a text's first token
  segment: NDArray[np.int32]  # [T] which text of its row: 1, 2, ...


def lay_out(
  lengths: NDArray[np.int64],
  row_lengths: Sequence[int],
  texts_per_row: int,
  rows_multiple: int,
) -> Layout:
  """Packs texts by best fit, longest first.

  The number of rows is rounded up to few values, as every shape is compiled.

  Args:
    lengths: [T] tokens of each text, none longer than the longest row.
    row_lengths: allowed L, ascending; the first that holds the longest text.
    texts_per_row: most texts in a row; 1: no packing.
    rows_multiple: R is a multiple of it (devices that share the rows).

  Returns:
    The places; the same for the same lengths.
  """
  longest = int(lengths.max())
  length = next(n for n in row_lengths if n >= longest)
  row = np.zeros(len(lengths), np.int32)
  start = np.zeros(len(lengths), np.int32)
  segment = np.zeros(len(lengths), np.int32)
  # room[n]: rows with n free columns, as (row, texts in it); best fit takes
  # from the tightest room that is large enough.
  room: list[list[tuple[int, int]]] = [[] for _ in range(length + 1)]
  rows = 0
  for text in np.argsort(-lengths, kind="stable").tolist():
    need = int(lengths[text])
    free = next((n for n in range(need, length) if room[n]), length)
    if room[free]:
      r, texts = room[free].pop()
    else:
      r, texts, free = rows, 0, length
      rows += 1
    row[text], start[text], segment[text] = r, length - free, texts + 1
    if texts + 1 < texts_per_row:
      room[free - need].append((r, texts + 1))
  return Layout(_round_up(rows, rows_multiple), length, row, start, segment)


def _round_up(rows: int, multiple: int) -> int:
  """The next multiple of `multiple` times a power of two: few values."""
  blocks = -(-rows // multiple)
  grain = 1 << max(0, (blocks // _GRAIN).bit_length() - 1)
  return -(-blocks // grain) * grain * multiple
