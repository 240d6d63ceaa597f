"""GELU, and its gradient in as few passes as there are. For `layers`.

JAX's exact GELU is x / 2 erfc(-x / sqrt(2)); on CPU erfc, and the gradient
derived from it, take several passes over the widest activations of a layer.
"""

import math

import jax
import jax.numpy as jnp


@jax.custom_vjp
def gelu(x: jax.Array) -> jax.Array:
  """The exact function (arXiv 1606.08415, section 2): x P(N(0, 1) <= x).

  Half precision is computed in float32.
  """
  wide = _widen(x)
  return (wide * _cumulative(wide)).astype(x.dtype)


def _forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
  return gelu(x), x


def _backward(x: jax.Array, gradient: jax.Array) -> tuple[jax.Array]:
  wide = _widen(x)
  density = jnp.exp(-0.5 * wide * wide) * (2 * math.pi) ** -0.5
  slope = _cumulative(wide) + wide * density
  return ((gradient * slope).astype(x.dtype),)


gelu.defvjp(_forward, _backward)


def _cumulative(x: jax.Array) -> jax.Array:
  """P(N(0, 1) <= x)."""
  return 0.5 * (1 + jax.lax.erf(x * 0.5**0.5))


def _widen(x: jax.Array) -> jax.Array:
  return x.astype(jnp.promote_types(x.dtype, jnp.float32))
