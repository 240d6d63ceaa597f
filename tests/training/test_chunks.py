import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.training.chunks import join, split

TOKENS = np.arange(8).reshape(4, 2)


def test_pieces_by_hand():
  """Rows 0 and 2 are the first piece's."""
  rows = jnp.asarray(TOKENS)
  pieces = split({"tokens": rows, "segments": rows, "positions": -rows}, 2)
  assert pieces["tokens"].tolist() == [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
  np.testing.assert_array_equal(pieces["positions"], -pieces["tokens"])


def test_texts_by_hand():
  """Rows of two slots, a slot's value its row and segment; one is absent."""
  rows = 10 * jnp.arange(4)[:, None] + jnp.arange(1, 3)[None]  # [R, S]
  slots = rows.reshape(2, 2, 2).swapaxes(0, 1)[..., None]  # [C, R / C, S, 1]
  batch = {
    "text_row": jnp.array([2, 0, 0, 0, 3, 1]),
    "text_segment": jnp.array([1, 2, 1, 0, 1, 1]),
  }
  assert join(slots, batch)[:, 0].tolist() == [21, 2, 1, 0, 31, 11]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("chunks", [2, 8])
def test_every_text_comes_out_where_it_went_in(make_batch, packed, chunks):
  batch = jax.tree.map(jnp.asarray, dict(make_batch(packed)))
  pieces = split(batch, chunks)
  # What a text's slot holds: the sum of its tokens.
  member = pieces["segments"][..., None] == jnp.arange(1, 5)[None, None, None]
  sums = (member * pieces["tokens"][..., None]).sum(axis=2)
  found = join(sums[..., None], batch)[:, 0]
  here = batch["segments"][batch["text_row"]] == batch["text_segment"][:, None]
  expected = (here * batch["tokens"][batch["text_row"]]).sum(axis=1)
  expected = jnp.where(batch["text_segment"] > 0, expected, 0)
  np.testing.assert_array_equal(found, expected)
