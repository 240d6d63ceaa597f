import jax
import numpy as np
import pytest
from jax.extend import core

from hybrid_ir.config import Adapt, Loss, Optimizer
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.training.optimizer import make_optimizer
from hybrid_ir.training.trainable import put, take

ADAMW = Optimizer(
  learning_rate=0.01, schedule="constant", warmup=0, weight_decay=0.1
)
FREEZING = [Adapt(freeze_embeddings=True), Adapt(freeze_layers=1)]
NAMES = ["embeddings", "layers"]


def named(tree):
  """{"encoder/tokens": array, ...}."""
  return {
    jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(x)
    for path, x in jax.tree_util.tree_flatten_with_path(tree)[0]
  }


def toy(first):
  """Parameters of three layers, of which one may stand apart."""
  rng = np.random.default_rng(0)
  stacked = 2 if first else 3
  encoder = {
    "tokens": rng.integers(9, size=(4, 2)),
    "embeddings": {"norm": {"scale": np.ones(2)}},
    "layers": {"up": {"kernel": rng.integers(9, size=(stacked, 2, 2))}},
    "dense": {"0": {"kernel": np.ones((2, 2))}},
  }
  if first:
    encoder["first"] = {"up": {"kernel": np.ones((2, 2))}}
  params = {"encoder": encoder, "log_inverse_temperature": 2}
  return jax.tree.map(np.float32, params)


def names_of(params):
  return {f"encoder/{name}" for name in params["encoder"]}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_so_many_layers_stay_with_all_below(first, frozen):
  params = toy(first)
  taken = take(params, Adapt(freeze_layers=frozen))
  left = {"encoder/dense", "encoder/layers"}
  if not frozen:
    left = names_of(params)
  assert names_of(taken) == left
  assert "log_inverse_temperature" in taken
  kernels = params["encoder"]["layers"]["up"]["kernel"]
  stacked_frozen = max(frozen - first, 0)
  np.testing.assert_array_equal(
    taken["encoder"]["layers"]["up"]["kernel"], kernels[stacked_frozen:]
  )


def test_embeddings_alone_stay():
  taken = take(toy(first=True), Adapt(freeze_embeddings=True))
  assert names_of(taken) == {
    f"encoder/{name}" for name in ("dense", "first", "layers")
  }


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(
  "adapt", [Adapt(), *FREEZING, Adapt(freeze_layers=2)], ids=str
)
def test_put_is_the_inverse_of_take(first, adapt):
  params = toy(first)
  taken = take(params, adapt)
  changed = jax.tree.map(lambda x: x + 1, taken)
  whole = put(params, changed, adapt)
  assert jax.tree.structure(whole) == jax.tree.structure(params)
  again = named(take(whole, adapt))
  for name, array in named(changed).items():
    np.testing.assert_array_equal(again[name], array)
  # What was added, in all: nothing else has changed.
  moved = sum(
    (named(whole)[name] - array).sum() for name, array in named(params).items()
  )
  size = sum(x.size for x in named(taken).values())
  assert moved == pytest.approx(size, rel=1e-6)


