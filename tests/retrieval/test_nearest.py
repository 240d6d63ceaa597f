import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import strategies as st

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import nearest

# Shapes are fixed, so that jit compiles few programs for all the examples.
Q, P, E, DEPTH = 3, 11, 2, 4


def by_sorting(queries, passages, spans, depth):
  """By score descending, then by place: a full sort of what is allowed."""
  within = np.concatenate([np.arange(*span) for span in spans])
  rows = []
  for query in queries:
    scores = passages[within] @ query
    order = within[np.lexsort((within, -scores))][:depth]
    rows.append([*order.tolist(), *[-1] * (depth - len(order))])
  return rows


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
  queries=hnp.arrays(np.float32, (Q, E), elements=st.integers(-2, 2)),
  passages=hnp.arrays(np.float32, (P, E), elements=st.integers(-2, 2)),
  cuts=st.lists(st.integers(0, P), min_size=4, max_size=4).map(sorted),
  chunk=st.sampled_from([2, 3, P]),
)
def test_equals_a_full_sort(queries, passages, cuts, chunk):
  spans = [(cuts[0], cuts[1]), (cuts[2], cuts[3])]
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(nearest, "_CHUNK_SCORES", chunk * 64)
    places, scores = nearest.search(queries, passages, spans, DEPTH)
  assert places.tolist() == by_sorting(queries, passages, spans, DEPTH)
  for q in range(Q):
    real = places[q] >= 0
    expected = passages[places[q, real]] @ queries[q]
    assert scores[q, real].tolist() == expected.tolist()
    assert np.isneginf(scores[q, ~real]).all()


def test_negative_zero_ties_with_zero():
  queries = np.array([[0.0]], np.float32)
  passages = np.array([[-1.0], [1.0]], np.float32)
  places, _ = nearest.search(queries, passages, [(0, 2)], 2)
  assert places.tolist() == [[0, 1]]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_are_refused(bad):
  queries = np.array([[1.0], [bad]], np.float32)
  message = r"1 of 2 query embeddings are not finite \(the first is row 1\)"
  with pytest.raises(UserError, match=message):
    nearest.search(queries, np.ones((3, 1), np.float32), [(0, 3)], 1)
