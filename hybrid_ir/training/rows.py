"""The token table's rows that a batch uses, cut out of a state. To `step`.

AdamW is elementwise, so a step on the rows alone is its step on these rows; the
table's other rows keep their values and moments. No gradient has the table's
shape: it would be zero nearly everywhere, and as dear as the table.
"""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp

Tree = TypeVar("Tree")


def used(
  tokens: jax.Array, segments: jax.Array, table_rows: int
) -> tuple[jax.Array, jax.Array]:
  """The distinct tokens of a batch's texts, and where each token stands there.

  Args:
    tokens: [R, L] ids; a padding slot's is no text's.
    segments: [R, L] of which text a token is; 0: padding.
    table_rows: V.

  Returns:
    rows [U], U = min(R * L, V): ascending; after the last, numbers from V on,
    all different, which no table has; and places [R, L], so that rows[places]
    are the tokens. A padding slot gets place 0.
  """
  real = segments > 0
  rows, places = jnp.unique(
    jnp.where(real, tokens, table_rows),
    size=min(tokens.size, table_rows),
    fill_value=table_rows,
    return_inverse=True,
  )
  beyond = table_rows + jnp.arange(len(rows), dtype=rows.dtype)
  return jnp.where(rows < table_rows, rows, beyond), jnp.where(real, places, 0)


def cut(tree: Tree, rows: jax.Array) -> Tree:
  """A state whose token table, and its moments, have the given rows alone.

  Args:
    tree: parameters, an optimizer's state, or both.
    rows: [U] as `used` gives them; of one that no table has: zeros.

  Returns:
    The same tree; the arrays [V, D] of the table are [U, D] there.
  """

  def one(path: tuple[Any, ...], array: jax.Array) -> jax.Array:
    if not _of_table(path):
      return array
    return array.at[rows].get(
      mode="fill",
      fill_value=0,
      indices_are_sorted=True,
      unique_indices=True,
    )

  return jax.tree_util.tree_map_with_path(one, tree)


def paste(tree: Tree, part: Tree, rows: jax.Array) -> Tree:
  """`part`, with the rows that `cut` took put back into the tables of `tree`.

  Args:
    tree: what was cut.
    part: what became of its cut.
    rows: [U] as for `cut`.
  """

  def one(
    path: tuple[Any, ...], whole: jax.Array, array: jax.Array
  ) -> jax.Array:
    if not _of_table(path):
      return array
    return whole.at[rows].set(
      array, mode="drop", indices_are_sorted=True, unique_indices=True
    )

  return jax.tree_util.tree_map_with_path(one, tree, part)


def _of_table(path: tuple[Any, ...]) -> bool:
  """Whether an array is the table, or a moment of it, by its place."""
  names = [getattr(entry, "key", None) for entry in path[-2:]]
  return names == ["encoder", "tokens"]
