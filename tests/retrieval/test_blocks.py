import jax
import numpy as np
import pytest

from hybrid_ir.retrieval import blocks
from hybrid_ir.retrieval.blocks import Block

N, E = 8, 4


def make_blocks(sizes, rng):
  return [
    Block(
      number // 2,
      N * (number % 2),
      rng.integers(-1, 2, (size, E)).astype(np.float16),
      rng.random(size) < 0.7,
    )
    for number, size in enumerate(sizes)
  ]


def by_sorting(query, block, k):
  """Rows of the shard and scores, best first, ties by row; wanted ones."""
  scores = block.embeddings.astype(np.float32) @ query
  rows = [r for r in range(len(scores)) if block.wanted[r]]
  rows.sort(key=lambda row: (-scores[row], row))
  return [(block.start + row, float(scores[row])) for row in rows[:k]]


@pytest.mark.parametrize("devices", [1, 3, 8])
@pytest.mark.parametrize("queries", [1, blocks.QUERIES, 21])
def test_every_block_is_searched_alone(devices, queries, monkeypatch):
  monkeypatch.setattr(jax, "local_device_count", lambda: devices)
  rng = np.random.default_rng(0)
  given = make_blocks([N, 5, N, N, 1, N, 3], rng)
  asked = rng.integers(-1, 2, (queries, E)).astype(np.float32)
  found = list(blocks.find(asked, iter(given), N, 4))
  assert len(found) == len(given)
  for block, places in zip(given, found, strict=True):
    assert places.rows.shape == places.scores.shape == (queries, 4)
    assert (places.shards == block.shard).all()
    for q in range(queries):
      real = places.scores[q] > -np.inf
      pairs = zip(places.rows[q, real], places.scores[q, real], strict=True)
      assert list(pairs) == by_sorting(asked[q], block, 4)


def test_no_blocks_no_places():
  assert not list(blocks.find(np.ones((2, E), np.float32), iter([]), N, 4))
