import hypothesis
import ir_measures
import numpy as np
import pytest
from hypothesis import strategies as st

from hybrid_ir.evaluation.measures import average_precision, reciprocal_rank


def test_by_hand():
  # Group 0: ranks 1, 3, 5. Group 1: none. Group 2: rank 4. Interleaved.
  ranks, groups = np.array([5, 4, 1, 3]), np.array([0, 2, 0, 0])
  np.testing.assert_allclose(
    average_precision(ranks, groups, 3),
    [(1 / 1 + 2 / 3 + 3 / 5) / 3, np.nan, 1 / 4],
  )
  np.testing.assert_allclose(
    reciprocal_rank(ranks, groups, 3), [1, np.nan, 1 / 4]
  )


@hypothesis.given(
  st.lists(
    st.sets(st.integers(1, 40), min_size=1, max_size=12), min_size=1, max_size=6
  )
)
def test_equals_trec_eval_on_full_rankings(golds):
  run = {
    f"q{q}": {f"d{rank:02d}": 100.0 - rank for rank in range(1, 41)}
    for q in range(len(golds))
  }
  qrels = {
    f"q{q}": {f"d{rank:02d}": 1 for rank in gold}
    for q, gold in enumerate(golds)
  }
  ranks = np.array([rank for gold in golds for rank in gold])
  groups = np.repeat(np.arange(len(golds)), [len(gold) for gold in golds])
  for measure, mine in (
    (ir_measures.AP, average_precision(ranks, groups, len(golds))),
    (ir_measures.RR, reciprocal_rank(ranks, groups, len(golds))),
  ):
    for metric in ir_measures.iter_calc([measure], qrels, run):
      value = mine[int(metric.query_id[1:])]
      assert value == pytest.approx(metric.value, abs=1e-9)
