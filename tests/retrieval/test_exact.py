import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import strategies as st

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import exact

# Shapes are fixed, so that jit compiles once for all the examples.
Q, U, C, L, D = 5, 6, 9, 4, 2
LANGUAGES = [0, 0, 0, 0, 1, 1, 1, 2, 2]  # and language 3 has no passage


def ordered(scores, columns):
  """By score descending, then by the place in the pool: a full sort."""
  return columns[np.lexsort((columns, -scores[columns]))]


def check(ranking, scores, pool, offsets, gold, depth, language_depth):
  for q in range(len(scores)):
    whole = ordered(scores[q], np.arange(len(pool.texts)))
    parts = [
      ordered(scores[q], np.flatnonzero(pool.languages == language))
      for language in range(pool.language_count)
    ]
    for g in range(offsets[q], offsets[q + 1]):
      part = parts[pool.languages[gold[g]]]
      assert whole[ranking.gold_ranks[g] - 1] == gold[g]
      assert part[ranking.gold_language_ranks[g] - 1] == gold[g]
    lists = [
      (whole, ranking.top[q], ranking.top_scores[q], depth),
      *zip(
        parts,
        ranking.language_top[q],
        ranking.language_scores[q],
        [language_depth] * pool.language_count,
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


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
  queries=hnp.arrays(np.float32, (Q, D), elements=st.integers(-2, 2)),
  texts=hnp.arrays(np.float32, (U, D), elements=st.integers(-2, 2)),
  pool_texts=hnp.arrays(np.int32, C, elements=st.integers(0, U - 1)),
  languages=st.permutations(LANGUAGES),
  gold=st.lists(
    st.lists(st.integers(0, C - 1), min_size=1, max_size=3, unique=True),
    min_size=Q,
    max_size=Q,
  ),
  block=st.sampled_from([2, None]),
)
def test_equals_a_full_sort(queries, texts, pool_texts, languages, gold, block):
  pool = exact.Pool(pool_texts, np.array(languages, np.int32), L)
  offsets = np.cumsum([0, *map(len, gold)])
  flat = np.concatenate(gold)
  ranking = exact.rank(
    queries, texts, pool, offsets, flat, depth=12, language_depth=3, block=block
  )
  scores = (queries.astype(int) @ texts.astype(int).T)[:, pool_texts]
  check(ranking, scores, pool, offsets, flat, 12, 3)


def random_task(seed):
  rng = np.random.default_rng(seed)
  queries = rng.standard_normal((70, 16)).astype(np.float32)
  texts = rng.standard_normal((250, 16)).astype(np.float32)
  pool = exact.Pool(
    np.append(np.arange(250), rng.integers(0, 250, 50)).astype(np.int32),
    rng.integers(0, 3, 300).astype(np.int32),
    3,
  )
  counts = rng.integers(1, 6, 70)
  gold = np.concatenate([rng.choice(300, n, replace=False) for n in counts])
  return queries, texts, pool, np.cumsum([0, *counts]), gold


def test_equals_a_full_sort_on_real_numbers():
  queries, texts, pool, offsets, gold = random_task(0)
  ranking = exact.rank(*random_task(0), depth=40, language_depth=5)
  scores = (queries @ texts.T)[:, pool.texts]
  check(ranking, scores, pool, offsets, gold, 40, 5)


@pytest.mark.parametrize("block", [1, 32, 69, 70, 1000])
def test_block_size_changes_nothing(block):
  whole = exact.rank(*random_task(1), depth=9, language_depth=4)
  blocks = exact.rank(*random_task(1), depth=9, language_depth=4, block=block)
  for name in ("gold_ranks", "gold_language_ranks", "top", "language_top"):
    assert (getattr(whole, name) == getattr(blocks, name)).all(), name


def test_identical_texts_tie_and_the_first_is_ahead():
  queries = np.array([[0.3, 0.7]], np.float32)
  texts = np.array([[0.9, 0.1], [0.1, 0.9]], np.float32)
  pool = exact.Pool(np.array([1, 0, 1, 1], np.int32), np.zeros(4, np.int32), 1)
  ranking = exact.rank(
    queries, texts, pool, [0, 4], [0, 1, 2, 3], depth=4, language_depth=1
  )
  assert ranking.gold_ranks.tolist() == [1, 4, 2, 3]
  assert ranking.top.tolist() == [[0, 2, 3, 1]]
  assert len(set(ranking.top_scores[0, :3].tolist())) == 1


def test_negative_zero_ties_with_zero():
  queries = np.array([[0.0]], np.float32)
  texts = np.array([[-1.0], [1.0]], np.float32)  # scores -0.0 and 0.0
  pool = exact.Pool(np.array([0, 1], np.int32), np.zeros(2, np.int32), 1)
  ranking = exact.rank(
    queries, texts, pool, [0, 2], [0, 1], depth=2, language_depth=2
  )
  assert ranking.gold_ranks.tolist() == [1, 2]
  assert ranking.top.tolist() == [[0, 1]]


def test_works_without_gold():
  queries, texts, pool, _, _ = random_task(2)
  none = np.zeros(71, int), np.zeros(0, np.int32)
  ranking = exact.rank(queries, texts, pool, *none, depth=3, language_depth=0)
  assert ranking.gold_ranks.shape == (0,)
  assert ranking.top.shape == (70, 3)
  assert ranking.language_top.shape == (70, 3, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("side", ["query", "passage"])
def test_embeddings_that_are_not_finite_are_refused(bad, side):
  queries, texts, *rest = random_task(3)
  (queries if side == "query" else texts)[7, 2] = bad
  with pytest.raises(UserError, match=rf"1 of \d+ {side} .*row 7"):
    exact.rank(queries, texts, *rest, depth=1, language_depth=1)


def test_unequal_widths_are_refused():
  queries, texts, *rest = random_task(4)
  with pytest.raises(UserError, match="16 dims, passage embeddings 15"):
    exact.rank(queries, texts[:, :15], *rest, depth=1, language_depth=1)
