"""Every mesh trains as one device does: whole or in chunks, dense or lazy."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hybrid_ir.config import Adapt, Loss
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.step import batch_shardings, compile_step

MESHES = [
  *((2, 1), (4, 1), (8, 1), (2, 2), (4, 2), (2, 4)),
  *((1, 2), (1, 4), (1, 8)),
]
# All parameters divide by 8.
ARCHITECTURE = Architecture("bert", 40, 8, 2, 2, 16, 16, 1, 1e-12, "gelu")
# Its first layer stands apart from the stacked ones; it has no biases.
MODERN = dataclasses.replace(
  ARCHITECTURE,
  family="modernbert",
  layers=4,
  token_types=0,
  window=4,
  global_every=3,
  global_theta=10_000.0,
  local_theta=1000.0,
)
LOSS = Loss(
  temperature=0.1,
  learn_temperature=True,
  hard_negatives=2,
  two_sided=True,
  block=2,
)
CASES = {
  "chunks_dense": ({"chunks": 2}, MESHES),
  "whole_dense": ({}, [(8, 1), (4, 2), (1, 8)]),
  "whole_lazy": ({"lazy": True}, [(8, 1), (4, 2), (1, 8)]),
}
OTHERS = {
  "frozen": {"adapt": Adapt(freeze_layers=1)},
  "lora": {"adapt": Adapt(lora_rank=2)},
  "modernbert": {},
}
SGD = optax.sgd(0.5, momentum=0.9)


@pytest.fixture(scope="module")
def train(make_trainer, make_batch):
  """(case, mesh) -> what one step with dropout makes, in float64."""
  plain = make_trainer(dropout=0.2, dtype="float64", optimizer=SGD, loss=LOSS)

  @functools.cache
  def begin(arch):
    encoder = dataclasses.replace(plain.model.encoder, arch=arch)
    model = dataclasses.replace(plain.model, encoder=encoder)
    return model, jax.device_get(jax.jit(model.init)(jax.random.key(0)))

  def train(case, shape):
    model, start = begin(MODERN if case == "modernbert" else ARCHITECTURE)
    changes = OTHERS[case] if case in OTHERS else CASES[case][0]
    trainer = dataclasses.replace(plain, model=model, **changes)
    mesh = mesh_lib.make_mesh(*shape)
    with jax.enable_x64(True):
      state = jax.tree.map(
        lambda x: (
          x.astype(jnp.float64) if jnp.issubdtype(x.dtype, jnp.floating) else x
        ),
        trainer.init(start),
      )
      placed = mesh_lib.shardings(mesh, state)
      step = compile_step(trainer, mesh, state)
      batch = jax.device_put(dict(make_batch()), batch_shardings(mesh))
      return jax.device_get(step(jax.device_put(state, placed), batch))

  return train


@pytest.fixture(scope="module")
def one_device(train):
  """case -> what it makes on one device."""
  return functools.cache(lambda case: train(case, (1, 1)))


@pytest.mark.parametrize(
  ("case", "mesh"),
  [(case, mesh) for case, (_, meshes) in CASES.items() for mesh in meshes],
  ids=str,
)
def test_a_mesh_trains_as_one_device(
  train, one_device, relative_error, case, mesh
):
  """The loss, the parameters and, as the first momentum, the gradients."""
  found = []
  for state, metrics in (train(case, mesh), one_device(case)):
    slopes = jax.tree.map(np.copy, state["optimizer"][0].trace)
    # Its gradient is nothing but rounding: a softmax does not see the keys'.
    own = slopes["encoder"]["layers"]["qkv"].pop("bias")
    found.append(((metrics, state["params"], slopes), own))
  (ours, bias), (theirs, expected) = found
  assert relative_error(ours, theirs) < 1e-9
  np.testing.assert_allclose(bias, expected, rtol=1e-9, atol=1e-12)
  assert all(np.any(x) for x in jax.tree.leaves(theirs[2]))


@pytest.mark.parametrize("case", OTHERS)
def test_a_mesh_trains_what_is_adapted_and_other_families(
  train, one_device, relative_error, case
):
  """The loss and the parameters; those of a layer in one of a few places."""
  (ours, metrics), (theirs, expected) = train(case, (2, 4)), one_device(case)
  assert relative_error(metrics, expected) < 1e-9
  assert relative_error(ours["params"], theirs["params"]) < 1e-9
