import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.evaluation.comparison import significance

NAN = np.nan


def macro(table):
  """[N, C] -> the mean over cells of the means over questions."""
  means = [
    np.nanmean(column) for column in table.T if (~np.isnan(column)).any()
  ]
  return np.mean(means)


def exact_p(differences):
  """The share of all sign flips that are as far from 0."""
  N = len(differences)
  totals = np.array(
    [np.dot(s, differences) for s in itertools.product((1, -1), repeat=N)]
  )
  return np.mean(np.abs(totals) >= abs(differences.sum()) - 1e-9)


def test_queries_are_sorted_by_question():
  values = np.array([[1, 2, 3], [4, 5, 6], [7, NAN, 9]])
  table = significance.by_question(
    values,
    query_languages=np.array([0, 0, 1]),
    questions=np.array([1, 0, 1]),
    cells=[(0, 1), (1, 0), (1, 2)],
  )
  np.testing.assert_array_equal(table, [[5, NAN, NAN], [2, 7, 9]])


@pytest.fixture
def uneven():
  """Two systems, six questions, three cells; some questions lack some."""
  rng = np.random.default_rng(7)
  tables = rng.random((2, 6, 3))
  tables[:, 0, 0] = tables[:, 1:5, 2] = NAN
  return tables


def test_contributions_sum_to_the_macro_mean(uneven):
  parts = significance.contributions(uneven)
  assert parts.shape == (2, 6)
  np.testing.assert_allclose(
    parts.sum(axis=1), [macro(table) for table in uneven]
  )


def test_the_bootstrap_is_the_slow_loop(uneven):
  R, N = 300, 6
  means = significance.bootstrap(uneven, R, seed=5)
  draws = np.random.default_rng(5).integers(N, size=(R, N))
  slow = [[macro(table[drawn]) for drawn in draws] for table in uneven]
  np.testing.assert_allclose(means, slow, rtol=1e-12)
  low, high = significance.interval(means, 0.9)
  ordered = np.sort(slow, axis=1)
  for i in range(2):  # 299 steps between 300 samples: the 5 % are the 14.95th
    assert ordered[i, 14] <= low[i] <= ordered[i, 15]
    assert ordered[i, 284] <= high[i] <= ordered[i, 285]


def test_draws_do_not_depend_on_how_many_are_held(uneven, monkeypatch):
  parts = significance.contributions(uneven)
  differences = parts[:1] - parts[1:]
  whole = significance.bootstrap(uneven, 100, seed=1)
  monkeypatch.setattr(significance, "_HELD", 48)
  np.testing.assert_allclose(
    significance.bootstrap(uneven, 100, seed=1), whole, rtol=1e-12
  )
  p = significance.randomisation(differences, 4000, seed=2)
  assert p[0] == pytest.approx(exact_p(differences[0]), abs=0.03)


def test_the_bootstrap_spreads_as_the_standard_error():
  values = np.random.default_rng(0).random(400)
  means = significance.bootstrap(values[None, :, None], 4000, seed=0)
  assert means.std() == pytest.approx(values.std() / np.sqrt(400), rel=0.05)
  low, high = significance.interval(means[0], 0.95)
  assert low < values.mean() < high


def test_translations_are_drawn_together():
  """Eleven copies of a question say no more than one of them."""
  values = np.random.default_rng(0).random((1, 50, 1))
  one = significance.bootstrap(values, 500, seed=0)
  copies = significance.bootstrap(values.repeat(11, axis=2), 500, seed=0)
  np.testing.assert_allclose(copies, one, rtol=1e-12)


@pytest.mark.parametrize("N", [1, 2, 4, 7, 10])
def test_the_randomisation_is_the_exact_one(N):
  differences = np.random.default_rng(N).normal(0.3, 1, size=(3, N))
  differences[2] = np.sign(differences[2])  # many equal totals
  p = significance.randomisation(differences, 20_000, seed=0)
  expected = [exact_p(row) for row in differences]
  np.testing.assert_allclose(p, expected, atol=0.015)


def test_the_randomisation_by_hand():
  # Of eight sign flips, +++ and --- are as far from 0 as 3: p = 2 / 8.
  p = significance.randomisation(np.ones((1, 3)), 20_000, seed=0)
  assert p[0] == pytest.approx(0.25, abs=0.01)


def test_p_is_never_0():
  differences = np.ones((1, 60))
  p = significance.randomisation(differences, 999, seed=0)
  assert p[0] == 1 / 1000


def test_equal_systems_have_p_1_and_no_interval(uneven):
  same = np.stack([uneven[0], uneven[0]])
  means = significance.bootstrap(same, 200, seed=0)
  low, high = significance.interval(means[0] - means[1], 0.95)
  assert (low, high) == (0, 0)
  assert significance.randomisation(np.zeros((1, 6)), 200, seed=0) == [1]


def test_a_system_and_its_opposite_have_one_p():
  differences = np.random.default_rng(1).normal(size=(1, 40))
  both = np.concatenate([differences, -differences])
  p = significance.randomisation(both, 500, seed=3)
  assert p[0] == p[1]


def test_seeded():
  differences = np.random.default_rng(1).normal(size=(1, 40))
  first, again, other = (
    significance.randomisation(differences, 500, seed)[0] for seed in (3, 3, 4)
  )
  assert first == again != other


def test_holm_by_hand():
  # 4 x .005, 3 x .01, 2 x .03 and 1 x .04, which may not fall below .06.
  p = np.array([0.01, 0.04, 0.03, 0.005])
  np.testing.assert_allclose(significance.holm(p), [0.03, 0.06, 0.06, 0.02])
  np.testing.assert_allclose(significance.holm(np.array([0.6, 0.9])), [1, 1])
  assert significance.holm(np.zeros(0)).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_rejects_as_step_by_step(values):
  p = np.array(values)
  adjusted = significance.holm(p)
  assert (adjusted >= p).all()
  assert (adjusted <= np.minimum(p * len(p), 1)).all()
  order = np.argsort(p, kind="stable")
  assert (np.diff(adjusted[order]) >= 0).all()
  for level in (0.01, 0.05, 0.3):
    rejected = set()
    for tested, i in enumerate(order.tolist()):
      if p[i] * (len(p) - tested) > level:
        break
      rejected.add(i)
    assert rejected == set(np.flatnonzero(adjusted <= level).tolist())
