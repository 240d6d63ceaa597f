"""Chips that are not here, to compile for. From libtpu, to `pod`.

It is the only file that asks for libtpu, and only when a topology is opened.
"""

import importlib.util
import os
import re
from collections.abc import Sequence

import jax

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.roofline import CHIPS, Chip

_TOPOLOGY = re.compile(r"(\w+):\d+(x\d+)+")


def open_topology(name: str) -> tuple[Chip, Sequence[jax.Device]]:
  """The chips that `compile.topology` names, and what one of them is.

  JAX computes on CPU from here on: what is compiled is for other devices.

  Raises:
    UserError: no such topology, or no libtpu.
  """
  said = f"config key 'compile.topology' is {name!r}"
  found = _TOPOLOGY.fullmatch(name)
  if not found or found[1] not in CHIPS:
    raise UserError(
      f"{said}; expected one of {', '.join(CHIPS)} and how many chips, such as"
      " v5e:4x4 or v6e:16x16"
    )
  if importlib.util.find_spec("libtpu") is None:
    raise UserError(
      f"{said}, but libtpu is not installed, which compiles for it; pip install"
      " 'hybrid_ir[tpu]'"
    )
  # It looks for the machine's own chips, which need not be there, and would
  # have them for itself alone; two may well compile at once.
  for variable, value in {
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-1",
    "TPU_WORKER_HOSTNAMES": "localhost",
  }.items():
    os.environ.setdefault(variable, value)
  jax.config.update("jax_platforms", "cpu")
  from jax.experimental import topologies

  try:
    topology = topologies.get_topology_desc(platform="tpu", topology_name=name)
  except Exception as error:  # libtpu's own
    line = str(error).split("\n", maxsplit=1)[0]
    raise UserError(
      f"{said}, which libtpu does not open ({line}); see the shapes in Google's"
      f" list, docs.cloud.google.com/tpu/docs/{found[1]}"
    ) from None
  return CHIPS[found[1]], topology.devices


def pod_mesh(
  config: Config, devices: Sequence[jax.Device]
) -> jax.sharding.Mesh:
  """The config's mesh, over all chips of `compile.topology`.

  Raises:
    UserError: it does not take all of them, or more than there are.
  """
  mesh = mesh_lib.make_mesh(config.mesh.data, config.mesh.fsdp, devices)
  if mesh.devices.size != len(devices):
    raise UserError(
      f"config keys 'mesh.data' x 'mesh.fsdp' are {config.mesh.data} x"
      f" {config.mesh.fsdp}, but {config.compile.topology} has {len(devices)}"
      " chips; expected their number, or -1 for 'mesh.data'"
    )
  return mesh
