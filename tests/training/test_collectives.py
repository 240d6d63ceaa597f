import functools

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.collectives import Collective, collectives
from hybrid_ir.training.hlo import parse

MESH = {"data": 2, "fsdp": 4}


def program(groups, opcode="all-reduce"):
  """One exchange of f32[6, 4] and bf16[8] in a program."""
  return parse(f"""
ENTRY %main (a: f32[6,4], b: bf16[8]) -> f32[6,4] {{
  %a = f32[6,4]{{1,0:T(8,128)}} parameter(0)
  %b = bf16[8]{{0}} parameter(1)
  ROOT %c = (f32[6,4]{{1,0}}, bf16[8]{{0}}) {opcode}(%a, %b), channel_id=1, \
{groups}, use_global_device_ids=true
}}
""")


@pytest.mark.parametrize(
  ("groups", "axes", "chips"),
  [
    ("replica_groups={{0,1,2,3},{4,5,6,7}}", ("fsdp",), 4),
    ("replica_groups={{0,4},{1,5},{2,6},{3,7}}", ("data",), 2),
    ("replica_groups={}", ("data", "fsdp"), 8),
    ("replica_groups=[2,4]<=[8]", ("fsdp",), 4),
    ("replica_groups=[4,2]<=[2,4]T(1,0)", ("data",), 2),
    ("replica_groups=[1,8]<=[8]", ("data", "fsdp"), 8),
    ("replica_groups=mesh['x'=8,'y'=1] {'x'}", ("data", "fsdp"), 8),
    ("replica_groups=mesh['x'=2,'y'=4] {'y'}", ("fsdp",), 4),
    (
      "replica_groups=mesh['x'=4,'y'=1,'z'=2], device_ids=([2,4]T(1,0)) {'x'}",
      ("fsdp",),
      4,
    ),
    (
      "replica_groups=mesh['x'=4,'y'=2], device_ids=([2,4]T(1,0)) {'y'}",
      ("data",),
      2,
    ),
  ],
)
def test_groups_are_told_by_the_meshs_axes(groups, axes, chips):
  # Chips count through the mesh: data, then fsdp.
  found = collectives(program(groups), MESH)
  assert found == (Collective("all-reduce", axes, chips, 112, 1),)


def test_groups_that_cannot_be_read_are_refused():
  with pytest.raises(ValueError, match="cannot be read"):
    collectives(program("replica_groups=mesh['x'=8] {'x':(1)4}"), MESH)


def test_a_chip_alone_exchanges_nothing():
  assert not collectives(program("replica_groups={{0},{1}}"), MESH)


@pytest.mark.parametrize(
  ("opcode", "size", "sent"),
  [
    ("all-reduce", 112, 2 * 3 / 4 * 112),
    ("all-gather-start", 4 * 112, 3 / 4 * 448),  # 4 chips give 112 each
    ("reduce-scatter", 112, 3 / 4 * 112),
    ("all-to-all", 112, 3 / 4 * 112),
  ],
)
def test_bytes_are_the_whole_arrays(opcode, size, sent):
  groups = "replica_groups={{0,1,2,3},{4,5,6,7}}"
  (found,) = collectives(program(groups, opcode), MESH)
  assert found.kind == opcode.removesuffix("-start")
  assert (found.bytes, found.sent) == (size, sent)


def test_what_is_passed_on_is_sent_once():
  pairs = "source_target_pairs={{0,1},{1,2},{2,3},{3,0}}"
  (found,) = collectives(program(pairs, "collective-permute"), MESH)
  assert (found.axes, found.sent) == (("fsdp",), 112)


# As a TPU runs them: in fusions, beside computation.
FUSED = """
%all-reduce-scatter.1 (a: bf16[8,4]) -> bf16[4,4] {
  %a = bf16[8,4]{1,0} parameter(0)
  %r = bf16[8,4]{1,0} all-reduce(%a), channel_id=7, \
replica_groups={{0,4},{1,5},{2,6},{3,7}}
  ROOT %s = bf16[4,4]{1,0} dynamic-slice(%r)
}

%start (a: bf16[2,4]) -> bf16[8,4] {
  %a = bf16[2,4]{1,0} parameter(0)
  ROOT %g = bf16[8,4]{1,0} all-gather(%a), channel_id=8, \
replica_groups={{0,1,2,3},{4,5,6,7}}, dimensions={0}, \
frontend_attributes={chain_id="1"}
}

%done (a: bf16[2,4]) -> bf16[8,4] {
  %a = bf16[2,4]{1,0} parameter(0)
  ROOT %g = bf16[8,4]{1,0} all-gather(%a), channel_id=8, \
replica_groups={{0,1,2,3},{4,5,6,7}}, dimensions={0}, \
frontend_attributes={chain_id="1"}
}

ENTRY %main (x: bf16[2,4], y: bf16[8,4]) -> bf16[8,4] {
  %x = bf16[2,4]{1,0} parameter(0)
  %y = bf16[8,4]{1,0} parameter(1)
  %one = bf16[8,4]{1,0} fusion(%x), kind=kCustom, calls=%start
  %two = bf16[8,4]{1,0} fusion(%x), kind=kCustom, calls=%done
  ROOT %three = bf16[4,4]{1,0} fusion(%y), kind=kCustom, \
calls=%all-reduce-scatter.1
}
"""


def test_a_tpus_fusions_are_known_for_what_they_are():
  assert collectives(parse(FUSED), MESH) == (
    Collective("all-gather", ("fsdp",), 4, 64, 1),  # once, not twice
    Collective("reduce-scatter", ("data",), 2, 64, 1),
  )


def test_a_scans_exchange_runs_once_a_layer():
  """On the devices of this machine, as XLA compiles it."""
  mesh = mesh_lib.make_mesh(2, 4)

  @functools.partial(
    jax.shard_map,
    mesh=mesh,
    in_specs=(PartitionSpec("data"), PartitionSpec(None, "fsdp")),
    out_specs=PartitionSpec("data"),
    check_vma=False,
  )
  def step(x, ws):
    def layer(x, w):
      whole = jax.lax.all_gather(w, "fsdp", tiled=True)
      return jax.lax.psum(x @ whole, "data"), None

    return jax.lax.scan(layer, x, ws)[0]

  shapes = jnp.zeros((16, 8)), jnp.zeros((7, 8, 8))
  text = jax.jit(step).lower(*shapes).compile().as_text()
  found = collectives(parse(text), dict(mesh.shape))
  assert sorted(found, key=lambda one: one.kind) == [
    Collective("all-gather", ("fsdp",), 4, 8 * 8 * 4, 7),
    Collective("all-reduce", ("data",), 2, 8 * 8 * 4, 7),
  ]
