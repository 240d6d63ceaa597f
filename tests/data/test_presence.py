import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data import presence as presence_lib
from hybrid_ir.data.presence import look_up


def rows(has):
  row_of = np.full(has.shape, -1, np.int32)
  row_of[has] = np.arange(has.sum())
  return row_of


def draw_has(seed, ids, languages, share):
  return np.random.default_rng(seed).random((ids, languages)) < share


def check(has):
  presence = look_up(rows(has))
  count, K = has.shape
  assert presence.ids == count
  expected = {
    (x, y): np.flatnonzero(has[:, x] & has[:, y])
    for x, y in itertools.product(range(K), repeat=2)
  }
  found = {pair: presence.in_all(*pair) for pair in expected}
  for least in range(3):
    expected[least] = np.flatnonzero(has.sum(axis=1) >= least)
    found[least] = presence.in_some(least)
  # Bits behind the last id are no ids, though none are asked for.
  del expected[0], found[0]
  for key, ids in found.items():
    assert len(ids) == len(expected[key])
    places = np.random.default_rng(1).permutation(len(ids))
    np.testing.assert_array_equal(ids[places], expected[key][places])
  patterns, counts = np.unique(has, axis=0, return_counts=True)
  np.testing.assert_array_equal(presence.patterns, patterns)
  np.testing.assert_array_equal(presence.counts, counts)


@settings(deadline=None, max_examples=40)
@given(
  seed=st.integers(0, 99),
  ids=st.integers(1, 1200),
  languages=st.integers(1, 19),
  share=st.sampled_from([0.01, 0.4, 1.0]),
)
def test_as_a_table_says(seed, ids, languages, share):
  check(draw_has(seed, ids, languages, share))


@pytest.mark.parametrize("ids", [2047, 2048, 2049])
def test_parts_and_blocks_meet(monkeypatch, ids):
  monkeypatch.setattr(presence_lib, "_AT_ONCE", presence_lib._BLOCK)
  check(draw_has(0, ids, 9, 0.3))


def test_some_of_the_ids():
  has = draw_has(0, 5000, 3, 0.5)
  kept = draw_has(1, 5000, 1, 0.1)[:, 0]
  presence = look_up(rows(has), kept)
  assert presence.ids == kept.sum()
  for found, expected in (
    (presence.in_all(0, 2), has[:, 0] & has[:, 2] & kept),
    (presence.in_some(1), has.any(axis=1) & kept),
  ):
    places = np.arange(len(found))
    np.testing.assert_array_equal(found[places], np.flatnonzero(expected))
  some = presence.patterns.any(axis=1)
  assert presence.counts[some].sum() == (has.any(axis=1) & kept).sum()


def test_ids_that_are_far_apart():
  has = np.zeros((200_000, 2), bool)
  has[[3, 70_000, 199_999]] = True
  ids = look_up(rows(has)).in_all(0, 1)
  assert ids[np.array([2, 0, 1, 2])].tolist() == [199_999, 3, 70_000, 199_999]
