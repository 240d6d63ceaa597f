import numpy as np
import pytest

from hybrid_ir.retrieval import ann_sample


def exact(passages):
  """A search of everything, by numpy."""

  def search(queries, depth):
    scores = queries @ passages.T
    found = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    return found.astype(np.int32), np.take_along_axis(scores, found, axis=1)

  return search


def points(count, seed=0):
  x = np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)
  return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_an_exact_search_finds_everything():
  passages = points(80)
  of_queries = ann_sample.of_queries(points(30, 1), passages, 5, 20, seed=0)
  of_passages = ann_sample.of_passages(passages, 5, 20, seed=0)
  for sample in (of_queries, of_passages):
    assert sample.embeddings.shape == (20, 6)
    assert sample.scores.shape == (20, 5)
    assert sample.recall(exact(passages)) == 1


def test_a_passage_is_not_its_own_answer():
  passages = points(80)
  sample = ann_sample.of_passages(passages, 5, 80, seed=0)
  scores = passages @ passages.T
  np.fill_diagonal(scores, -np.inf)
  expected = -np.sort(-scores, axis=1)[:, :5]
  np.testing.assert_allclose(sample.scores, expected, atol=1e-6)

  def only_itself(queries, depth):
    found = np.full((80, depth), -1, np.int32)
    found[:, 0] = np.arange(80)
    return found, np.where(found >= 0, 1.0, -np.inf).astype(np.float32)

  assert sample.recall(only_itself) == 0


def test_what_is_missing_is_counted():
  passages = points(80)
  sample = ann_sample.of_queries(points(30, 1), passages, 5, 30, seed=0)

  def only_two(queries, depth):
    found, scores = exact(passages)(queries, depth)
    scores[:, 2:] = -np.inf
    return found, scores

  assert sample.recall(only_two) == pytest.approx(0.4)


def test_equal_passages_stand_for_each_other():
  """Each of 10 texts stands 8 times: any 5 of the other 7 are the best."""
  passages = np.repeat(points(10), 8, axis=0)
  sample = ann_sample.of_passages(passages, 5, 80, seed=0)

  def from_behind(queries, depth):
    scores = (queries @ passages.T)[:, ::-1]
    found = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    return (79 - found).astype(np.int32), np.take_along_axis(scores, found, 1)

  assert sample.recall(from_behind) == 1


def test_fewer_passages_than_asked_for():
  passages = points(3)
  sample = ann_sample.of_passages(passages, 5, 9, seed=0)
  assert sample.scores.shape == (3, 5)
  assert np.isfinite(sample.scores).sum(axis=1).tolist() == [2, 2, 2]

  def padded(queries, depth):
    found, scores = exact(passages)(queries, depth)
    width = (0, 0), (0, depth - 3)
    return (
      np.pad(found, width, constant_values=-1),
      np.pad(scores, width, constant_values=-np.inf),
    )

  assert sample.recall(padded) == 1


def test_the_seed_chooses():
  passages = points(80)
  same, again, other = (
    ann_sample.of_passages(passages, 5, 20, seed).own for seed in (0, 0, 1)
  )
  assert same.tolist() == again.tolist() != other.tolist()
