import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.data.findings import (
  Lengths,
  alignment,
  count_across,
  groups,
  histogram,
  measure,
)


def test_percentiles_are_lengths_that_there_are():
  lengths = np.arange(1, 1001, dtype=np.uint32)[::-1]
  assert measure(lengths, 900) == Lengths((500, 900, 950, 990, 1000), 900, 0.1)
  assert measure(lengths[:1], 1000) == Lengths((1000,) * 5, 1000, 0.0)


def test_histogram():
  assert histogram(np.array([3, 1, 3, 9])) == {1: 1, 3: 2, 9: 1}


def test_groups_are_chains_of_passages_and_names():
  id_of = np.array([0, 0, 1, 2, 3, 4, 5])
  passage = np.array([7, -8, -8, 9, 5, 6, 9])
  group = np.array([0, 0, 77, 0, 77, 0, 0])
  group_of = groups(id_of, passage, group)
  assert group_of.tolist() == [0, 0, 1, 0, 2, 1]
  # No name is no name that they share.
  assert groups(np.arange(3), np.arange(3), np.zeros(3)).tolist() == [0, 1, 2]


def test_count_across():
  group = np.array([0, 0, 0, 1, 1, 2, 2])
  assert count_across(group, np.array([0, 1, 2, 1, 1, 0, 2])) == 2
  assert count_across(group, np.zeros(7, np.int64)) == 0


CELLS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1)


@given(CELLS)
def test_alignment_as_sets_have_it(cells):
  id_of, language = np.array(cells).T
  shared, languages_of = alignment(id_of, language, 10, 4)
  ids = [{i for i, k in cells if k == language} for language in range(4)]
  assert shared.tolist() == [[len(x & y) for y in ids] for x in ids]
  assert languages_of.tolist() == [
    len({k for i, k in cells if i == id_}) for id_ in range(10)
  ]


def test_alignment_over_more_ids_than_are_looked_at_together():
  ids = 200_000
  id_of = np.concatenate([np.arange(ids), np.arange(0, ids, 4)])
  language = np.repeat([0, 1], [ids, ids // 4])
  shared, languages_of = alignment(id_of, language, ids, 2)
  assert shared.tolist() == [[ids, ids // 4], [ids // 4, ids // 4]]
  assert languages_of.sum() == len(id_of)
