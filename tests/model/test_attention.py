import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.model.attention import (
  attend,
  nearby,
  rotate,
  rotation,
  same_text,
)

SEGMENTS = jnp.array([[1, 1, 2, 0], [1, 2, 2, 2]])


def heads(seed, R=2, H=3, L=4, size=6):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.normal(size=(R, H, L, size)), jnp.float32)


def test_against_loops():
  q, k, v = heads(0), heads(1), heads(2)
  mask = same_text(SEGMENTS)
  found = np.asarray(attend(q, k, v, mask))
  for r, h, i in np.ndindex(2, 3, 4):
    seen = np.flatnonzero(np.asarray(mask)[r, 0, i])
    if not len(seen):
      continue  # padding: finite, and read by nobody
    logits = np.asarray(k)[r, h, seen] @ np.asarray(q)[r, h, i] / 6**0.5
    weights = np.exp(logits) / np.exp(logits).sum()
    expected = weights @ np.asarray(v)[r, h, seen]
    np.testing.assert_allclose(found[r, h, i], expected, rtol=1e-5, atol=1e-6)
  assert np.isfinite(found).all()


def test_flash_attention_where_there_is_one(monkeypatch):
  """cuDNN's is stood in for by XLA's of the same function, here."""
  q, k, v = (heads(seed).astype(jnp.bfloat16) for seed in range(3))
  mask = same_text(SEGMENTS)
  real = (SEGMENTS > 0)[:, None, :, None]
  expected = jnp.where(real, attend(q, k, v, mask), 0)
  kernels = []
  function = jax.nn.dot_product_attention

  def record(*arrays, implementation, **options):
    kernels.append(implementation)
    return function(*arrays, implementation="xla", **options)

  monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
  monkeypatch.setattr(jax.nn, "dot_product_attention", record)
  found = jnp.where(real, attend(q, k, v, mask), 0)
  assert kernels == ["cudnn"]
  np.testing.assert_allclose(
    found.astype(jnp.float32), expected.astype(jnp.float32), atol=0.02
  )
  attend(q, k, v, mask, 0.5, jax.random.key(0))  # it has no dropout
  attend(*(x.astype(jnp.float32) for x in (q, k, v)), mask)  # nor this dtype
  assert kernels == ["cudnn"]


def test_same_text_by_hand():
  expected = [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
  assert same_text(SEGMENTS)[0, 0].astype(int).tolist() == expected


def test_nearby_by_hand():
  expected = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
  assert nearby(4, 1)[0, 0].astype(int).tolist() == expected
  assert nearby(4, 3).all()


def test_dropout_needs_its_key():
  q, k, v, mask = heads(0), heads(1), heads(2), same_text(SEGMENTS)
  plain = attend(q, k, v, mask)
  assert (attend(q, k, v, mask, 0.5) == plain).all()
  dropped = attend(q, k, v, mask, 0.5, jax.random.key(0))
  assert (dropped != plain).any()


def test_rotation_by_hand():
  """Each pair of (i, i + half) turns by position / theta ** (2i / size)."""
  x = heads(0, R=1, H=1)
  positions = jnp.array([[0, 1, 2, 7]])
  turned = np.asarray(rotate(x, rotation(positions, 100.0, 6)))[0, 0]
  pairs = np.asarray(x)[0, 0, :, :3] + 1j * np.asarray(x)[0, 0, :, 3:]
  speed = 100.0 ** (-np.array([0, 2, 4]) / 6)
  expected = pairs * np.exp(1j * np.asarray(positions)[0][:, None] * speed)
  np.testing.assert_allclose(turned[:, :3], expected.real, atol=1e-5)
  np.testing.assert_allclose(turned[:, 3:], expected.imag, atol=1e-5)


@pytest.mark.parametrize("shift", [1, 5000])
def test_products_depend_on_the_distance_alone(shift):
  q, k = heads(0, R=1), heads(1, R=1)
  at = jnp.arange(4)[None]

  def products(positions):
    by = rotation(positions, 10_000.0, 6)
    return jnp.einsum("rhqd,rhkd->rhqk", rotate(q, by), rotate(k, by))

  np.testing.assert_allclose(products(at), products(at + shift), atol=5e-3)


def test_rotation_keeps_the_dtype():
  x = heads(0, R=1).astype(jnp.bfloat16)
  by = rotation(jnp.arange(4)[None], 100.0, 6)
  assert by[0].dtype == jnp.float32  # angles of far positions need it
  assert rotate(x, by).dtype == jnp.bfloat16
