import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from hybrid_ir.errors import UserError
from hybrid_ir.training import mesh as mesh_lib


@pytest.mark.parametrize(
  ("asked", "there"),
  [
    ((-1, 1), (8, 1)),
    ((4, 1), (4, 1)),
    ((-1, 4), (2, 4)),
    ((1, 8), (1, 8)),
    ((2, 2), (2, 2)),
  ],
)
def test_as_many_devices_as_asked(asked, there):
  shape = dict(mesh_lib.make_mesh(*asked).shape)
  assert shape == {"data": there[0], "fsdp": there[1]}


@pytest.mark.parametrize(
  ("asked", "message"),
  [
    ((9, 1), r"'mesh.data' is 9, but there are 8 devices"),
    ((3, 4), r"'mesh.data' x 'mesh.fsdp' are 3 x 4, but there are 8"),
    ((-1, 3), r"'mesh.fsdp' is 3; it must divide the 8 devices"),
    ((3, 1), r"'mesh.data' is 3, which must divide the 8 devices: 2 would"),
    ((1, 6), r"'mesh.data' x 'mesh.fsdp' are 1 x 6, which must divide the 8"),
  ],
)
def test_a_mesh_that_does_not_divide_the_devices(asked, message):
  with pytest.raises(UserError, match=message):
    mesh_lib.make_mesh(*asked)


def test_devices_of_one_process_are_called_its_own(monkeypatch):
  monkeypatch.setattr(jax, "process_count", lambda: 2)
  with pytest.raises(
    UserError, match=r"is 4, .* has 2 devices of its own, .*-1"
  ):
    mesh_lib.make_mesh(4, devices=jax.devices()[:2])
  with pytest.raises(UserError, match=r"is 9, but there are 8 devices$"):
    mesh_lib.make_mesh(9)


def test_parameters_that_do_not_divide():
  tree = {"encoder": {"layers": {"up": {"kernel": np.zeros((2, 6, 5))}}}}
  with pytest.raises(UserError, match=r"'mesh.fsdp' is 4; .* divide 6, .*up"):
    mesh_lib.shardings(mesh_lib.make_mesh(2, 4), tree)


def test_parameters_are_shared_out_over_fsdp(encoder_params):
  state = {"params": {"encoder": encoder_params}, "optimizer": [encoder_params]}
  specs = jax.tree_util.tree_leaves_with_path(
    mesh_lib.shardings(mesh_lib.make_mesh(4, 2), state)
  )
  shared = {
    jax.tree_util.keystr(path, simple=True, separator="/")
    for path, sharding in specs
    if sharding.spec != PartitionSpec()
  }
  layers = ("attention_out", "down", "qkv", "up")
  assert shared == {
    f"{where}/{name}"
    for where in ("params/encoder", "optimizer/0")
    for name in ("tokens", *(f"layers/{x}/kernel" for x in layers))
  }


def test_every_row_is_one_processs_own():
  assert mesh_lib.own_rows(mesh_lib.make_mesh(2, 4))(16).all()


def test_the_first_rule_that_matches_wins(monkeypatch):
  shared = PartitionSpec("data")
  rules = (("b/kernel", shared), ("b", PartitionSpec(None)), (".*", shared))
  monkeypatch.setattr(mesh_lib, "RULES", rules)
  tree = {"a": 0, "b": {"kernel": 0, "bias": 0}}
  placed = mesh_lib.shardings(mesh_lib.make_mesh(2), tree)
  specs = jax.tree.map(lambda sharding: sharding.spec, placed)
  assert specs == {
    "a": shared,
    "b": {"kernel": shared, "bias": PartitionSpec(None)},
  }


def test_parameters_are_whole_on_every_device():
  tree = {"a": jax.numpy.ones((3, 5))}
  mesh = mesh_lib.make_mesh(4)
  placed = jax.device_put(tree, mesh_lib.shardings(mesh, tree))["a"]
  assert [shard.data.shape for shard in placed.addressable_shards] == [
    (3, 5)
  ] * 4
