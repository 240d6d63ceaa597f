"""Devices, and what lies where on them. To `step` and `checkpoint`.

The axis `fsdp` shares out parameters and optimizer state, both axes a batch's
rows; the compiler gathers a layer's weights when it comes to them. The rules
stand apart from the model: ordered (pattern, PartitionSpec), the first that
matches a parameter's path wins.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from hybrid_ir.errors import UserError

RULES: tuple[tuple[str, PartitionSpec], ...] = (
  ("lora", PartitionSpec()),
  (r"\blayers/.*/kernel$", PartitionSpec(None, "fsdp")),  # [N, in, out]
  (r"\bfirst/.*/kernel$", PartitionSpec("fsdp")),  # [in, out]
  (r"\btokens$", PartitionSpec("fsdp")),  # [V, D]
  (".*", PartitionSpec()),  # small: whole on every device
)
ROWS = PartitionSpec(("data", "fsdp"))  # a batch's rows are shared out
WHOLE = PartitionSpec()


def make_mesh(
  data: int, fsdp: int = 1, devices: Sequence[jax.Device] | None = None
) -> Mesh:
  """A mesh with the axes `data` and `fsdp`.

  Args:
    data: groups of devices; -1: as many as there are.
    fsdp: devices of a group, which share out the parameters.
    devices: to lay out; None: all that this program runs on.

  Raises:
    UserError: where there are not so many devices, or they do not divide.
  """
  devices = jax.devices() if devices is None else devices
  if data == -1:
    if len(devices) % fsdp:
      raise UserError(
        f"config key 'mesh.fsdp' is {fsdp}; it must divide the"
        f" {len(devices)} devices"
      )
    data = len(devices) // fsdp
  said = f"config key 'mesh.data' is {data}"
  if fsdp > 1:
    said = f"config keys 'mesh.data' x 'mesh.fsdp' are {data} x {fsdp}"
  if data * fsdp > len(devices):
    there = f"there are {len(devices)} devices"
    if len(devices) < jax.device_count() and jax.process_count() > 1:
      there = (
        f"this process has {len(devices)} devices of its own, and lays out"
        " those alone; set 'mesh.data' to -1 for this task"
      )
    raise UserError(f"{said}, but {there}")
  if idle := len(devices) % (data * fsdp):
    raise UserError(
      f"{said}, which must divide the {len(devices)} devices: {idle} would"
      " stand idle; set 'mesh.data' to -1"
    )
  owners = [device.process_index for device in devices]
  if len({*owners[: data * fsdp]}) < len({*owners}):
    raise UserError(
      f"config keys 'mesh.data' x 'mesh.fsdp' are {data} x {fsdp}: some"
      " processes would have no device; set 'mesh.data' to -1"
    )
  # Axes of type Auto: the compiler places the collectives.
  return jax.make_mesh(
    (data, fsdp),
    ("data", "fsdp"),
    axis_types=(AxisType.Auto,) * 2,
    devices=devices[: data * fsdp],
  )


def shardings(mesh: Mesh, tree: Any) -> Any:
  """A NamedSharding for each array of a tree of parameters (or of a state).

  Raises:
    UserError: an array that does not divide over the devices that share it.
  """

  def place(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
    name = jax.tree_util.keystr(path, simple=True, separator="/")
    spec = next(spec for pattern, spec in RULES if re.search(pattern, name))
    for size, axes in zip(jax.numpy.shape(leaf), spec, strict=False):
      parts = math.prod(mesh.shape[axis] for axis in _names(axes))
      if size % parts:
        raise UserError(
          f"config key 'mesh.fsdp' is {mesh.shape['fsdp']}; it must divide"
          f" {size}, an axis of the parameter {name}"
        )
    return NamedSharding(mesh, spec)

  return jax.tree_util.tree_map_with_path(place, tree)


def own_rows(mesh: Mesh) -> Callable[[int], NDArray[np.bool_]]:
  """R -> [R] which rows of a batch this process's devices hold."""
  sharding = NamedSharding(mesh, ROWS)

  def own(rows: int) -> NDArray[np.bool_]:
    mask = np.zeros(rows, bool)
    for index in sharding.addressable_devices_indices_map((rows,)).values():
      if index is not None:
        mask[index] = True
    return mask

  return own


def _names(axes: Any) -> tuple[str, ...]:
  """The mesh axes that an entry of a PartitionSpec names."""
  if axes is None:
    return ()
  return (axes,) if isinstance(axes, str) else tuple(axes)
