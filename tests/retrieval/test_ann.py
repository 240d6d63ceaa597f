import sys

import numpy as np
import pytest

from hybrid_ir.retrieval import ann


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
    (99_999, ["score_ah", "reorder"]),
    (100_000, ["tree", "score_ah", "reorder"]),
  ],
)
def test_parameters_follow_the_size(passages, stages):
  builder = Recorder()
  ann.configure(builder, passages, depth=10)
  assert list(builder.calls) == stages


def test_partitions_are_the_square_root_and_rescoring_exceeds_the_depth():
  builder = Recorder()
  ann.configure(builder, 1_000_000, depth=1000)
  _, tree = builder.calls["tree"]
  assert tree["num_leaves"] == 1000
  assert tree["num_leaves_to_search"] == 100
  assert builder.calls["reorder"][0] == (10_000,)


def test_says_that_scann_is_not_there(monkeypatch):
  monkeypatch.setitem(sys.modules, "scann.scann_ops.py", None)
  with pytest.raises(
    ann.AnnUnavailableError, match="ScaNN cannot be used here"
  ):
    ann.search(np.ones((1, 2)), np.ones((3, 2)), depth=1)


def unit(rng, n, d):
  x = rng.standard_normal((n, d)).astype(np.float32)
  return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("passages", [500, 21_000])
def test_finds_the_exact_top(passages):
  pytest.importorskip("scann")
  rng = np.random.default_rng(0)
  queries, pool = unit(rng, 50, 64), unit(rng, passages, 64)
  scores = queries @ pool.T
  exact = np.argsort(-scores, axis=1)[:, :10]
  found, found_scores = ann.search(queries, pool, depth=10)
  assert ann.recall(found, exact).mean() > 0.9
  np.testing.assert_allclose(
    found_scores, np.take_along_axis(scores, found, axis=1), atol=1e-5
  )


def test_a_short_pool_is_padded():
  pytest.importorskip("scann")
  pool = np.array([[1, 0], [0, 1]], np.float32)
  found, scores = ann.search(np.array([[1, 2]], np.float32), pool, depth=4)
  assert found.tolist() == [[1, 0, -1, -1]]
  assert scores.tolist() == [[2, 1, -np.inf, -np.inf]]


def test_recall_counts_what_was_found_in_any_order():
  exact = np.array([[1, 2, 3], [4, 5, -1], [-1, -1, -1]])
  found = np.array([[3, 1, 9], [5, -1, -1], [7, 8, 9]])
  np.testing.assert_allclose(ann.recall(found, exact), [2 / 3, 1 / 2, np.nan])
