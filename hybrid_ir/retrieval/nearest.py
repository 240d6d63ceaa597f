"""Best passages of parts of a pool, on device. To mining and `ann_sample`.

The pool stands by passage id descending, so that ties go to the lower place
(trec_eval's rule), as in `exact`. Passages go to the device in chunks: it holds
one of them and its scores, however large the pool is.

Q queries, P passages, E dims, K depth, S passages of a chunk.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hybrid_ir.retrieval.finite import check_finite

_CHUNK_SCORES = 2**25  # 128 MiB of float32
_LEAST_QUERIES = 64  # a block's size is a power of two from here: few shapes


def search(
  queries: NDArray[np.float32],
  passages: NDArray[np.float32],
  spans: Sequence[tuple[int, int]],
  depth: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
  """The passages of the largest dot products within `spans`, exactly.

  Args:
    queries: [Q, E]; the scores of all of them and a chunk are held at once.
    passages: [P, E]; may be a memmap.
    spans: ranges (start, stop) of places, ascending.
    depth: K.

  Returns:
    [Q, K] places, best first, and [Q, K] scores; padded with -1 and -inf where
    the spans hold fewer.

  Raises:
    UserError: query embeddings that are not finite.
  """
  check_finite(queries, "query")
  Q = len(queries)
  padded = max(_LEAST_QUERIES, 1 << (Q - 1).bit_length())
  block = jnp.pad(jnp.asarray(queries), ((0, padded - Q), (0, 0)))
  S = max(1, min(_CHUNK_SCORES // padded, len(passages)))
  places = jnp.full((padded, depth), -1, jnp.int32)
  scores = jnp.full((padded, depth), -jnp.inf, jnp.float32)
  for start, stop in spans:
    for first in range(start, stop, S):
      chunk = np.asarray(passages[first : min(first + S, stop)])
      count = len(chunk)
      places, scores = _merge(
        block,
        np.pad(chunk, ((0, S - count), (0, 0))),
        first,
        count,
        places,
        scores,
      )
  return np.asarray(places)[:Q], np.asarray(scores)[:Q]


@jax.jit
def _merge(
  queries: jax.Array,
  chunk: jax.Array,
  first: jax.Array,
  count: jax.Array,
  places: jax.Array,
  scores: jax.Array,
) -> tuple[jax.Array, jax.Array]:
  """The best so far [Q, K] and those of a chunk [S, E], of which count real."""
  new = jnp.matmul(queries, chunk.T, precision=jax.lax.Precision.HIGHEST)
  # top_k orders -0.0 under 0.0, comparisons do not: let there be one zero.
  new = jnp.where(new == 0, 0.0, new)
  column = jnp.arange(len(chunk), dtype=jnp.int32)
  new = jnp.where(column[None, :] < count, new, -jnp.inf)
  # The earlier ones stand first: top_k gives ties to the lower place.
  both = jnp.concatenate([scores, new], axis=1)
  place = jnp.broadcast_to((first + column)[None, :], new.shape)
  best, index = jax.lax.top_k(both, places.shape[1])
  found = jnp.concatenate([places, place.astype(jnp.int32)], axis=1)
  return jnp.take_along_axis(found, index, axis=1), best
