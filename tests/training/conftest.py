"""A tiny trainer, and a batch of pairs with and without hard negatives."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hybrid_ir.config import Adapt, Layout, Loss
from hybrid_ir.data.batch import Batch, arrange
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.step import Trainer, batch_shardings, compile_step


@pytest.fixture(scope="session")
def encoder():
  return Encoder(Architecture("bert", 40, 8, 2, 2, 12, 16, 1, 1e-12, "gelu"))


@pytest.fixture(scope="session")
def encoder_params(encoder):
  return jax.jit(encoder.init)(jax.random.key(0))


@pytest.fixture(scope="session")
def make_trainer(encoder):
  """The trainer of most tests, with what a test changes."""

  def make_trainer(dropout=0.0, dtype="float32", **changes):
    own = dataclasses.replace(encoder, dropout=dropout, dtype=dtype)
    trainer = Trainer(
      BiEncoder(own, "mean", dense=(), normalize=True),
      texts_per_row=4,
      loss=Loss(temperature=0.1, hard_negatives=2, two_sided=True),
      adapt=Adapt(),
      optimizer=optax.sgd(0.5),
      chunks=1,
      seed=3,
    )
    return dataclasses.replace(trainer, **changes)

  return make_trainer


@pytest.fixture(scope="session")
def make_batch():
  """B = 8 pairs with 0 to 2 hard negatives each, groups {0, 1} and {2, 3}."""

  def make_batch(packed=True):
    rng = np.random.default_rng(5)
    present = np.array([1] * 16 + [1, 0, 1, 1, 0, 0, 1, 0] + [1, 1] * 4) > 0
    texts = [rng.integers(1, 40, rng.integers(2, 12)) for _ in present]
    kept = [text for text, here in zip(texts, present, strict=True) if here]
    rows = arrange(
      np.concatenate(kept).astype(np.int32),
      np.array([len(text) for text in kept]),
      Layout(packing=packed, row_lengths=(16,), texts_per_row=4),
      rows_multiple=16,
    )
    places = {}
    for name in ("text_row", "text_start", "text_segment"):
      places[name] = np.zeros(len(texts), np.int32)
      places[name][present] = rows[name]
    group = np.array([0, 0, 1, 1, 2, 3, 4, 5], np.int32)
    # The first pair's hard negative is a passage of the third's group.
    negative_group = np.full((8, 2), -1, np.int32)
    negative_group[0, 0] = 1
    # A teacher's scores of pairs 0, 5, 6 (of one negative) and 7; of pair 2,
    # which has no negatives, and of pair 4 the passage's alone.
    teacher = np.full((8, 3), np.nan, np.float32)
    teacher[[0, 5, 7]] = rng.normal(size=(3, 3))
    teacher[0, 2] = np.nan
    teacher[6] = 1, np.nan, -1
    teacher[[2, 4], 0] = 0.5
    return Batch(
      **{**rows, **places},
      group=group,
      negative_group=negative_group,
      teacher=teacher,
    )

  return make_batch


@pytest.fixture(scope="session")
def relative_error():
  """(tree, tree) -> the largest norm of a difference, of the norm."""

  def relative_error(ours, theirs):
    errors = jax.tree.map(
      lambda x, y: float(
        np.linalg.norm(np.asarray(x) - np.asarray(y))
        / max(np.linalg.norm(np.asarray(y)), 1e-12)
      ),
      ours,
      theirs,
    )
    return max(jax.tree.leaves(errors))

  return relative_error


@pytest.fixture(scope="session")
def run(encoder_params):
  """(trainer, batch, steps) -> (state, metrics of each step)."""

  def run(trainer, batch, steps=1, first=0, devices=1):
    mesh = mesh_lib.make_mesh(devices)
    state = trainer.init(jax.tree.map(jnp.copy, encoder_params))
    state["step"] += first
    state = jax.device_put(state, mesh_lib.shardings(mesh, state))
    step = compile_step(trainer, mesh, state)
    batch = jax.device_put(dict(batch), batch_shardings(mesh))
    metrics = []
    for _ in range(steps):
      state, one = step(state, batch)
      metrics.append({name: float(value) for name, value in one.items()})
    return state, metrics

  return run
