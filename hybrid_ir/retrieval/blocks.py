"""Blocks of embeddings, searched on this process's devices. To `index`.

Each device searches a block at a time. All blocks have one shape, whichever
process and device has them, so that a score's bits depend on neither.

Q queries, B queries of a block, N passages of a block, E dims, D devices.
"""

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

# Queries scored at once: always so many, so that a query's scores do not
# depend on what else is asked.
QUERIES = 16
_EACH, _WHOLE = PartitionSpec("block"), PartitionSpec()


class Block(NamedTuple):
  """Neighbouring passages of one shard."""

  shard: int
  start: int  # row of the first
  embeddings: NDArray[Any]  # [n, E], n up to N
  wanted: NDArray[np.bool_]  # [n] looked at


class Places(NamedTuple):
  """Passages that were found; score -inf pads."""

  shards: NDArray[np.int32]  # [Q, K]
  rows: NDArray[np.int32]  # [Q, K] of their shards
  scores: NDArray[np.float32]  # [Q, K]


def no_places(Q: int, K: int) -> Places:
  """[Q, K] padding."""
  return Places(
    np.zeros((Q, K), np.int32),
    np.zeros((Q, K), np.int32),
    np.full((Q, K), -np.inf, np.float32),
  )


def find(
  queries: NDArray[np.float32], blocks: Iterator[Block], N: int, k: int
) -> Iterator[Places]:
  """The best of every block; of equal scores the lower rows.

  Args:
    queries: [Q, E].
    blocks: read as devices come free.
    N: passages of a block; a shorter one is padded.
    k: of a block, up to N.

  Yields:
    [Q, k] places, a block each.
  """
  mesh: Mesh | None = None
  while group := list(itertools.islice(blocks, jax.local_device_count())):
    mesh = mesh or _mesh(len(group))
    parts = _placed(queries, mesh)
    passages, wanted = _spread(group, N, mesh)
    best = [_best(part, passages, wanted, k=k, mesh=mesh) for part in parts]
    scores, rows = (
      np.concatenate(part, axis=1)[:, : len(queries)]
      for part in zip(*jax.device_get(best), strict=True)
    )  # [D, Q, k]
    for i, block in enumerate(group):
      shards = np.full(rows[i].shape, block.shard, np.int32)
      yield Places(shards, block.start + rows[i], scores[i])


def _mesh(size: int) -> Mesh:
  """The first devices of this process."""
  return jax.make_mesh(
    (size,),
    ("block",),
    axis_types=(AxisType.Auto,),
    devices=jax.local_devices()[:size],
  )


def _placed(queries: NDArray[np.float32], mesh: Mesh) -> list[jax.Array]:
  """[B, E] parts of the queries, on every device."""
  parts = np.split(queries, range(QUERIES, len(queries), QUERIES))
  padded = [np.pad(p, ((0, QUERIES - len(p)), (0, 0))) for p in parts]
  placed: list[jax.Array] = jax.device_put(padded, NamedSharding(mesh, _WHOLE))
  return placed


def _spread(
  group: Sequence[Block], N: int, mesh: Mesh
) -> tuple[jax.Array, jax.Array]:
  """A block a device: [D * N, E] passages, and [D * N] which are wanted."""
  devices = mesh.devices.tolist()
  E, dtype = group[0].embeddings.shape[1], group[0].embeddings.dtype
  passages, wanted = [], []
  for i, device in enumerate(devices):
    here = np.zeros((N, E), dtype) if i >= len(group) else group[i].embeddings
    looked_at = np.zeros(N, bool) if i >= len(group) else group[i].wanted
    if absent := N - len(here):
      here = np.pad(here, ((0, absent), (0, 0)))
      looked_at = np.pad(looked_at, (0, absent))
    passages.append(jax.device_put(here, device))
    wanted.append(jax.device_put(looked_at, device))
  each, D = NamedSharding(mesh, _EACH), len(devices)
  make = jax.make_array_from_single_device_arrays
  return make((D * N, E), each, passages), make((D * N,), each, wanted)


@functools.partial(jax.jit, static_argnames=("k", "mesh"))
def _best(
  queries: jax.Array,
  passages: jax.Array,
  is_wanted: jax.Array,
  *,
  k: int,
  mesh: Mesh,
) -> tuple[jax.Array, jax.Array]:
  """[B, E], [D * N, E], [D * N] -> scores and rows of the k best: [D, B, k]."""

  def here(
    queries: jax.Array, passages: jax.Array, is_wanted: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    scores = jnp.matmul(
      queries,
      passages.astype(jnp.float32).T,
      precision=jax.lax.Precision.HIGHEST,
    )
    # top_k orders -0.0 under 0.0, comparisons do not: let there be one zero.
    scores = jnp.where(scores == 0, 0.0, scores)
    scores = jnp.where(is_wanted[None, :], scores, -jnp.inf)
    best, rows = jax.lax.top_k(scores, k)
    return best[None], rows[None]

  mapped = jax.shard_map(
    here,
    mesh=mesh,
    in_specs=(_WHOLE, _EACH, _EACH),
    out_specs=(_EACH, _EACH),
  )
  found: tuple[jax.Array, jax.Array] = mapped(queries, passages, is_wanted)
  return found
