"""A batch cut into pieces of whole rows. From `step`'s batch, to its scan.

A row is of one device, so that what a piece holds never crosses devices: each
row gives a slot for every text that it could hold. Only when all pieces are
done are the batch's texts taken out of the slots.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from hybrid_ir.data.batch import OF_ROWS

Arrays = Mapping[str, jax.Array]  # `data.batch.Arranged`, on device


def split(batch: Arrays, chunks: int) -> dict[str, jax.Array]:
  """Cuts the rows into C pieces, each device cutting its own.

  Args:
    batch: texts in R rows.
    chunks: C, which divides R.

  Returns:
    tokens, segments and positions, [C, R / C, L].
  """

  def cut(rows: jax.Array) -> jax.Array:
    pieces = rows.reshape(len(rows) // chunks, chunks, *rows.shape[1:])
    return pieces.swapaxes(0, 1)

  return {name: cut(batch[name]) for name in OF_ROWS}


def join(slots: jax.Array, batch: Arrays) -> jax.Array:
  """Takes the texts of a batch out of its pieces' slots.

  Args:
    slots: [C, R / C, S, D], of the pieces that `split` made; slot s of a row
      is its segment s + 1.
    batch: as `split` took it; an absent text has segment 0.

  Returns:
    [T, D]; zero where a text is absent.
  """
  chunks = len(slots)
  row, segment = batch["text_row"], batch["text_segment"]
  texts = slots[row % chunks, row // chunks, jnp.maximum(segment - 1, 0)]
  return jnp.where(segment[:, None] > 0, texts, 0)
