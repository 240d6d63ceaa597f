import importlib.util

import jax
import numpy as np
import pytest

from hybrid_ir.config import Layout
from hybrid_ir.data.batch import Batch, arrange
from hybrid_ir.errors import UserError
from hybrid_ir.model.architecture import from_scratch
from hybrid_ir.model.contract import make_contract
from hybrid_ir.model.sentence_transformers import Modules
from hybrid_ir.tasks import pod, topology
from hybrid_ir.tasks.compile import describe, run
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.arithmetic import needed
from hybrid_ir.training.collectives import Collective
from hybrid_ir.training.roofline import CHIPS, Memory

GIB = 2**30


@pytest.fixture(scope="module")
def config_for(make_config):
  """Changes -> the config of a run that is compiled."""
  base = {"task": "compile", "compile.topology": "v5e:4x4", "mesh.data": -1}
  return lambda changes=(): make_config({**base, **dict(changes)})


def contract_of(config):
  arch = from_scratch(config.encoder, config.encoder.vocab_size)
  return make_contract(config, arch, "", Modules())


def test_a_batch_is_shaped_as_a_real_one_of_longest_texts(config_for):
  config = config_for({"train.chunks": 2, "loss.hard_negatives": 2})
  lengths = pod.text_lengths(config, contract_of(config))
  assert lengths.tolist() == [32] * 8 + [64] * 8 + [64] * 16
  layout = Layout(row_lengths=(64,))
  real = Batch(
    **arrange(np.ones(lengths.sum(), np.int32), lengths, layout, 4 * 2),
    group=np.zeros(8, np.int32),
    negative_group=np.zeros((8, 2), np.int32),
    teacher=np.zeros((8, 3), np.float32),
  )
  shapes = pod.batch_shapes(config, lengths, 4)
  assert [*shapes] == [*real]
  for name, shape in shapes.items():
    assert (shape.shape, shape.dtype) == (real[name].shape, real[name].dtype)


def test_bytes_of_a_shard_are_those_that_a_device_holds():
  mesh = mesh_lib.make_mesh(2, 4)
  tree = {
    "tokens": np.zeros((128, 8), np.float32),
    "layers": {"up": {"kernel": np.zeros((3, 8, 5), np.float32)}},
    "step": np.zeros((), np.int32),
  }
  placed = jax.device_put(tree, mesh_lib.shardings(mesh, tree))
  held = sum(x.addressable_data(0).nbytes for x in jax.tree.leaves(placed))
  assert pod.shard_bytes(mesh, tree) == held == 4 * (32 * 8 + 3 * 2 * 5 + 1)


@pytest.mark.parametrize(
  ("changes", "state", "ways"),
  [
    ({}, 0, ["encoder.remat", "train.chunks", "train.batch_size"]),
    ({"encoder.remat": "full"}, 0, ["train.chunks", "train.batch_size"]),
    ({"train.chunks": 4}, 0, ["train.chunks", "train.batch_size"]),
    (
      {"train.chunks": 4},
      8 * GIB,
      ["mesh.fsdp", "train.chunks", "train.batch_size"],
    ),
    # 65,536 x 65,536 scores alone are as large as the chip.
    (
      {
        "train.chunks": 4,
        "train.batch_size": 65_536,
        "loss.block": 65_536,
      },
      0,
      ["train.chunks", "loss.block", "train.batch_size"],
    ),
  ],
)
def test_what_does_not_fit_says_which_key_to_change(
  config_for, changes, state, ways
):
  said = "memory required (78.60G) exceeds available HBM (15.75G)."
  error = str(pod.does_not_fit(config_for(changes), CHIPS["v5e"], state, said))
  start = "config key 'compile.topology' is 'v5e:4x4': the step does not fit"
  assert error.startswith(start)
  assert "it needs 78.60GiB, of 15.75GiB" in error
  keys = (
    "mesh.fsdp",
    "encoder.remat",
    "train.chunks",
    "loss.block",
    "train.batch_size",
  )
  assert [key for key in keys if key in error] == ways


@pytest.mark.parametrize("name", ["", "v5e", "v5e:", "h100:8", "v5e:4x"])
def test_an_unknown_topology_is_refused(config_for, name, tmp_path):
  with pytest.raises(
    UserError, match=r"compile\.topology.*expected one of v5e"
  ):
    run(config_for({"compile.topology": name}), tmp_path)


def test_without_libtpu_it_says_what_to_install(
  config_for, monkeypatch, tmp_path
):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(UserError, match=r"pip install 'hybrid_ir\[tpu\]'"):
    run(config_for(), tmp_path)


