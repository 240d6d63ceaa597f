import jax
import pytest
from jax.sharding import PartitionSpec

from hybrid_ir.errors import UserError
from hybrid_ir.training import mesh as mesh_lib


@pytest.mark.parametrize(("asked", "there"), [(-1, 8), (8, 8), (3, 3), (1, 1)])
def test_as_many_devices_as_asked(asked, there):
  assert dict(mesh_lib.make_mesh(asked).shape) == {"data": there}


def test_more_devices_than_there_are():
  with pytest.raises(UserError, match=r"'mesh.data' is 9, but there are 8"):
    mesh_lib.make_mesh(9)


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
