import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data.layout import lay_out

ROW_LENGTHS = (8, 16, 24)


@settings(deadline=None)
@given(
  lengths=st.lists(st.integers(1, 24), min_size=1, max_size=60),
  texts_per_row=st.integers(1, 5),
  rows_multiple=st.integers(1, 9),
)
def test_every_text_has_a_place(lengths, texts_per_row, rows_multiple):
  lengths = np.array(lengths)
  layout = lay_out(lengths, ROW_LENGTHS, texts_per_row, rows_multiple)
  assert layout.length == min(n for n in ROW_LENGTHS if n >= lengths.max())
  assert layout.rows % rows_multiple == 0
  taken = np.zeros((layout.rows, layout.length), int)
  segments = {}
  for text, length in enumerate(lengths):
    row, start = layout.row[text], layout.start[text]
    assert start + length <= layout.length
    taken[row, start : start + length] += 1
    segments.setdefault(int(row), []).append(int(layout.segment[text]))
  assert taken.max() == 1
  assert taken.sum() == lengths.sum()
  for numbers in segments.values():
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert len(numbers) <= texts_per_row
  # Rows are rounded up by one part in 16, and to the multiple.
  assert layout.rows <= (len(segments) + rows_multiple - 1) * 17 / 16
  if texts_per_row == 1:
    assert len(segments) == len(lengths)
    assert not layout.start.any()
    assert (layout.segment == 1).all()


@given(st.lists(st.integers(1, 24), min_size=1, max_size=40))
def test_deterministic(lengths):
  a, b = (lay_out(np.array(lengths), ROW_LENGTHS, 4, 2) for _ in range(2))
  for field in ("row", "start", "segment"):
    np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
  assert (a.rows, a.length) == (b.rows, b.length)


def test_best_fit_by_hand():
  # Longest first: 10 opens a row, 9 too; 6 goes to the tighter room (6 of
  # row 0), then 5 to row 1, 2 behind it, and 3 opens a row.
  layout = lay_out(np.array([3, 5, 10, 6, 2, 9]), (16,), 8, 1)
  assert (layout.rows, layout.length) == (3, 16)
  assert layout.row.tolist() == [2, 1, 0, 0, 1, 1]
  assert layout.start.tolist() == [0, 9, 0, 10, 14, 0]
  assert layout.segment.tolist() == [1, 2, 1, 2, 3, 1]


@pytest.mark.parametrize(
  ("texts", "multiple", "rows"),
  [
    (1, 1, 1),
    (15, 1, 15),
    (63, 1, 63),
    (65, 1, 66),
    (129, 1, 132),
    (5, 8, 8),
    (129, 8, 136),
    (1000, 8, 1008),
  ],
)
def test_few_numbers_of_rows(texts, multiple, rows):
  assert lay_out(np.full(texts, 8), (8,), 1, multiple).rows == rows


def test_shapes_are_few():
  # Each is compiled.
  shapes = {lay_out(np.full(n, 8), (8,), 1, 4).rows for n in range(256, 513)}
  assert len(shapes) <= 33
