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
  if pooling == "cls":
    return _wide(states[text_row, text_start])
  slots = pool_slots(
    states, segments, pooling=pooling, texts_per_row=texts_per_row
  )
  return slots[text_row, jnp.maximum(text_segment - 1, 0)]


def pool_slots(
  states: jax.Array,
  segments: jax.Array,
  *,
  pooling: str,
  texts_per_row: int,
) -> jax.Array:
  """Pools every text that a row could hold: nothing crosses rows.

  Args:
    states: [R, L, D].
    segments: as `pool` takes them.
    pooling: "mean" or "cls".
    texts_per_row: S, most texts in a row.

  Returns:
    [R, S, D] in float32 (float64 for states in it); slot s is segment s + 1,
    and where there is no such text, it means nothing.
  """
  numbers = jnp.arange(1, texts_per_row + 1)[None, None]
  member = segments[:, :, None] == numbers  # [R, L, S]
  if pooling == "cls":
    first = jnp.argmax(member, axis=1)[..., None]  # [R, S, 1]
    return _wide(jnp.take_along_axis(states, first, axis=1))
  sums = jnp.einsum(
    "rls,rld->rsd",
    member.astype(states.dtype),
    states,
    preferred_element_type=_wide(states[:0]).dtype,
  )
  counts = jnp.maximum(member.sum(axis=1), 1)[..., None]  # [R, S, 1]
  return sums / counts


def _wide(x: jax.Array) -> jax.Array:
  return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def normalize(x: jax.Array) -> jax.Array:
  """[T, D] -> [T, D] of length 1; a zero vector stays zero."""
  square = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
  return x * jax.lax.rsqrt(jnp.maximum(square, 1e-24))
