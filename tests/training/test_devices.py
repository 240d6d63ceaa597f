"""N devices train as one does."""

import jax
import pytest

from hybrid_ir.config import Adapt, Loss
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.step import batch_shardings


@pytest.fixture(scope="module")
def train(make_trainer, make_batch, run):
  """(devices, changes of the trainer) -> (params, metrics) after 2 steps."""

  def train(devices, **changes):
    state, metrics = run(
      make_trainer(**changes), make_batch(), steps=2, devices=devices
    )
    return state["params"], metrics

  return train


def test_rows_are_shared_out(make_batch):
  shardings = batch_shardings(mesh_lib.make_mesh(4))
  batch = jax.device_put(dict(make_batch()), shardings)
  rows = batch["tokens"].addressable_shards
  assert [len(shard.data) for shard in rows] == [4] * 4


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


@pytest.mark.parametrize(
  "adapt", [Adapt(freeze_layers=1), Adapt(lora_rank=2)], ids=["frozen", "lora"]
)
def test_nor_with_fewer_parameters_and_richer_losses(
  train, relative_error, adapt
):
  loss = Loss(
    temperature=0.1, hard_negatives=2, matryoshka=(2, 4), distillation=0.4
  )
  changes = {"loss": loss, "adapt": adapt}
  plain = train(1, **changes)
  assert relative_error(train(4, chunks=2, **changes), plain) < 1e-5


def test_nor_the_dropout(make_trainer, make_batch, encoder_params):
  def loss(devices):
    trainer = make_trainer(dropout=0.3)
    shardings = batch_shardings(mesh_lib.make_mesh(devices))
    batch = jax.device_put(dict(make_batch()), shardings)
    params = {"encoder": encoder_params}
    return float(jax.jit(trainer.loss_of)(params, batch, jax.random.key(0))[0])

  assert loss(4) == pytest.approx(loss(1), rel=1e-6)
