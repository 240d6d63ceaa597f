import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import strategies as st

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval.ranking import (
  Depths,
  Golds,
  Pool,
  from_keys,
  rank_blocks,
  to_keys,
)

FLOATS = st.floats(allow_nan=False, width=32)


def rank(scores, pool, golds, depths, block):
  def open_block(columns):
    return lambda rows: scores[rows, columns]

  return rank_blocks(open_block, *scores.shape, pool, golds, depths, block)


def ordered(scores, columns):
  """By score descending, then by the place in the pool: a full sort."""
  return columns[np.lexsort((columns, -scores[columns]))]


def check(ranking, scores, pool, golds, depths):
  """Against scores [Q, C], a query at a time."""
  for q in range(len(scores)):
    whole = ordered(scores[q], np.arange(len(pool.texts)))
    parts = [
      ordered(scores[q], np.flatnonzero(pool.languages == language))
      for language in range(pool.language_count)
    ]
    for g in range(golds.offsets[q], golds.offsets[q + 1]):
      gold = golds.passages[g]
      part = parts[pool.languages[gold]]
      assert whole[ranking.gold_ranks[g] - 1] == gold
      assert part[ranking.gold_language_ranks[g] - 1] == gold
    own = parts[depths.query_languages[q]]
    lists = [
      (whole, ranking.top[q], ranking.top_scores[q], depths.whole),
      (own, ranking.own_top[q], ranking.own_scores[q], depths.own),
      *zip(
        parts,
        ranking.language_top[q],
        ranking.language_scores[q],
        [depths.language] * pool.language_count,
        strict=True,
      ),
    ]
    for expected, found, found_scores, k in lists:
      n = min(k, len(expected))
      assert found.shape == found_scores.shape == (k,)
      assert found[:n].tolist() == expected[:n].tolist()
      np.testing.assert_allclose(
        found_scores[:n], scores[q, expected[:n]], rtol=1e-5, atol=1e-5
      )
      assert (found[n:] == -1).all()
      assert np.isneginf(found_scores[n:]).all()


@st.composite
def tasks(draw):
  Q, U, L = draw(st.tuples(*[st.integers(1, 7)] * 3))
  C = draw(st.integers(1, 12))
  values = st.sampled_from(np.array([-1.5, -0.0, 0.0, 0.25, 3.0], np.float32))
  scores = draw(hnp.arrays(np.float32, (Q, U), elements=values))
  languages = hnp.arrays(np.int32, C, elements=st.integers(0, L - 1))
  asked = hnp.arrays(np.int32, Q, elements=st.integers(0, L - 1))
  golds = [
    draw(st.lists(st.integers(0, C - 1), max_size=4, unique=True))
    for _ in range(Q)
  ]
  pool = Pool(
    draw(hnp.arrays(np.int32, C, elements=st.integers(0, U - 1))),
    draw(languages),
    L,
  )
  return (
    scores,
    pool,
    Golds(
      np.cumsum([0, *map(len, golds)]),
      np.array([p for gold in golds for p in gold], np.int32),
    ),
    Depths(*draw(st.tuples(*[st.integers(0, 15)] * 3)), draw(asked)),
    draw(st.tuples(st.integers(1, 8), st.integers(1, 8))),
  )


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(tasks())
def test_any_blocks_equal_a_full_sort(task):
  scores, pool, golds, depths, block = task
  ranking = rank(scores, pool, golds, depths, block)
  check(ranking, scores[:, pool.texts], pool, golds, depths)


@hypothesis.given(FLOATS, FLOATS, st.integers(0, 9), st.integers(0, 9))
def test_keys_order_by_score_then_place(a, b, i, j):
  first, second = to_keys(np.array([a, b], np.float32), np.array([i, j]))
  assert (first > second) == (a > b or (a == b and i < j))


@hypothesis.given(
  hnp.arrays(np.float32, 5, elements=FLOATS),
  hnp.arrays(np.int32, 5, elements=st.integers(0, 2**31 - 1)),
)
def test_keys_read_back(scores, places):
  found, values = from_keys(to_keys(scores, places))
  assert found.tolist() == places.tolist()
  assert values.tolist() == scores.tolist()


def test_scores_that_are_not_numbers_are_refused():
  pool = Pool(np.zeros(1, np.int32), np.zeros(1, np.int32), 1)
  none = Golds(np.zeros(2, np.int64), np.zeros(0, np.int32))
  with pytest.raises(UserError, match="scores are not numbers"):
    rank(np.array([[np.nan]], np.float32), pool, none, Depths(1), (1, 1))