def test_a_mesh_of_some_of_the_chips_is_refused(config_for):
  devices = jax.devices()
  with pytest.raises(UserError, match="are 2 x 2, but v5e:4x4 has 8 chips"):
    topology.pod_mesh(config_for({"mesh.data": 2, "mesh.fsdp": 2}), devices)
  with pytest.raises(UserError, match=r"'mesh\.fsdp' is 3; it must divide"):
    topology.pod_mesh(config_for({"mesh.fsdp": 3}), devices)
  mesh = topology.pod_mesh(config_for({"mesh.fsdp": 2}), devices)
  assert dict(mesh.shape) == {"data": 4, "fsdp": 2}


def test_an_encoder_that_is_frozen_whole_is_refused(config_for, monkeypatch):
  opened = CHIPS["v5e"], jax.devices()
  monkeypatch.setattr(pod, "open_topology", lambda name: opened)
  config = config_for({"encoder.layers": 2, "adapt.freeze_layers": 2})
  with pytest.raises(UserError, match=r"is 2, but the encoder has 2 layers"):
    pod.compile_for(config)


@pytest.fixture(scope="module")
def figures(config_for):
  config = config_for({"train.batch_size": 1000})
  exchange = Collective("all-reduce", ("data",), 4, 10**9, 12)
  return pod.Figures(
    chip=CHIPS["v5e"],
    mesh={"data": 4, "fsdp": 4},
    contract=contract_of(config),
    parameters=1_234_567,
    rows=(1280, 64),
    memory=Memory(GIB, 2 * GIB, 0, 0, GIB, 0),
    collectives=(exchange, exchange),
    executed=197e12 / 2,  # half a second
    needed=16 * 197e12 / 4,
  )


@pytest.mark.parametrize(
  "changes",
  [{"optimizer.embeddings": "lazy"}, {"adapt.freeze_layers": 1}],
)
def test_no_bound_by_parameters_that_stay(config_for, figures, changes):
  lines = "\n".join(describe(figures, config_for(changes)))
  assert "compute 500.00 ms, ICI 180.00 ms a step at the least" in lines
  assert f"are not known where '{next(iter(changes))}' leave" in lines
  assert "needs" not in lines


def test_the_lines_say_what_was_found(config_for, figures):
  config = config_for({"train.batch_size": 1000})
  lines = "\n".join(describe(figures, config))
  assert "1,234,567 parameters" in lines
  assert "4,096.0 of 16,384 (25%)" in lines
  assert (
    "all-reduce          data             1,000,000,000 x 12 (2 alike)" in lines
  )
  assert "500.00 ms a step at the least, by compute" in lines
  assert "ICI 180.00" in lines  # 2 x 3 / 4 x 1 GB x 24 at 200 GB/s
  assert "2,000 pairs/s and MFU 50%" in lines


needs_libtpu = pytest.mark.skipif(
  importlib.util.find_spec("libtpu") is None,
  reason="libtpu, of the extra tpu, is not installed",
)


@needs_libtpu
def test_a_shape_that_libtpu_does_not_know_is_refused(config_for):
  with pytest.raises(UserError, match=r"'v5e:5x7', which libtpu does not open"):
    pod.compile_for(config_for({"compile.topology": "v5e:5x7"}))


@needs_libtpu
def test_libtpu_says_what_does_not_fit(config_for):
  """A table of 18 GB, and a chip of 16 GB."""
  changes = {
    "compile.topology": "v5e:2x2",
    "encoder.vocab_size": 70_000_000,
    "encoder.hidden_size": 64,
  }
  with pytest.raises(UserError, match="does not fit") as caught:
    pod.compile_for(config_for(changes))
  assert "raise 'mesh.fsdp'" in str(caught.value)


@needs_libtpu
def test_a_step_compiles_for_chips_that_are_not_here(config_for):
  config = config_for(
    {
      "compile.topology": "v5e:2x2",
      "mesh.fsdp": 2,
      "encoder.layers": 3,
      "encoder.hidden_size": 64,
      "encoder.intermediate_size": 128,
      "encoder.dropout": 0.0,
      "encoder.remat": "none",
      "train.batch_size": 8,
    }
  )
  found = pod.compile_for(config)
  arch = found.contract.architecture
  assert found.mesh == {"data": 2, "fsdp": 2}
  assert found.rows == (12, 64)
  assert 4 * found.parameters > found.memory.parameters
  assert found.memory.optimizer == pytest.approx(
    2 * found.memory.parameters, rel=0.01
  )
  layers = [one for one in found.collectives if one.times == arch.layers]
  kinds = {(one.kind, one.axes) for one in layers}
  assert ("all-gather", ("fsdp",)) in kinds  # of each layer's weights
  # All slots of a row count, as they attend to each other.
  slots = np.full(found.rows[0], found.rows[1])
  by_hand = needed(arch, slots, 0, 64) / 4
  assert by_hand < found.executed < 1.3 * by_hand
