"""InfoNCE over the global batch. From text embeddings, to the objective.

Source: van den Oord et al. 2018 (arXiv 1807.03748); in-batch negatives as in
arXiv 2408.10536, section 3; false negatives masked by group.
"""

import jax
import jax.numpy as jnp

_MASKED = -1e30


def contrastive_loss(
  queries: jax.Array,
  passages: jax.Array,
  negatives: jax.Array,
  group: jax.Array,
  negative_group: jax.Array,
  negative_present: jax.Array,
  inverse_temperature: jax.Array,
  *,
  two_sided: bool,
  mask_groups: bool,
  weights: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
  """The mean loss of B queries against all passages and hard negatives.

  Query i's positive is passage i. Every other passage and every hard negative
  of the batch is a negative, except (with `mask_groups`) those of the query's
  own group.

  Args:
    queries: [B, D] of length 1.
    passages: [B, D].
    negatives: [B * N, D] hard negatives, pair by pair; N may be 0.
    group: [B] of each pair.
    negative_group: [B, N] of each hard negative; -1: none.
    negative_present: [B, N] whether it exists.
    inverse_temperature: scalar that cosines are multiplied by.
    two_sided: also rank the batch's queries for each passage; the loss is
      the mean of both directions.
    mask_groups: whether group members are left out.
    weights: [B] that each pair's loss is multiplied by; None: all 1.

  Returns:
    The scalar loss, and the share of queries whose positive ranks first.
  """
  B = len(queries)
  own = jnp.eye(B, dtype=bool)
  allowed = own | (group[:, None] != group[None, :])  # [B, B]
  hard = jnp.broadcast_to(negative_present.reshape(-1), (B, negatives.shape[0]))
  if mask_groups:
    hard = hard & (group[:, None] != negative_group.reshape(1, -1))
  else:
    allowed = jnp.ones_like(own)
  to_passages = _logits(queries, passages, inverse_temperature)  # [B, B]
  to_negatives = _logits(queries, negatives, inverse_temperature)  # [B, B * N]
  logits = jnp.concatenate(
    [
      jnp.where(allowed, to_passages, _MASKED),
      jnp.where(hard, to_negatives, _MASKED),
    ],
    axis=1,
  )
  positive = jnp.diagonal(to_passages)
  loss = _mean(jax.nn.logsumexp(logits, axis=1) - positive, weights)
  if two_sided:
    to_queries = jnp.where(allowed, to_passages, _MASKED)
    backward = _mean(jax.nn.logsumexp(to_queries, axis=0) - positive, weights)
    loss = (loss + backward) / 2
  first = jnp.mean(positive >= logits.max(axis=1))
  return loss, first


def _mean(losses: jax.Array, weights: jax.Array | None) -> jax.Array:
  return jnp.mean(losses if weights is None else weights * losses)


def _logits(x: jax.Array, y: jax.Array, scale: jax.Array) -> jax.Array:
  return scale * jnp.einsum(
    "xd,yd->xy", x, y, precision=jax.lax.Precision.HIGHEST
  )
