"""InfoNCE over the global batch. From text embeddings, to the objective.

Each device scores its share of the queries, in blocks: no array is [B, B].
Source: van den Oord et al. 2018 (arXiv 1807.03748); in-batch negatives as in
arXiv 2408.10536, section 3; false negatives masked by group.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from hybrid_ir.training import mesh as mesh_lib

_MASKED = -1e30


class _Queries(NamedTuple):
  """Q of the batch's queries; from B on they are padding."""

  embedding: jax.Array  # [Q, D]
  number: jax.Array  # [Q] in the batch, which is that of its passage
  group: jax.Array  # [Q]


class _Candidates(NamedTuple):
  """What every query meets."""

  passages: jax.Array  # [B, D]
  negatives: jax.Array  # [B * N, D]
  group: jax.Array  # [B]
  negative_group: jax.Array  # [B * N]
  negative_present: jax.Array  # [B * N]
  inverse_temperature: jax.Array


class _Scored(NamedTuple):
  """What is left of the scores of Q queries in K blocks."""

  positive: jax.Array  # [Q] logit
  total: jax.Array  # [Q] log-sum-exp over the query's candidates
  first: jax.Array  # [Q] whether none of them is over the positive
  of_passages: jax.Array | None  # [K, B] log-sum-exp over a block's queries


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
  block: int | None = None,
  mesh: Mesh | None = None,
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
    block: at most so many queries a device has scores of at a time; more are
      scored block by block, and again in the backward pass. None: all at once.
    mesh: devices that share the queries; None: the compiler's choice.

  Returns:
    The scalar loss, and the share of queries whose positive ranks first.
  """
  B = len(queries)
  devices = 1 if mesh is None else mesh.devices.size
  share = -(-B // devices)
  blocks = 1 if block is None else -(-share // block)
  everyone = _Candidates(
    passages,
    negatives,
    group,
    negative_group.reshape(-1),
    negative_present.reshape(-1),
    inverse_temperature,
  )

  def score(own: _Queries, everyone: _Candidates) -> _Scored:
    """One device's share."""

    def one(own: _Queries) -> _Scored:
      return _score(own, everyone, two_sided, mask_groups)

    if blocks == 1:
      return one(own)
    pieces = jax.tree.map(lambda x: x.reshape(blocks, -1, *x.shape[1:]), own)
    scored = jax.lax.map(jax.checkpoint(one), pieces)
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), scored)

  if mesh is not None and devices > 1:
    # By hand: the compiler would sum the passages' gradients over the devices
    # once a block, and not once.
    score = jax.shard_map(
      score,
      mesh=mesh,
      in_specs=(mesh_lib.ROWS, mesh_lib.WHOLE),
      out_specs=mesh_lib.ROWS,
    )
  own = _queries(queries, group, -(-B // (devices * blocks)) * devices * blocks)
  scored = score(own, everyone)
  positive = scored.positive[:B]
  loss = _mean(scored.total[:B] - positive, weights)
  if scored.of_passages is not None:
    backward = _mean(
      jax.nn.logsumexp(scored.of_passages, axis=0) - positive, weights
    )
    loss = (loss + backward) / 2
  return loss, jnp.mean(scored.first[:B])


def _queries(queries: jax.Array, group: jax.Array, size: int) -> _Queries:
  """The batch's queries, padded to a size."""
  more = size - len(queries)
  return _Queries(
    jnp.pad(queries, ((0, more), (0, 0))),
    jnp.arange(size),
    jnp.pad(group, (0, more)),
  )


def _score(
  own: _Queries, everyone: _Candidates, two_sided: bool, mask_groups: bool
) -> _Scored:
  """Scores some queries at once."""
  scale = everyone.inverse_temperature
  to_passages = _logits(own.embedding, everyone.passages, scale)  # [Q, B]
  to_negatives = _logits(own.embedding, everyone.negatives, scale)
  B = len(everyone.passages)
  its = own.number[:, None] == jnp.arange(B)[None]
  hard = jnp.broadcast_to(everyone.negative_present, to_negatives.shape)
  allowed = jnp.ones_like(its)
  if mask_groups:
    mine = own.group[:, None]
    allowed = its | (mine != everyone.group[None])
    hard = hard & (mine != everyone.negative_group[None])
  logits = jnp.concatenate(
    [
      jnp.where(allowed, to_passages, _MASKED),
      jnp.where(hard, to_negatives, _MASKED),
    ],
    axis=1,
  )  # [Q, B + B * N]
  # One of the very logits: of another product, it might miss their maximum.
  positive = jnp.where(its, to_passages, 0).sum(axis=1)
  of_passages = None
  if two_sided:
    there = allowed & (own.number < B)[:, None]
    to_queries = jnp.where(there, to_passages, _MASKED)
    of_passages = jax.nn.logsumexp(to_queries, axis=0, keepdims=True)
  return _Scored(
    positive,
    jax.nn.logsumexp(logits, axis=1),
    positive >= logits.max(axis=1),
    of_passages,
  )


def _mean(losses: jax.Array, weights: jax.Array | None) -> jax.Array:
  return jnp.mean(losses if weights is None else weights * losses)


def _logits(x: jax.Array, y: jax.Array, scale: jax.Array) -> jax.Array:
  return scale * jnp.einsum(
    "xd,yd->xy", x, y, precision=jax.lax.Precision.HIGHEST
  )