def test_nothing_is_copied_by_default():
  params = toy(first=False)
  ours, theirs = (jax.tree.leaves(x) for x in (take(params, Adapt()), params))
  assert all(x is y for x, y in zip(ours, theirs, strict=True))
  theirs = jax.tree.leaves(put(toy(first=False), params, Adapt()))
  assert all(x is y for x, y in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("adapt", FREEZING, ids=NAMES)
def test_what_is_frozen_stays_bit_by_bit(
  make_trainer, make_batch, run, encoder_params, adapt
):
  trainer = make_trainer(adapt=adapt, optimizer=make_optimizer(ADAMW, steps=3))
  state, metrics = run(trainer, make_batch(), steps=3)
  assert metrics[-1]["loss"] < metrics[0]["loss"]
  before, after = named(encoder_params), named(state["params"]["encoder"])
  n = adapt.freeze_layers
  for name, array in before.items():
    if name.startswith(("tokens", "embeddings")):
      assert after[name].tobytes() == array.tobytes(), name
    else:
      assert after[name][:n].tobytes() == array[:n].tobytes(), name
      assert (after[name][n:] != array[n:]).any(axis=-1).all(), name


@pytest.mark.parametrize("adapt", FREEZING, ids=NAMES)
def test_what_is_frozen_has_no_moments(make_trainer, encoder_params, adapt):
  optimizer = make_optimizer(ADAMW, steps=3)
  state = make_trainer(adapt=adapt, optimizer=optimizer).init(encoder_params)
  trained = take(state["params"], adapt)
  size = sum(x.size for x in jax.tree.leaves(trained))
  moments = [x for x in jax.tree.leaves(state["optimizer"]) if x.ndim]
  assert sum(x.size for x in moments) == 2 * size
  assert size < sum(x.size for x in jax.tree.leaves(encoder_params)) / 1.5


@pytest.mark.parametrize("adapt", FREEZING, ids=NAMES)
@pytest.mark.parametrize("chunks", [1, 4])
def test_the_rest_takes_the_step_that_it_would_take(
  make_trainer, make_batch, run, adapt, chunks
):
  """Without decay and clipping, by plain gradient descent."""
  full, (plain,) = run(make_trainer(dropout=0.2, chunks=chunks), make_batch())
  state, (metrics,) = run(
    make_trainer(dropout=0.2, chunks=chunks, adapt=adapt), make_batch()
  )
  assert metrics["loss"] == pytest.approx(plain["loss"], rel=1e-6)
  assert metrics["gradient_norm"] < plain["gradient_norm"]
  wanted = named(take(full["params"], adapt))
  for name, array in named(take(state["params"], adapt)).items():
    np.testing.assert_allclose(array, wanted[name], rtol=1e-4, atol=1e-6)


def scans(jaxpr):
  """The lengths of all scans within."""
  for equation in jaxpr.eqns:
    if equation.primitive.name == "scan":
      yield equation.params["length"]
    for inner in core.jaxprs_in_params(equation.params):
      yield from scans(inner)


def test_no_layer_is_gone_through_backwards_below(
  make_trainer, make_batch, encoder_params
):
  def layers(adapt):
    trainer = make_trainer(adapt=adapt)
    state = trainer.init(encoder_params)
    return sum(scans(jax.make_jaxpr(trainer.step)(state, make_batch()).jaxpr))

  assert layers(Adapt()) == 2 + 2
  assert layers(Adapt(freeze_layers=1)) == 2 + 1


def test_a_frozen_state_is_donated(make_trainer, make_batch, run):
  """Whatever is passed through is written nowhere else."""
  adapt = Adapt(freeze_layers=1)
  trainer = make_trainer(adapt=adapt, loss=Loss(learn_temperature=True))
  state, _ = run(trainer, make_batch())
  arrays = jax.tree.leaves(state)
  jax.jit(trainer.step, donate_argnums=0)(state, dict(make_batch()))
  assert all(x.is_deleted() for x in arrays)


@pytest.mark.parametrize("frozen", [1, 2])
def test_a_layer_apart_is_the_first_of_the_frozen(
  make_trainer, make_batch, frozen
):
  """ModernBERT: layer 0 stands outside the stacked ones."""
  modern = Architecture(
    family="modernbert",
    vocab_size=40,
    hidden_size=8,
    layers=3,
    heads=2,
    intermediate_size=12,
    max_positions=16,
    position_offset=0,
    token_types=0,
    norm_epsilon=1e-5,
    activation="gelu",
    window=2,
    global_every=2,
    global_theta=160000.0,
    local_theta=10000.0,
  )
  model = BiEncoder(Encoder(modern), "mean", dense=(), normalize=True)
  adapt = Adapt(freeze_layers=frozen)
  optimizer = make_optimizer(ADAMW, steps=3)
  trainer = make_trainer(model=model, adapt=adapt, optimizer=optimizer)
  start = trainer.init(jax.jit(model.init)(jax.random.key(0)))
  state, _ = jax.jit(trainer.step)(start, dict(make_batch()))
  before, after = (named(x["params"]["encoder"]) for x in (start, state))
  for name, array in before.items():
    if name.startswith("layers"):
      n = frozen - 1
      assert after[name][:n].tobytes() == array[:n].tobytes(), name
      assert (after[name][n:] != array[n:]).any(axis=-1).all(), name
    else:
      is_same = after[name].tobytes() == array.tobytes()
      assert is_same == (name != "final_norm/scale"), name
