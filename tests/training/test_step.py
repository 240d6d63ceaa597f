import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hybrid_ir.config import Loss, Optimizer
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.optimizer import make_optimizer
from hybrid_ir.training.step import batch_shardings, compile_step


def gradients(trainer, params, batch, key=None):
  """((loss, accuracy), gradients)."""
  return jax.jit(jax.value_and_grad(trainer.loss_of, has_aux=True))(
    params, dict(batch), key
  )


@pytest.fixture(scope="module")
def params(encoder_params):
  return {"encoder": encoder_params}


@pytest.fixture(scope="module")
def plain_loss(make_trainer):
  """(params, batch) -> loss, of the plain trainer."""
  compiled = jax.jit(make_trainer().loss_of)
  return lambda params, batch: float(compiled(params, dict(batch), None)[0])


def test_chunks_and_packing_are_exact_in_float64(
  make_trainer, make_batch, params, relative_error
):
  with jax.enable_x64(True):
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), params)
    plain = gradients(
      make_trainer(dtype="float64", texts_per_row=1),
      params,
      make_batch(packed=False),
    )
    packed = gradients(
      make_trainer(dtype="float64", chunks=4), params, make_batch()
    )
    # Gradients that are nothing but rounding have no relative error.
    biases = packed[1]["encoder"]["layers"]["qkv"].pop("bias")
    reference = plain[1]["encoder"]["layers"]["qkv"].pop("bias")
    assert relative_error(packed, plain) < 1e-9
    np.testing.assert_allclose(biases, reference, atol=1e-12)


def test_chunked_dropout_is_made_again_in_the_backward_pass(
  make_trainer, make_batch, params
):
  """The gradient is that of the very loss: a finite difference shows it."""
  trainer = make_trainer(dropout=0.4, dtype="float64", chunks=2)
  with jax.enable_x64(True):
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), params)
    batch, key = dict(make_batch()), jax.random.key(7)
    (_, _), gradient = gradients(trainer, params, batch, key)
    rng = np.random.default_rng(0)
    direction = jax.tree.map(lambda x: rng.normal(size=x.shape), params)
    slope = sum(
      jnp.vdot(d, g)
      for d, g in zip(
        jax.tree.leaves(direction), jax.tree.leaves(gradient), strict=True
      )
    )
    loss = jax.jit(lambda p: trainer.loss_of(p, batch, key)[0])

    def at(t):
      return loss(jax.tree.map(lambda x, d: x + t * d, params, direction))

    difference = (at(1e-6) - at(-1e-6)) / 2e-6
    assert float(difference) == pytest.approx(float(slope), rel=1e-5)


def test_chunks_have_dropout_of_their_own(make_trainer, make_batch, params):
  trainer = make_trainer(dropout=0.4, chunks=2, texts_per_row=1)
  batch = dict(make_batch(packed=False))
  for name in ("tokens", "segments", "positions"):  # the same text in each row
    batch[name] = np.repeat(batch[name][:1], len(batch[name]), axis=0)
  embed = jax.jit(trainer.embed_texts)
  embeddings = embed(params["encoder"], batch, jax.random.key(7))[:16]
  assert len(np.unique(embeddings, axis=0)) == 16


def test_a_step_goes_down_the_gradient(
  make_trainer, make_batch, params, plain_loss, run
):
  """No other direction of its length is as steep as the gradient."""
  batch = make_batch()
  state, (metrics,) = run(make_trainer(), batch)
  assert int(state["step"]) == 1
  loss, norm = plain_loss(params, batch), metrics["gradient_norm"]
  assert metrics["loss"] == pytest.approx(loss, rel=1e-6)
  assert metrics["temperature"] == pytest.approx(0.1, rel=1e-6)
  moved = jax.tree.map(jnp.subtract, state["params"], params)
  assert float(optax.tree.norm(moved)) == pytest.approx(0.5 * norm, rel=1e-4)

  def at(t):
    return plain_loss(
      jax.tree.map(lambda p, d: p + t * d, params, moved), batch
    )

  t = 0.01 / norm
  slope = (at(t) - at(-t)) / (2 * t)
  assert slope == pytest.approx(-0.5 * norm**2, rel=0.01)


def test_absent_hard_negatives_are_not_seen(make_batch, params, plain_loss):
  batch = make_batch()
  absent = batch["text_segment"] == 0
  assert absent.any()
  moved = {**batch, "text_row": np.where(absent, 1, batch["text_row"])}
  assert plain_loss(params, moved) == plain_loss(params, batch)


def test_hard_negatives_and_groups_reach_the_loss(
  make_batch, params, plain_loss
):
  batch = make_batch()
  no_groups = {**batch, "group": np.arange(8, dtype=np.int32)}
  none = {**batch, "text_segment": batch["text_segment"].copy()}
  none["text_segment"][16:] = 0
  # The more negatives, the higher the loss.
  loss = plain_loss(params, batch)
  assert plain_loss(params, none) < loss < plain_loss(params, no_groups)


def test_dropout_differs_by_step_and_not_by_run(make_trainer, make_batch, run):
  trainer = make_trainer(dropout=0.3)
  _, one = run(trainer, make_batch())
  _, again = run(trainer, make_batch())
  _, later = run(trainer, make_batch(), first=1)
  assert one == again
  assert one[0]["loss"] != later[0]["loss"]


def test_bfloat16_is_near_float32(make_trainer, make_batch, run):
  state, (coarse,) = run(make_trainer(dtype="bfloat16"), make_batch())
  _, (fine,) = run(make_trainer(), make_batch())
  assert coarse["loss"] == pytest.approx(fine["loss"], rel=0.02)
  assert coarse["loss"] != fine["loss"]
  dtypes = {x.dtype for x in jax.tree.leaves(state["params"])}
  assert dtypes == {jnp.dtype("float32")}


def test_the_state_is_donated(make_trainer, make_batch, encoder_params):
  mesh, trainer = mesh_lib.make_mesh(1), make_trainer()
  state = trainer.init(jax.tree.map(jnp.copy, encoder_params))
  state = jax.device_put(state, mesh_lib.shardings(mesh, state))
  batch = jax.device_put(dict(make_batch()), batch_shardings(mesh))
  compile_step(trainer, mesh, state)(state, batch)
  assert state["params"]["encoder"]["tokens"].is_deleted()
  assert not batch["tokens"].is_deleted()


def test_training_lowers_the_loss_and_moves_the_temperature(
  make_trainer, make_batch, run
):
  config = Optimizer(learning_rate=0.02, schedule="linear", warmup=0.1)
  trainer = make_trainer(
    loss=Loss(temperature=0.1, learn_temperature=True),
    optimizer=make_optimizer(config, steps=20),
  )
  state, metrics = run(trainer, make_batch(), steps=20)
  assert metrics[-1]["loss"] < 0.5 * metrics[0]["loss"]
  assert metrics[-1]["accuracy"] > metrics[0]["accuracy"]
  temperatures = [m["temperature"] for m in metrics]
  assert temperatures[0] == pytest.approx(0.1, rel=1e-6)
  assert len(set(temperatures)) == 20
  last = float(jnp.exp(-state["params"]["log_inverse_temperature"]))
  assert last not in temperatures
