"""Devices, and what lies where on them. To `step` and `checkpoint`.

The rules stand apart from the model: ordered (pattern, PartitionSpec), the
first that matches a parameter's path wins.
"""

import re
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from hybrid_ir.errors import UserError

RULES: tuple[tuple[str, PartitionSpec], ...] = (
  (".*", PartitionSpec()),  # every parameter is whole on every device
)
ROWS = PartitionSpec("data")  # a batch's rows are shared out
WHOLE = PartitionSpec()


def make_mesh(data: int) -> Mesh:
  """A mesh with the axis `data`.

  Args:
    data: devices on it; -1: all.

  Raises:
    UserError: where there are not so many devices.
  """
  devices = jax.devices()
  count = len(devices) if data == -1 else data
  if count > len(devices):
    raise UserError(
      f"config key 'mesh.data' is {count}, but there are {len(devices)} devices"
    )
  # Axes of type Auto: the compiler places the collectives.
  return jax.make_mesh(
    (count,), ("data",), axis_types=(AxisType.Auto,), devices=devices[:count]
  )


def shardings(mesh: Mesh, tree: Any) -> Any:
  """A NamedSharding for each array of a tree of parameters (or of a state)."""

  def place(path: tuple[Any, ...], _: Any) -> NamedSharding:
    name = jax.tree_util.keystr(path, simple=True, separator="/")
    spec = next(spec for pattern, spec in RULES if re.search(pattern, name))
    return NamedSharding(mesh, spec)

  return jax.tree_util.tree_map_with_path(place, tree)
