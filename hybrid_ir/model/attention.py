"""Which tokens attend to which, and how. For `layers` and `encoder`.

Several texts may share a row; a token attends to its own text alone.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name

from hybrid_ir.model.dropout import drop

Rotation = tuple[jax.Array, jax.Array]  # cosines, sines: [R, 1, L, D / H]

# By these names the encoder keeps them for the backward pass.
WEIGHTS, MIXED = "attention_weights", "attention_mixed"
_MASKED = -1e30  # logits of other texts; finite, so that empty rows stay so


def attend(
  q: jax.Array,
  k: jax.Array,
  v: jax.Array,
  mask: jax.Array,
  dropout: float = 0.0,
  key: jax.Array | None = None,
) -> jax.Array:
  """Scaled dot-product attention (arXiv 1706.03762, section 3.2).

  Args:
    q: [R, H, L, D / H] queries of H heads.
    k: [R, H, L, D / H] keys.
    v: [R, H, L, D / H] values.
    mask: [R, 1, L, L] whether the second token is seen by the first.
    dropout: share of weights set to 0, where a key is given.
    key: of dropout.

  Returns:
    [R, H, L, D / H] mixed values, in their dtype.
  """
  if _has_flash(q.dtype) and (key is None or not dropout):
    mixed = jax.nn.dot_product_attention(
      q.swapaxes(1, 2),  # it wants [R, L, H, D / H]
      k.swapaxes(1, 2),
      v.swapaxes(1, 2),
      mask=mask,
      implementation="cudnn",
    )
    return checkpoint_name(mixed.swapaxes(1, 2), MIXED)
  logits = jnp.einsum(
    "rhqd,rhkd->rhqk",
    q,
    k,
    preferred_element_type=jnp.promote_types(q.dtype, jnp.float32),
  )
  logits = jnp.where(mask, logits * q.shape[-1] ** -0.5, _MASKED)
  # The softmax's division waits for the mixed values, which are fewer. Its
  # result does not depend on what is subtracted: no gradient goes there.
  highest = jax.lax.stop_gradient(logits.max(axis=-1, keepdims=True))
  weights = checkpoint_name(jnp.exp(logits - highest), WEIGHTS)
  total = weights.sum(axis=-1, keepdims=True)
  weights = drop(weights, dropout, key).astype(v.dtype)
  mixed = jnp.einsum("rhqk,rhkd->rhqd", weights, v)
  return checkpoint_name((mixed / total).astype(v.dtype), MIXED)


def _has_flash(dtype: jnp.dtype) -> bool:
  """Whether cuDNN's flash attention (arXiv 2205.14135) can be used.

  It takes half precision alone, and JAX gives it no dropout. Elsewhere the
  products are XLA's, which on CPU run at the cores' peak; on TPU rows are too
  short (64 to 512) for a kernel in blocks to gain.
  """
  return jax.default_backend() == "gpu" and dtype in (
    jnp.bfloat16,
    jnp.float16,
  )


def same_text(segments: jax.Array) -> jax.Array:
  """[R, L] segments (0: padding) -> [R, 1, L, L] what a token may see."""
  seen = segments[:, None, None, :]
  return (segments[:, None, :, None] == seen) & (seen > 0)


def nearby(length: int, window: int) -> jax.Array:
  """[1, 1, L, L] whether two columns are at most `window` apart."""
  columns = jnp.arange(length)
  near = jnp.abs(columns[:, None] - columns[None, :]) <= window
  return near[None, None]


def rotation(positions: jax.Array, theta: float, size: int) -> Rotation:
  """The rotary angles (RoPE, arXiv 2104.09864, section 3.2.2).

  Args:
    positions: [R, L] of a token in its text.
    theta: base of the angles.
    size: D / H, even.
  """
  pairs = np.arange(0, size, 2, dtype=np.float32) / np.float32(size)
  speed = jnp.asarray(np.float32(theta) ** -pairs)  # [D / H / 2]
  angles = positions[:, None, :, None] * speed[None, None, None]
  angles = jnp.concatenate([angles, angles], axis=-1)
  return jnp.cos(angles), jnp.sin(angles)


def rotate(x: jax.Array, by: Rotation) -> jax.Array:
  """[R, H, L, D / H] -> the same, its halves' pairs turned."""
  cosines, sines = by
  one, other = jnp.split(x, 2, axis=-1)
  turned = jnp.concatenate([-other, one], axis=-1)
  return (x * cosines + turned * sines).astype(x.dtype)
