import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.config import Loss, Optimizer
from hybrid_ir.training.optimizer import (
  decay_mask,
  learning_rate,
  make_optimizer,
)


def rates(steps, **keys):
  schedule = learning_rate(Optimizer(learning_rate=0.8, **keys), steps)
  return [float(schedule(step)) for step in range(steps + 1)]


@pytest.mark.parametrize(
  ("keys", "expected"),
  [
    (
      {"schedule": "linear", "warmup": 0.4},
      [0.4, 0.8, 0.8, 1.6 / 3, 0.8 / 3, 0],
    ),
    ({"schedule": "linear", "warmup": 0}, [0.8, 0.64, 0.48, 0.32, 0.16, 0]),
    ({"schedule": "constant", "warmup": 2}, [0.4, 0.8, 0.8, 0.8, 0.8, 0.8]),
    ({"schedule": "constant", "warmup": 0}, [0.8] * 6),
    (
      {"schedule": "cosine", "warmup": 0.2},
      [0.8, 0.8, 0.682843, 0.4, 0.117157, 0],
    ),
    ({"schedule": "cosine", "warmup": 1}, [0.16, 0.32, 0.48, 0.64, 0.8, 0.8]),
  ],
)
def test_schedules_by_hand(keys, expected):
  np.testing.assert_allclose(rates(5, **keys), expected, atol=1e-6)


def test_a_constant_schedule_does_not_depend_on_the_steps():
  keys = {"schedule": "constant", "warmup": 3}
  assert rates(4, **keys) == rates(9, **keys)[:5]


def test_what_decays_by_the_real_names(make_trainer, encoder_params):
  trainer = make_trainer(loss=Loss(learn_temperature=True))
  params = trainer.init(encoder_params)["params"]
  decays = {
    jax.tree_util.keystr(path, simple=True, separator="/"): decays
    for path, decays in jax.tree_util.tree_flatten_with_path(
      decay_mask(params)
    )[0]
  }
  kernels = ("attention_out", "down", "qkv", "up")
  assert sorted(name for name, it_does in decays.items() if it_does) == [
    "encoder/embeddings/positions",
    "encoder/embeddings/types",
    *(f"encoder/layers/{name}/kernel" for name in kernels),
    "encoder/tokens",
  ]
  norms = ("embeddings/norm", "layers/attention_norm", "layers/output_norm")
  assert sorted(name for name, it_does in decays.items() if not it_does) == (
    sorted(
      [
        "log_inverse_temperature",
        *(f"encoder/layers/{name}/bias" for name in kernels),
        *(f"encoder/{norm}/{x}" for norm in norms for x in ("bias", "scale")),
      ]
    )
  )


CONSTANT = Optimizer(
  learning_rate=0.1, schedule="constant", warmup=0, weight_decay=0.5
)


def updates(config, gradients):
  """The updates of parameters that are 2, one for each gradient."""
  optimizer = make_optimizer(config, steps=10)
  params = {"kernel": jnp.full(2, 2.0), "bias": jnp.full(1, 2.0)}
  state, done = optimizer.init(params), []
  for kernel, bias in gradients:
    gradient = {"kernel": jnp.full(2, kernel), "bias": jnp.full(1, bias)}
    update, state = optimizer.update(gradient, state, params)
    done.append([float(update["kernel"][0]), float(update["bias"][0])])
  return np.array(done)


def test_decay_is_decoupled_and_spares_biases():
  np.testing.assert_allclose(
    updates(CONSTANT, [(0.0, 0.0)]), [[-0.1 * 0.5 * 2, 0]], atol=1e-7
  )


def test_adam_by_hand():
  config = dataclasses.replace(
    CONSTANT, beta1=0.5, beta2=0.75, epsilon=0, weight_decay=0, clip_norm=0
  )
  # m = 1.5, 2.25 -> 1.5/.75 = 2; v = 1, 3.25/ (1 - .75^2)
  second = -0.1 * (0.5 * 0.5 * 1 + 0.5 * 3) / (1 - 0.25)
  second /= np.sqrt((0.75 * 0.25 * 1 + 0.25 * 9) / (1 - 0.75**2))
  np.testing.assert_allclose(
    updates(config, [(1.0, 1.0), (3.0, 3.0)]),
    [[-0.1, -0.1], [second, second]],
    rtol=1e-5,
  )


def test_clipping_is_by_the_norm_of_all():
  free = dataclasses.replace(CONSTANT, clip_norm=0)
  clipped = dataclasses.replace(CONSTANT, clip_norm=0.5)
  long, short = (4.0, -2.0), (0.1, 0.1)  # norms 6 and 0.17
  shortened = tuple(x * 0.5 / 6 for x in long)
  ours = updates(clipped, [long, short])
  np.testing.assert_allclose(ours, updates(free, [shortened, short]), rtol=1e-4)
  assert np.abs(ours - updates(free, [long, short])).max() > 1e-3
