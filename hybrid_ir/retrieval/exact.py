"""Exact search by embeddings. Takes embeddings; feeds evaluation.

Scores are made on the device, in blocks; `ranking` orders them. Texts may lie
in a file (numpy.memmap): a block of them is read at a time.

Q queries, U distinct passage texts, D dims, B queries and N texts of a block.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval.finite import check_finite
from hybrid_ir.retrieval.ranking import Depths, Golds, Pool, rank_blocks
from hybrid_ir.retrieval.ranking import Ranking as Ranking

_BLOCK_SCORES = 2**22  # 16 MiB of float32; their keys take twice that
_BLOCK_TEXTS = 2**16


def rank(
  queries: np.ndarray,
  texts: np.ndarray,
  pool: Pool,
  golds: Golds,
  depths: Depths,
  *,
  block: tuple[int, int] | None = None,
) -> Ranking:
  """Ranks every gold by dot products in float32.

  Identical texts share an embedding, so that they tie exactly: a text's scores
  are made once, or twice by the same program of the same shapes.

  Args:
    queries: [Q, D] embeddings.
    texts: [U, D] embeddings of the distinct texts; may be a memmap.
    pool: the candidates.
    golds: what is ranked.
    depths: of the lists.
    block: queries and texts scored at once; by default as memory allows.

  Raises:
    UserError: embeddings that are not finite, or of unequal width.
  """
  if queries.shape[1] != texts.shape[1]:
    raise UserError(
      f"query embeddings have {queries.shape[1]} dims, passage embeddings"
      f" {texts.shape[1]}; expected one model's"
    )
  Q, U = len(queries), len(texts)
  N = min(U, block[1] if block else _BLOCK_TEXTS)
  B = min(Q, block[0] if block else max(1, _BLOCK_SCORES // max(1, N)))
  for name, embeddings in (("query", queries), ("passage", texts)):
    check_finite(embeddings, name)

  def open_block(columns: slice) -> Callable[[slice], NDArray[np.float32]]:
    here = jnp.asarray(_fill(texts[columns], N))
    return functools.partial(scores, here, columns.stop - columns.start)

  def scores(here: jax.Array, n: int, rows: slice) -> NDArray[np.float32]:
    found = np.asarray(_scores(_fill(queries[rows], B), here))
    return found[: rows.stop - rows.start, :n]

  return rank_blocks(open_block, Q, U, pool, golds, depths, (B, N))


@jax.jit
def _scores(queries: jax.Array, texts: jax.Array) -> jax.Array:
  """[B, D], [N, D] -> [B, N]."""
  return jnp.matmul(queries, texts.T, precision=jax.lax.Precision.HIGHEST)


def _fill(rows: np.ndarray, count: int) -> NDArray[np.float32]:
  """Pads with zero rows: one shape, one program."""
  padding = (0, count - len(rows)), (0, 0)
  return np.pad(np.asarray(rows, np.float32), padding)
