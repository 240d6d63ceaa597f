import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from hybrid_ir.evaluation import bias


def test_rank_distance_by_hand():
  ranks, queries = np.array([7, 2, 30, 5, 9, 8]), np.array([0, 0, 0, 1, 3, 3])
  np.testing.assert_array_equal(
    bias.rank_distance(ranks, queries, 4), [28, np.nan, np.nan, 1]
  )


def test_rank_distance_needs_every_gold():
  ranks = np.array([7, np.inf, np.inf, np.inf, 1, 4])
  np.testing.assert_array_equal(
    bias.rank_distance(ranks, np.array([0, 0, 1, 1, 2, 2]), 3),
    [np.nan, np.nan, 3],
  )


TOP = np.array([[0, 1, 2, 3], [3, 2, -1, -1], [2, 3, 0, 1], [-1] * 4])
LANGUAGES = np.array([0, 0, 1, 2])  # of the passages


def test_language_share_by_hand():
  share = bias.language_share(TOP, np.array([0, 0, 2, 2]), LANGUAGES, 3)
  np.testing.assert_allclose(
    share,
    [[2 / 6, 2 / 6, 2 / 6], [np.nan] * 3, [2 / 4, 1 / 4, 1 / 4]],
  )


def test_language_shares_of_each_list():
  shares = bias.language_shares(TOP, LANGUAGES, 3)
  np.testing.assert_allclose(
    shares,
    [
      [1 / 2, 1 / 4, 1 / 4],
      [0, 1 / 2, 1 / 2],
      [1 / 2, 1 / 4, 1 / 4],
      [np.nan] * 3,
    ],
  )
  np.testing.assert_allclose(
    bias.own_language_share(shares, np.array([0, 0, 2, 1])),
    [1 / 2, 0, 1 / 4, np.nan],
  )


def test_language_divergence_by_hand():
  pool = np.array([1 / 2, 1 / 2, 0])
  shares = np.array(
    [[1 / 2, 1 / 2, 0], [1, 0, 0], [0, 0, 1], [np.nan] * 3],
  )
  # The second: m = (3/4, 1/4), KL(p, m) = log 4/3, KL(q, m) = half of each.
  second = (math.log2(4 / 3) + math.log2(2 / 3) / 2 + math.log2(2) / 2) / 2
  np.testing.assert_allclose(
    bias.language_divergence(shares, pool), [0, second, 1, np.nan]
  )
  np.testing.assert_allclose(bias.language_divergence(shares[1], pool), second)


counts = st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any)


@hypothesis.settings(deadline=None)
@hypothesis.given(counts, counts)
def test_language_divergence_is_bounded_and_symmetric(one, other):
  p, q = np.array(one) / sum(one), np.array(other) / sum(other)
  value = bias.language_divergence(p, q)
  assert -1e-12 <= value <= 1 + 1e-12
  assert value == pytest.approx(bias.language_divergence(q, p), abs=1e-12)
  assert (value < 1e-12) == np.allclose(p, q)
