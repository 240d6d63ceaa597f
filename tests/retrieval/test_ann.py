import dataclasses
import sys

import numpy as np
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import ann, ann_parameters, ann_sample, ann_searcher


class Recorder:
  """Stands for ScaNN's builder: notes the calls and their arguments."""

  def __init__(self):
    self.calls = {}

  def __getattr__(self, name):
    def call(*args, **kwargs):
      self.calls[name] = args, kwargs
      return self

    return call


@pytest.mark.parametrize(
  ("passages", "stages"),
  [
    (19_999, ["score_brute_force"]),
    (20_000, ["score_ah", "reorder"]),
    (100_000, ["tree", "score_ah", "reorder"]),
  ],
)
def test_the_builder_is_told_the_parameters(passages, stages):
  builder, parameters = Recorder(), ann_parameters.choose(passages)
  ann_searcher.configure(builder, parameters)
  assert list(builder.calls) == stages
  if "tree" in stages:
    assert builder.calls["tree"][1]["num_leaves"] == parameters.leaves
  if "score_ah" in stages:
    assert builder.calls["score_ah"][0] == (2,)


def test_says_that_scann_is_not_there(monkeypatch):
  monkeypatch.setitem(sys.modules, "scann.scann_ops.py", None)
  with pytest.raises(
    ann.AnnUnavailableError, match="ScaNN cannot be used here"
  ):
    ann.build(np.ones((3, 2)), depth=1)


def unit(rng, n, d):
  x = rng.standard_normal((n, d)).astype(np.float32)
  return x / np.linalg.norm(x, axis=1, keepdims=True)


def best(queries, pool, k):
  return np.argsort(-(queries @ pool.T), axis=1)[:, :k].astype(np.int32)


@pytest.fixture(scope="module")
def clustered():
  """[60, 16] queries, and [21_000, 16] passages around 700 centres."""
  rng = np.random.default_rng(0)
  centres = unit(rng, 700, 16)
  pool = np.repeat(centres, 30, axis=0) + 0.7 * unit(rng, 21_000, 16)
  queries = centres[:60] + 0.7 * unit(rng, 60, 16)
  return tuple(
    (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    for x in (queries, pool)
  )


def test_brute_force_is_exact_and_not_tuned():
  pytest.importorskip("scann")
  rng = np.random.default_rng(0)
  queries, pool = unit(rng, 50, 64), unit(rng, 500, 64)
  tool = ann.build(pool, 10)
  assert tool.tuned is None
  assert tool.line().startswith("ScaNN, 500 passages: brute force, built in")
  found, scores = tool(queries)
  assert found.tolist() == best(queries, pool, 10).tolist()
  expected = np.take_along_axis(queries @ pool.T, found, axis=1)
  np.testing.assert_allclose(scores, expected, atol=1e-5)
  assert found.dtype == np.int32
  assert scores.dtype == np.float32


@pytest.mark.parametrize("target", [0.8, 0.99])
def test_hashing_is_tuned_to_its_target(clustered, target):
  pytest.importorskip("scann")
  queries, pool = clustered
  tool = ann.build(pool, 10, queries, target=target, sample=60)
  assert tool.tuned.sampled == "queries"
  assert tool.tuned.recall >= target
  found, scores = tool(queries)
  reached = ann.recall(found, best(queries, pool, 10)).mean()
  np.testing.assert_allclose(reached, tool.tuned.recall, atol=2e-3)
  expected = np.take_along_axis(queries @ pool.T, found, axis=1)
  np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.fixture(scope="module")
def tree(clustered):
  """Partitions and hashing, in a corpus that is small for them."""
  pytest.importorskip("scann")
  parameters = dataclasses.replace(
    ann_parameters.choose(100_000), passages=21_000, leaves=150
  )
  return ann_searcher.train(clustered[1], parameters)


@pytest.mark.parametrize("target", [0.7, 0.97])
def test_partitions_are_tuned_to_their_target(clustered, tree, target):
  queries, pool = clustered
  sample = ann_sample.of_queries(queries, pool, 10, 60, seed=0)
  tuned = tree.tune(sample, target)
  found, _ = tree.search(queries, 10, tuned.setting)
  reached = ann.recall(found, best(queries, pool, 10)).mean()
  assert reached >= target - 2e-3
  np.testing.assert_allclose(reached, tuned.recall, atol=2e-3)


def test_a_higher_target_looks_at_more(clustered, tree):
  queries, pool = clustered
  sample = ann_sample.of_queries(queries, pool, 10, 60, seed=0)
  low, high = (tree.tune(sample, target).setting for target in (0.5, 0.99))
  assert low.leaves < high.leaves


def test_what_cannot_be_reached_is_tried_with_everything(clustered, tree):
  queries, pool = clustered
  sample = ann_sample.of_queries(queries, pool, 10, 60, seed=0)
  tuned = tree.tune(sample, 1.1)
  assert tuned.setting == (150, 1000)
  assert tuned.recall > 0.99
  assert tuned.line().startswith("! target 1.1 NOT reached")


def test_a_short_pool_is_padded():
  pytest.importorskip("scann")
  pool = np.array([[1, 0], [0, 1]], np.float32)
  found, scores = ann.build(pool, 4)(np.array([[1, 2]], np.float32))
  assert found.tolist() == [[1, 0, -1, -1]]
  assert scores.tolist() == [[2, 1, -np.inf, -np.inf]]


def test_no_queries_no_lists():
  pytest.importorskip("scann")
  found, scores = ann.build(np.eye(3, dtype=np.float32), 2)(
    np.zeros((0, 3), np.float32)
  )
  assert found.shape == scores.shape == (0, 2)


@pytest.mark.parametrize(
  ("rows", "message"),
  [
    ([[1, 0], [np.nan, 0]], "1 of 2 {} embeddings are not finite"),
    ([[1, 0], [0, np.inf]], "1 of 2 {} embeddings are not finite"),
    ([[1, 0], [0, 0]], "{} embedding 1 is of length 0"),
    ([1, 0], r"{} embeddings have shape \(2,\); expected \[N, "),
  ],
)
def test_embeddings_that_are_none(rows, message):
  pytest.importorskip("scann")
  bad, good = np.array(rows, np.float32), np.eye(2, dtype=np.float32)
  with pytest.raises(UserError, match=message.format("passage")):
    ann.build(bad, 1, good)
  with pytest.raises(UserError, match=message.format("query")):
    ann.build(good, 1)(bad)


def test_the_row_is_named_in_whatever_block_it_stands(monkeypatch):
  monkeypatch.setattr(ann_searcher, "_CHECKED", 2)
  bad = np.eye(5, dtype=np.float32)
  bad[3] = np.nan
  with pytest.raises(UserError, match=r"1 of 5 passage .* row 3\)"):
    ann_searcher.check(bad, "passage")
  bad[3] = 0
  with pytest.raises(UserError, match="passage embedding 3 is of length 0"):
    ann_searcher.check(bad, "passage")


def test_queries_of_another_size():
  pytest.importorskip("scann")
  tool = ann.build(np.eye(3, dtype=np.float32), 1)
  with pytest.raises(UserError, match=r"\(2, 2\); expected \[N, 3\]"):
    tool(np.eye(2, dtype=np.float32))


def test_recall_counts_what_was_found_in_any_order():
  exact = np.array([[1, 2, 3], [4, 5, -1], [-1, -1, -1]])
  found = np.array([[3, 1, 9], [5, -1, -1], [7, 8, 9]])
  np.testing.assert_allclose(ann.recall(found, exact), [2 / 3, 1 / 2, np.nan])
