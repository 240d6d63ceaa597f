import math

import hypothesis
import ir_measures
import numpy as np
import pytest
from hypothesis import strategies as st

from hybrid_ir.evaluation import measures

# Group 0: ranks 1, 3, 5. Group 1: none. Group 2: rank 4. Interleaved.
RANKS, GROUPS = np.array([5, 4, 1, 3]), np.array([0, 2, 0, 0])
GRADES = np.array([3, 1, 1, 2])
# Group 0: one of two was retrieved. Group 1: none of two.
LOST = np.array([np.inf, 2, np.inf, np.inf]), np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
  ("values", "first", "third"),
  [
    (
      measures.average_precision(RANKS, GROUPS, 3),
      (1 / 1 + 2 / 3 + 3 / 5) / 3,
      1 / 4,
    ),
    (measures.average_precision(RANKS, GROUPS, 3, 4), (1 + 2 / 3) / 3, 1 / 4),
    (measures.average_precision(RANKS, GROUPS, 3, 2), 1 / 2, 0),
    (measures.reciprocal_rank(RANKS, GROUPS, 3), 1, 1 / 4),
    (measures.recall(RANKS, GROUPS, 3, 3), 2 / 3, 0),
    (measures.precision(RANKS, GROUPS, 3, 4), 2 / 4, 1 / 4),
    (
      measures.f1(RANKS, GROUPS, 3, 4),
      2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3),
      2 * (1 / 4) * 1 / (1 / 4 + 1),
    ),
    (measures.f1(RANKS, GROUPS, 3, 1), 2 * 1 * (1 / 3) / (1 + 1 / 3), 0),
    (measures.success(RANKS, GROUPS, 3, 3), 1, 0),
    (
      measures.ndcg(RANKS, GRADES, GROUPS, 3, 4),
      (1 + 2 / 2) / (3 + 2 / math.log2(3) + 1 / 2),
      1 / math.log2(5),
    ),
    (
      measures.ndcg(RANKS, GRADES, GROUPS, 3, 2),
      1 / (3 + 2 / math.log2(3)),
      0,
    ),
  ],
)
def test_by_hand(values, first, third):
  np.testing.assert_allclose(values, [first, np.nan, third])


@pytest.mark.parametrize(
  ("values", "expected"),
  [
    (measures.average_precision(*LOST, 2), [1 / 2 / 2, 0]),
    (measures.average_precision(*LOST, 2, 20), [1 / 2 / 2, 0]),
    (measures.reciprocal_rank(*LOST, 2), [1 / 2, 0]),
    (measures.recall(*LOST, 2, 9), [1 / 2, 0]),
    (measures.precision(*LOST, 2, 10), [1 / 10, 0]),
    (measures.f1(*LOST, 2, 2), [1 / 2, 0]),
    (measures.success(*LOST, 2, 9), [1, 0]),
    (
      measures.ndcg(LOST[0], np.ones(4, int), LOST[1], 2, 9),
      [1 / math.log2(3) / (1 + 1 / math.log2(3)), 0],
    ),
  ],
)
def test_a_gold_that_was_not_retrieved_adds_nothing(values, expected):
  np.testing.assert_allclose(values, expected)


@st.composite
def searches(draw):
  """Queries with tied scores over D documents, and grades of some of them."""
  D = draw(st.integers(1, 15))
  score = st.lists(st.integers(0, 4), min_size=D, max_size=D)
  grade = st.lists(st.integers(0, 3), min_size=D, max_size=D)
  pairs = st.lists(st.tuples(score, grade), min_size=1, max_size=5)
  queries = draw(pairs)
  hypothesis.assume(any(any(grades) for _, grades in queries))
  return queries


def golds(queries):
  """ranks, grades, groups by trec_eval's rule: score, then id, descending."""
  found = [
    (1 + place, grades[doc], group)
    for group, (scores, grades) in enumerate(queries)
    for place, doc in enumerate(
      sorted(range(len(scores)), key=lambda doc: (-scores[doc], -doc))
    )
    if grades[doc]
  ]
  return map(np.array, zip(*found, strict=True))


def every_measure(ranks, grades, groups, count, k):
  at = ranks, groups, count
  return {
    "AP": measures.average_precision(*at),
    "RR": measures.reciprocal_rank(*at),
    f"R@{k}": measures.recall(*at, k),
    f"P@{k}": measures.precision(*at, k),
    f"Success@{k}": measures.success(*at, k),
    f"nDCG@{k}": measures.ndcg(ranks, grades, groups, count, k),
    "AP@20": measures.average_precision(*at, 20),
    f"F1@{k}": measures.f1(*at, k),
    f"own AP@{k}": measures.average_precision(*at, k),
  }


@hypothesis.settings(deadline=None)
@hypothesis.given(searches(), st.integers(1, 20))
def test_equals_trec_eval_with_ties_and_grades(queries, k):
  ranks, grades, groups = golds(queries)
  mine = every_measure(ranks, grades, groups, len(queries), k)
  run, qrels = {}, {}
  for q, (scores, by_doc) in enumerate(queries):
    run[f"{q}"] = {f"d{d:02d}": float(s) for d, s in enumerate(scores)}
    if any(by_doc):
      qrels[f"{q}"] = {f"d{d:02d}": g for d, g in enumerate(by_doc) if g}
  theirs = {
    name: ir_measures.parse_measure(name)
    for name in mine
    if " " not in name and not name.startswith("F1")
  }
  # With 15 documents trec_eval's divisor of AP@20 is XTREME-R's.
  scored = 0
  for metric in ir_measures.iter_calc(list(theirs.values()), qrels, run):
    value = mine[str(metric.measure)][int(metric.query_id)]
    assert value == pytest.approx(metric.value, abs=1e-9)
    scored += 1
  assert scored == len(theirs) * len(set(groups.tolist()))


@hypothesis.settings(deadline=None)
@hypothesis.given(searches(), st.integers(1, 20), st.randoms())
def test_bounds_and_order_of_queries_and_golds(queries, k, random):
  ranks, grades, groups = golds(queries)
  Q, G = len(queries), len(ranks)
  values = every_measure(ranks, grades, groups, Q, k)
  asked = np.bincount(groups, minlength=Q) > 0
  for value in values.values():
    assert (np.isnan(value) == ~asked).all()
    assert (value[asked] >= 0).all()
    assert (value[asked] <= 1 + 1e-12).all()
  new = np.array(random.sample(range(Q), Q))  # a query's new number
  order = np.array(random.sample(range(G), G))
  moved = every_measure(ranks[order], grades[order], new[groups[order]], Q, k)
  for name, value in values.items():
    np.testing.assert_allclose(moved[name][new], value, rtol=1e-12)


@hypothesis.settings(deadline=None)
@hypothesis.given(st.integers(1, 30), st.integers(1, 30))
def test_all_golds_in_front_is_perfect(n, k):
  ranks, groups = np.arange(1, n + 1), np.zeros(n, int)
  values = every_measure(ranks, np.ones(n, int), groups, 1, k)
  assert values[f"own AP@{k}"] == pytest.approx(1)
  assert values[f"nDCG@{k}"] == pytest.approx(1)
  assert values[f"F1@{k}"] == pytest.approx(2 * min(n, k) / (n + k))
