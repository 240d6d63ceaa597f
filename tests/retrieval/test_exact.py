import numpy as np
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import exact
from hybrid_ir.retrieval.ranking import Depths, Golds, Pool


def random_task(seed):
  rng = np.random.default_rng(seed)
  queries = rng.standard_normal((70, 16)).astype(np.float32)
  texts = rng.standard_normal((250, 16)).astype(np.float32)
  pool = Pool(
    np.append(np.arange(250), rng.integers(0, 250, 50)).astype(np.int32),
    rng.integers(0, 3, 300).astype(np.int32),
    3,
  )
  counts = rng.integers(1, 6, 70)
  gold = np.concatenate([rng.choice(300, n, replace=False) for n in counts])
  golds = Golds(np.cumsum([0, *counts]), gold.astype(np.int32))
  return queries, texts, pool, golds


def test_scores_are_dot_products():
  queries, texts, pool, golds = random_task(0)
  ranking = exact.rank(queries, texts, pool, golds, Depths(300))
  scores = (queries @ texts.T)[:, pool.texts]
  for q, top in enumerate(ranking.top):
    assert sorted(top.tolist()) == list(range(300))
    np.testing.assert_allclose(
      ranking.top_scores[q], scores[q, top], rtol=1e-5, atol=1e-5
    )
    for g in range(golds.offsets[q], golds.offsets[q + 1]):
      assert top[ranking.gold_ranks[g] - 1] == golds.passages[g]


@pytest.mark.parametrize(
  "block", [(1, 250), (32, 100), (69, 249), (70, 7), (1000, 1000)]
)
def test_block_size_changes_nothing(block):
  depths = Depths(9, 4)
  whole = exact.rank(*random_task(1), depths)
  blocks = exact.rank(*random_task(1), depths, block=block)
  for name in ("gold_ranks", "gold_language_ranks", "top", "language_top"):
    assert (getattr(whole, name) == getattr(blocks, name)).all(), name


@pytest.mark.parametrize("seed", range(5))
def test_every_gold_is_found_in_any_block(seed):
  # Counts of what is ahead agree with lists only where a gold's score has the
  # very bits of the score that others are compared with.
  queries, texts, pool, golds = random_task(seed)
  queries, texts = np.round(queries, 1), np.round(texts, 1)
  ranking = exact.rank(queries, texts, pool, golds, Depths(300), block=(33, 31))
  asked = np.repeat(np.arange(70), np.diff(golds.offsets))
  assert (ranking.top[asked, ranking.gold_ranks - 1] == golds.passages).all()


def test_texts_are_read_from_a_file(tmp_path):
  queries, texts, *rest = random_task(2)
  np.save(tmp_path / "texts.npy", texts)
  stored = np.load(tmp_path / "texts.npy", mmap_mode="r")
  depths = Depths(9)
  found = exact.rank(queries, stored, *rest, depths, block=(64, 64))
  expected = exact.rank(queries, texts, *rest, depths, block=(64, 64))
  assert found.top.tobytes() == expected.top.tobytes()
  assert found.top_scores.tobytes() == expected.top_scores.tobytes()


def test_identical_texts_tie_and_the_first_is_ahead():
  queries = np.array([[0.3, 0.7]], np.float32)
  texts = np.array([[0.9, 0.1], [0.1, 0.9]], np.float32)
  pool = Pool(np.array([1, 0, 1, 1], np.int32), np.zeros(4, np.int32), 1)
  golds = Golds(np.array([0, 4]), np.arange(4, dtype=np.int32))
  for block in (None, (1, 1)):
    ranking = exact.rank(queries, texts, pool, golds, Depths(4), block=block)
    assert ranking.gold_ranks.tolist() == [1, 4, 2, 3]
    assert ranking.top.tolist() == [[0, 2, 3, 1]]
    assert len(set(ranking.top_scores[0, :3].tolist())) == 1


def test_negative_zero_ties_with_zero():
  queries = np.array([[0.0]], np.float32)
  texts = np.array([[-1.0], [1.0]], np.float32)  # scores -0.0 and 0.0
  pool = Pool(np.array([0, 1], np.int32), np.zeros(2, np.int32), 1)
  golds = Golds(np.array([0, 2]), np.array([0, 1], np.int32))
  ranking = exact.rank(queries, texts, pool, golds, Depths(2))
  assert ranking.gold_ranks.tolist() == [1, 2]
  assert ranking.top.tolist() == [[0, 1]]


def test_works_without_gold():
  queries, texts, pool, _ = random_task(2)
  none = Golds(np.zeros(71, np.int64), np.zeros(0, np.int32))
  ranking = exact.rank(queries, texts, pool, none, Depths(3))
  assert ranking.gold_ranks.shape == (0,)
  assert ranking.top.shape == (70, 3)
  assert ranking.language_top.shape == (70, 3, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("side", ["query", "passage"])
def test_embeddings_that_are_not_finite_are_refused(bad, side):
  queries, texts, *rest = random_task(3)
  (queries if side == "query" else texts)[7, 2] = bad
  with pytest.raises(UserError, match=rf"1 of \d+ {side} .*row 7"):
    exact.rank(queries, texts, *rest, Depths(1))


def test_unequal_widths_are_refused():
  queries, texts, *rest = random_task(4)
  with pytest.raises(UserError, match="16 dims, passage embeddings 15"):
    exact.rank(queries, texts[:, :15], *rest, Depths(1))
