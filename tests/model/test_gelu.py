import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.model.gelu import gelu

POINTS = (-9.0, -3.0, -1.0, -1e-3, 0.0, 0.5, 2.0, 6.0)


@pytest.mark.parametrize("x", POINTS)
def test_against_the_normal_distribution(x):
  expected = x * 0.5 * math.erfc(-x / 2**0.5)
  assert float(gelu(jnp.float32(x))) == pytest.approx(expected, abs=1e-6)


def test_gradient_is_that_of_jax():
  x = jnp.linspace(-8, 8, 801)
  weights = jnp.cos(x)
  found = jax.grad(lambda x: jnp.sum(weights * gelu(x)))(x)
  expected = jax.grad(
    lambda x: jnp.sum(weights * jax.nn.gelu(x, approximate=False))
  )(x)
  np.testing.assert_allclose(found, expected, atol=2e-6)


def test_half_precision_is_rounded_once():
  x = jnp.linspace(-4, 4, 101).astype(jnp.bfloat16)
  found = gelu(x)
  assert found.dtype == jnp.bfloat16
  assert (found == gelu(x.astype(jnp.float32)).astype(jnp.bfloat16)).all()
  assert jax.grad(lambda x: gelu(x).sum())(x).dtype == jnp.bfloat16
