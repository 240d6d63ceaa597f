import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.config import Adapt, Loss, Optimizer
from hybrid_ir.training import lora
from hybrid_ir.training.optimizer import make_optimizer

ADAPT = Adapt(lora_rank=3, lora_alpha=6.0)
KERNELS = ("attention_out", "down", "qkv", "up")


@pytest.fixture(scope="module")
def fresh(encoder_params):
  return {
    "encoder": encoder_params,
    **lora.init(jax.random.key(1), encoder_params, ADAPT),
  }


@pytest.fixture(scope="module")
def drawn(fresh):
  """With products that are not zero."""
  rng = np.random.default_rng(0)
  products = jax.tree.map(
    lambda x: jnp.asarray(rng.normal(size=x.shape), jnp.float32), fresh["lora"]
  )
  return {**fresh, "lora": products}


def leaves(tree):
  return [np.asarray(x) for x in jax.tree.leaves(tree)]


def test_every_matrix_of_the_layers_has_a_product(fresh):
  assert fresh["lora"].keys() == {"layers"}
  shapes = jax.tree.map(lambda x: x.shape, fresh["lora"]["layers"])
  # Two layers; D = 8, F = 12, r = 3; queries, keys, values side by side.
  assert shapes == {
    "attention_out": {"a": (2, 8, 1, 3), "b": (2, 1, 3, 8)},
    "down": {"a": (2, 12, 1, 3), "b": (2, 1, 3, 8)},
    "qkv": {"a": (2, 8, 3, 3), "b": (2, 3, 3, 8)},
    "up": {"a": (2, 8, 1, 3), "b": (2, 1, 3, 12)},
  }
  assert float(fresh["lora_scale"]) == 2
  for name in KERNELS:
    matrices = fresh["lora"]["layers"][name]
    assert not np.asarray(matrices["b"]).any()
    a = np.asarray(matrices["a"])
    assert len(np.unique(a)) == a.size  # layers and projections of their own


def test_training_starts_at_the_encoders_own_weights(fresh):
  merged = lora.encoder_params(fresh)
  assert jax.tree.structure(merged) == jax.tree.structure(fresh["encoder"])
  for x, y in zip(leaves(merged), leaves(fresh["encoder"]), strict=True):
    assert x.tobytes() == y.tobytes()


def test_without_lora_the_encoder_is_handed_on(encoder_params):
  assert lora.encoder_params({"encoder": encoder_params}) is encoder_params


def test_merged_is_unmerged(drawn):
  """x (W + 2 A B) is x W + 2 (x A) B, for each projection on its own."""
  merged = lora.encoder_params(drawn)["layers"]
  x = np.random.default_rng(1).normal(size=(5, 12))
  for name in KERNELS:
    for n in range(2):
      base, matrices, kernel = jax.tree.map(
        lambda v, n=n: np.asarray(v[n], np.float64),
        (
          drawn["encoder"]["layers"][name]["kernel"],
          drawn["lora"]["layers"][name],
          merged[name]["kernel"],
        ),
      )
      rows = x[:, : len(base)]
      beside = [
        rows @ matrices["a"][:, m] @ matrices["b"][m]
        for m in range(3 if name == "qkv" else 1)
      ]
      expected = rows @ base + 2 * np.concatenate(beside, axis=1)
      np.testing.assert_allclose(rows @ kernel, expected, rtol=1e-4, atol=1e-5)


def test_all_but_the_layers_matrices_is_the_encoders(drawn):
  merged, encoder = lora.encoder_params(drawn), drawn["encoder"]
  assert merged["tokens"] is encoder["tokens"]
  assert merged["embeddings"] is encoder["embeddings"]
  for name, weights in encoder["layers"].items():
    for part, array in weights.items():
      is_same = merged["layers"][name][part] is array
      assert is_same == (part != "kernel")


