"""N devices train as one does."""

import jax
import jax.numpy as jnp
import pytest

from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.step import batch_shardings, compile_step


@pytest.fixture(scope="module")
def train(make_trainer, make_batch, encoder_params):
  """(devices, changes of the trainer) -> (params, metrics) after 2 steps."""

  def train(devices, **changes):
    mesh = mesh_lib.make_mesh(devices)
    trainer = make_trainer(**changes)
    state = trainer.init(jax.tree.map(jnp.copy, encoder_params))
    state = jax.device_put(state, mesh_lib.shardings(mesh, state))
    batch = jax.device_put(dict(make_batch()), batch_shardings(mesh))
    rows = batch["tokens"].addressable_shards
    assert [len(shard.data) for shard in rows] == [16 // devices] * devices
    step = compile_step(trainer, mesh, state)
    state, first = step(state, batch)
    state, second = step(state, batch)
    return state["params"], (first, second)

  return train


@pytest.fixture(scope="module")
def one(train):
  return train(1)


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_devices_do_not_change_the_training(
  train, one, relative_error, devices
):
  assert relative_error(train(devices), one) < 1e-5


def test_nor_do_devices_with_chunks(train, one, relative_error):
  assert relative_error(train(4, chunks=2), one) < 1e-5


def test_nor_the_dropout(make_trainer, make_batch, encoder_params):
  def loss(devices):
    trainer = make_trainer(dropout=0.3)
    shardings = batch_shardings(mesh_lib.make_mesh(devices))
    batch = jax.device_put(dict(make_batch()), shardings)
    params = {"encoder": encoder_params}
    return float(jax.jit(trainer.loss_of)(params, batch, jax.random.key(0))[0])

  assert loss(4) == pytest.approx(loss(1), rel=1e-6)
