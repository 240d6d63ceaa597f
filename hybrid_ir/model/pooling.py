"""Token states to one vector a text. From `encoder`, to `bi_encoder`.

Texts are pooled by segment, so packed rows and single rows are one case.
"""

import jax
import jax.numpy as jnp


def pool(
  states: jax.Array,
  segments: jax.Array,
  text_row: jax.Array,
  text_start: jax.Array,
  text_segment: jax.Array,
  *,
  pooling: str,
  texts_per_row: int,
) -> jax.Array:
  """Pools T texts.

  Args:
    states: [R, L, D].
    segments: [R, L] text of a token, 1 to `texts_per_row`; 0: padding.
    text_row: [T] where each text is.
    text_start: [T] column of its first token.
    text_segment: [T] its segment; 0: absent, what comes out means nothing.
    pooling: "mean" of the text's states, or "cls": its first state.
    texts_per_row: most texts in a row.

  Returns:
    [T, D] in float32 (float64 for states in it).
  """
  dtype = jnp.promote_types(states.dtype, jnp.float32)
  if pooling == "cls":
    return states[text_row, text_start].astype(dtype)
  numbers = jnp.arange(1, texts_per_row + 1)[None, None]
  member = segments[:, :, None] == numbers  # [R, L, S]
  sums = jnp.einsum(
    "rls,rld->rsd",
    member.astype(states.dtype),
    states,
    preferred_element_type=dtype,
  )
  counts = jnp.maximum(member.sum(axis=1), 1)[..., None]  # [R, S, 1]
  return (sums / counts)[text_row, jnp.maximum(text_segment - 1, 0)]


def normalize(x: jax.Array) -> jax.Array:
  """[T, D] -> [T, D] of length 1; a zero vector stays zero."""
  square = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
  return x * jax.lax.rsqrt(jnp.maximum(square, 1e-24))