def test_a_layer_apart_has_products_too():
  kernel = jnp.ones((4, 6))
  encoder = {
    "first": {"up": {"kernel": kernel}, "norm": {"scale": jnp.ones(4)}},
    "layers": {"up": {"kernel": jnp.ones((2, 4, 6))}},
  }
  params = lora.init(jax.random.key(0), encoder, ADAPT)
  shapes = jax.tree.map(lambda x: x.shape, params["lora"])
  assert shapes["first"] == {"up": {"a": (4, 1, 3), "b": (1, 3, 6)}}
  ones = jax.tree.map(jnp.ones_like, params["lora"])
  merged = lora.encoder_params({**params, "encoder": encoder, "lora": ones})
  assert (np.asarray(merged["first"]["up"]["kernel"]) == 1 + 2 * 3).all()
  assert (np.asarray(merged["layers"]["up"]["kernel"]) == 1 + 2 * 3).all()
  assert merged["first"]["norm"] is encoder["first"]["norm"]


@pytest.mark.parametrize("chunks", [1, 2])
def test_only_the_products_and_the_temperature_train(
  make_trainer, make_batch, run, encoder_params, chunks
):
  config = Optimizer(learning_rate=0.02, schedule="constant", warmup=0)
  trainer = make_trainer(
    dropout=0.1,
    chunks=chunks,
    adapt=ADAPT,
    loss=Loss(temperature=0.1, learn_temperature=True),
    optimizer=make_optimizer(config, steps=5),
  )
  start = trainer.init(encoder_params)["params"]
  state, metrics = run(trainer, make_batch(), steps=5)
  assert metrics[-1]["loss"] < metrics[0]["loss"]
  params = state["params"]
  for x, y in zip(
    leaves(params["encoder"]), leaves(encoder_params), strict=True
  ):
    assert x.tobytes() == y.tobytes()
  assert float(params["lora_scale"]) == 2
  assert metrics[-1]["temperature"] != metrics[0]["temperature"]
  for x, y in zip(leaves(params["lora"]), leaves(start["lora"]), strict=True):
    assert (x != y).all()


def test_the_optimizer_holds_moments_of_the_products_alone(
  make_trainer, encoder_params
):
  optimizer = make_optimizer(Optimizer(), steps=5)
  for rank in (1, 4):
    trainer = make_trainer(adapt=Adapt(lora_rank=rank), optimizer=optimizer)
    state = trainer.init(encoder_params)
    # Two layers of r (in + out): queries, keys, values, output, up, down.
    products = 2 * rank * (4 * (8 + 8) + 2 * (8 + 12))
    assert sum(x.size for x in leaves(state["params"]["lora"])) == products
    moments = [x for x in leaves(state["optimizer"]) if x.ndim]
    assert sum(x.size for x in moments) == 2 * products


def test_at_full_rank_a_step_is_the_plain_one(make_trainer, make_batch, run):
  """Where A A' = 1 and B = 0, descent on B is descent on the matrix."""
  plain, _ = run(make_trainer(), make_batch())

  @dataclasses.dataclass(frozen=True)
  class Whole(type(make_trainer())):
    def init(self, encoder_params):
      state = super().init(encoder_params)
      for matrices in state["params"]["lora"]["layers"].values():
        eye = np.eye(matrices["a"].shape[1], 12, dtype=np.float32)
        a = np.broadcast_to(eye[None, :, None], matrices["a"].shape)
        matrices["a"] = jnp.asarray(a)
      return state

  adapt = Adapt(lora_rank=12, lora_alpha=12.0)
  fields = vars(make_trainer(adapt=adapt))
  state, _ = run(Whole(**fields), make_batch())
  merged = lora.encoder_params(state["params"])["layers"]
  for name in KERNELS:
    np.testing.assert_allclose(
      merged[name]["kernel"],
      plain["params"]["encoder"]["layers"][name]["kernel"],
      rtol=1e-4,
      atol=1e-6,
    )


def test_the_seed_draws_the_products(make_trainer, encoder_params):
  def a(seed):
    trainer = make_trainer(adapt=ADAPT, seed=seed)
    params = trainer.init(encoder_params)["params"]
    return np.asarray(params["lora"]["layers"]["up"]["a"])

  np.testing.assert_array_equal(a(1), a(1))
  assert (a(1) != a(2)).all()
