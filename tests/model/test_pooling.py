import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.model.pooling import normalize, pool, pool_slots

# Two rows of four tokens: texts 1 and 2 in the first, one in the second.
SEGMENTS = np.array([[1, 1, 2, 0], [1, 0, 0, 0]])
STATES = np.array(
  [[[3, 0], [0, 8], [6, 8], [99, 99]], [[0, -5], [99, 99], [99, 99], [99, 99]]],
  np.float32,
)
PLACES = (  # row, start, segment of: row 0's first and second, row 1's, absent
  np.array([0, 0, 1, 0]),
  np.array([0, 2, 0, 0]),
  np.array([1, 2, 1, 0]),
)


def embed(pooling, states=STATES):
  return pool(states, SEGMENTS, *PLACES, pooling=pooling, texts_per_row=2)


def test_length_one():
  np.testing.assert_allclose(
    normalize(jnp.array([[3.0, 4.0], [0.0, -5.0]])), [[0.6, 0.8], [0, -1]]
  )


def test_mean_by_hand():
  np.testing.assert_allclose(
    embed("mean")[:3], [[1.5, 4], [6, 8], [0, -5]], rtol=1e-6
  )


def test_cls_by_hand():
  np.testing.assert_allclose(
    embed("cls")[:3], [[3, 0], [6, 8], [0, -5]], rtol=1e-6
  )


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_rows_slots_are_its_texts(pooling):
  slots = pool_slots(STATES, SEGMENTS, pooling=pooling, texts_per_row=3)
  assert slots.shape == (2, 3, 2)
  found = np.stack([slots[0, 0], slots[0, 1], slots[1, 0]])
  np.testing.assert_array_equal(found, embed(pooling)[:3])


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_sums_are_not_made_in_bfloat16(pooling):
  states = jnp.asarray(STATES, jnp.bfloat16)
  coarse = embed(pooling, states)
  assert coarse.dtype == jnp.float32
  np.testing.assert_allclose(coarse, embed(pooling), rtol=1e-6)


def test_a_text_of_no_tokens_is_zero_and_has_a_finite_gradient():
  def total(states):
    embeddings = pool(
      states,
      np.zeros((1, 4), int),
      np.array([0]),
      np.array([0]),
      np.array([1]),
      pooling="mean",
      texts_per_row=2,
    )
    return jnp.sum(embeddings), embeddings

  states = jnp.asarray(STATES[:1])
  gradient, embeddings = jax.grad(total, has_aux=True)(states)
  assert embeddings.tolist() == [[0, 0]]
  assert not gradient.any()


def test_a_zero_vector_stays_zero():
  assert normalize(jnp.zeros((1, 3))).tolist() == [[0, 0, 0]]
  assert jnp.isfinite(jax.jacobian(normalize)(jnp.zeros((1, 3)))).all()
