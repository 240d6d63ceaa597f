"""Dropout as a pure function. For `layers` and `attention`."""

import jax
import jax.numpy as jnp


def drop(x: jax.Array, rate: float, key: jax.Array | None) -> jax.Array:
  """Sets a share `rate` of x to 0 and scales the rest; no key: x."""
  if key is None or not rate:
    return x
  kept = jax.random.bernoulli(key, 1 - rate, x.shape)
  return jnp.where(kept, x / (1 - rate), jnp.zeros_like(x))
