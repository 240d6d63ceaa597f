import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import stats

from hybrid_ir.evaluation.peer import kruskal_wallis, peer, peer_nonrelevant

# Ranks 1 to 4 of two classes: means 1.5 and 3.5 of 2.5, H = 3 * 4 / 5.
APART = math.erfc(math.sqrt(2.4 / 2))  # the chi-squared tail of one degree


def test_kruskal_wallis_by_hand():
  values = np.array([10, 40, 2, 30, 7, 7, 3])
  classes = np.array([0, 1, 0, 1, 0, 1, 2])
  samples = np.array([0, 0, 0, 0, 2, 2, 3])
  p, can_differ = kruskal_wallis(values, classes, samples, 4)
  # 1: no values. 2: a tie. 3: one class.
  np.testing.assert_allclose(p, [APART, 1, 1, 1])
  assert can_differ.tolist() == [True, False, False, False]


cells = st.tuples(st.integers(0, 6), st.integers(0, 3))


@hypothesis.settings(deadline=None)
@hypothesis.given(st.lists(st.lists(cells, min_size=1), min_size=1, max_size=4))
def test_equals_scipy(samples):
  flat = [
    (value if value < 6 else np.inf, kind, sample)
    for sample, pairs in enumerate(samples)
    for value, kind in pairs
  ]
  p, _ = kruskal_wallis(
    *map(np.array, zip(*flat, strict=True)), count=len(samples)
  )
  for mine, pairs in zip(p, samples, strict=True):
    classes = [
      [value for value, kind in pairs if kind == here]
      for here in {kind for _, kind in pairs}
    ]
    if len(classes) > 1 and len({value for value, _ in pairs}) > 1:
      assert mine == pytest.approx(stats.kruskal(*classes).pvalue, abs=1e-9)
    else:
      assert mine == 1


def test_peer_by_hand():
  # 0: one language in front. 1: alternating. 2: one gold a language.
  # 3: one language. 5: two levels, the second of one gold. 4: none.
  golds = [
    *((0, 0, 1, 3), (0, 0, 1, 9), (0, 1, 1, 15), (0, 1, 1, 11)),
    *((1, 0, 1, 1), (1, 1, 1, 2), (1, 1, 1, 3), (1, 0, 1, 4)),
    *((2, 0, 1, 1), (2, 1, 1, 2)),
    *((3, 0, 1, 1), (3, 0, 1, 2)),
    *((5, 0, 1, 3), (5, 0, 1, 9), (5, 1, 1, 15), (5, 1, 1, 11), (5, 1, 2, 1)),
  ]
  queries, languages, grades, ranks = map(np.array, zip(*golds, strict=True))
  np.testing.assert_allclose(
    peer(ranks, grades, languages, queries, 6, 20),
    [APART, 1, np.nan, np.nan, np.nan, (APART + 1) / 2],
  )


def test_golds_behind_the_cutoff_tie_in_the_last_place():
  languages, queries = np.array([0, 0, 1, 1]), np.zeros(4, int)
  grades = np.ones(4, int)
  cut = peer(np.array([1, 9, 7, 50]), grades, languages, queries, 1, 5)
  lost = peer(
    np.array([1, np.inf, np.inf, np.inf]), grades, languages, queries, 1, 5
  )
  # Ranks 1 3 | 3 3: means 2 and 3 of 2.5; H = 3 * 1 / 3.
  np.testing.assert_allclose(cut, math.erfc(math.sqrt(1 / 2)))
  np.testing.assert_array_equal(cut, lost)
  none = peer(np.full(4, 6), grades, languages, queries, 1, 5)
  assert none.tolist() == [1]


def test_peer_nonrelevant_by_hand():
  languages = np.array([0, 0, 0, 1, 1, 1])
  top = np.array([[2, 0, 1, 3, 4], [0, 1, 2, -1, -1], [2, -1, -1, -1, -1]])
  top = np.vstack([top, np.full((1, 5), -1)])
  # 0: passage 2, its gold, is in front of 0 1 | 3 4. 1: one language.
  # 2: the gold alone. 3: nothing.
  values = peer_nonrelevant(
    top, languages, np.array([0, 1, 2]), np.array([2, 5, 2])
  )
  np.testing.assert_allclose(values, [APART, 1, 1, np.nan])
