"""The token table's rows: cut, put back, and trained as if alone."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hybrid_ir.config import Adapt, Loss, Optimizer
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.model.sentence_transformers import Dense
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.optimizer import make_optimizer
from hybrid_ir.training.rows import cut, paste, used
from hybrid_ir.training.step import batch_shardings, compile_step

ADAMW = Optimizer(
  learning_rate=0.01, schedule="linear", warmup=0.5, weight_decay=0.1
)
ADAM, TABLE = 0, "tokens"


def test_used_rows_are_distinct_and_padding_is_none():
  tokens = jnp.array([[7, 3, 7, 0], [3, 5, 0, 0]])
  segments = jnp.array([[1, 1, 2, 0], [1, 1, 0, 0]])
  rows, places = used(tokens, segments, table_rows=9)
  # Row 0 fills the padding slots, and is no text's.
  assert rows[:3].tolist() == [3, 5, 7]
  assert rows[3:].tolist() == [12, 13, 14, 15, 16]  # 9 + their place
  assert places.tolist() == [[2, 0, 2, 0], [0, 1, 0, 0]]


def test_a_batch_of_more_tokens_than_rows():
  tokens = jnp.array([[2, 1, 0, 2], [1, 1, 0, 0]])
  segments = jnp.array([[1, 1, 1, 1], [1, 1, 0, 0]])
  rows, places = used(tokens, segments, table_rows=3)
  assert rows.tolist() == [0, 1, 2]
  assert places.tolist() == [[2, 1, 0, 2], [1, 1, 0, 0]]


def test_cut_and_paste_touch_the_table_and_its_moments_alone():
  table = jnp.arange(8.0).reshape(4, 2)
  state = {
    "params": {"encoder": {"tokens": table, "embeddings": {"tokens": table}}},
    "optimizer": (
      optax.ScaleByAdamState(
        jnp.int32(0), {"encoder": {"tokens": -table}}, {"encoder": {}}
      ),
    ),
  }
  rows = jnp.array([1, 3, 6])
  part = cut(state, rows)
  assert part["params"]["encoder"]["tokens"].tolist() == [
    [2, 3],
    [6, 7],
    [0, 0],
  ]
  assert part["params"]["encoder"]["embeddings"]["tokens"].shape == (4, 2)
  moment = part["optimizer"][0].mu["encoder"]["tokens"]
  assert moment.tolist() == [[-2, -3], [-6, -7], [0, 0]]
  whole = paste(state, jax.tree.map(lambda x: x + 10, part), rows)
  assert whole["params"]["encoder"]["tokens"].tolist() == [
    [0, 1],
    [12, 13],
    [4, 5],
    [16, 17],
  ]
  assert whole["optimizer"][0].mu["encoder"]["tokens"].tolist() == [
    [0, -1],
    [8, 7],
    [-4, -5],
    [4, 3],
  ]
  assert int(whole["optimizer"][0].count) == 10


@pytest.fixture(scope="module")
def batch_of(make_batch):
  """Ids -> a batch whose texts hold each of them, and no other."""

  def batch_of(ids):
    batch = make_batch()
    real = batch["segments"] > 0
    assert not batch["tokens"][~real].any()
    assert (~real).any()
    tokens = np.zeros_like(batch["tokens"])
    drawn = np.resize(np.asarray(ids), real.sum())
    tokens[real] = np.random.default_rng(1).permutation(drawn)
    return {**batch, "tokens": tokens}

  return batch_of


def train(trainer, batches, devices=1):
  """(state, metrics) after each batch, fetched."""
  mesh = mesh_lib.make_mesh(devices)
  state = trainer.init(jax.jit(trainer.model.init)(jax.random.key(0)))
  state = jax.device_put(state, mesh_lib.shardings(mesh, state))
  step = compile_step(trainer, mesh, state)
  after = []
  for batch in batches:
    batch = jax.device_put(dict(batch), batch_shardings(mesh))
    state, metrics = step(state, batch)
    after.append(jax.device_get((state, metrics)))
  return after


def tables(state):
  """The token table and AdamW's two moments of it."""
  adam = state["optimizer"][1][ADAM]
  return [
    tree["encoder"][TABLE] for tree in (state["params"], adam.mu, adam.nu)
  ]


@pytest.fixture(scope="module")
def trainer(make_trainer):
  return make_trainer(optimizer=make_optimizer(ADAMW, steps=4), lazy=True)


LEARNED = Loss(temperature=0.1, learn_temperature=True, hard_negatives=2)


@pytest.mark.parametrize(
  "changes",
  [
    {},
    {
      "chunks": 4,
      "loss": LEARNED,
      "optimizer": make_optimizer(
        dataclasses.replace(ADAMW, clip_norm=0.05), steps=4
      ),
    },
    {"dense": (Dense(6, "tanh", True),), "dropout": 0.2},
    {"dtype": "bfloat16"},
  ],
  ids=["plain", "chunks_clipped", "dense_dropout", "bfloat16"],
)
def test_a_table_whose_rows_are_all_used_trains_as_densely(
  make_trainer, batch_of, relative_error, changes
):
  changes = {"optimizer": make_optimizer(ADAMW, steps=4), **changes}
  layers = changes.pop("dense", ())
  lazy = make_trainer(lazy=True, **changes)
  lazy = dataclasses.replace(
    lazy, model=dataclasses.replace(lazy.model, dense=layers)
  )
  batches = [batch_of(range(40))] * 3
  ours, metrics = train(lazy, batches)[-1]
  theirs, expected = train(dataclasses.replace(lazy, lazy=False), batches)[-1]
  assert relative_error(metrics, expected) < 1e-5
  # AdamW's decay reaches the rows that no text can have in the dense step.
  for state in (ours, theirs):
    adam = state["optimizer"][1][ADAM]
    for tree in (state["params"], adam.mu, adam.nu):
      tree["encoder"][TABLE] = tree["encoder"][TABLE][:40]
      # Its gradient is nothing but rounding, which AdamW makes a whole step.
      del tree["encoder"]["layers"]["qkv"]["bias"]
  assert relative_error(ours, theirs) < 1e-5


def test_rows_that_no_text_has_stay_bitwise(trainer, batch_of):
  batches = [batch_of(range(40)), batch_of(range(1, 20))]
  (before, _), (after, _) = train(trainer, batches)
  for old, new in zip(tables(before), tables(after), strict=True):
    assert old[:40].any(axis=1).all()
    # Row 0 stands in the padding slots of the second batch.
    assert old[0].tobytes() == new[0].tobytes()
    assert old[20:].tobytes() == new[20:].tobytes()
    assert (old[1:20] != new[1:20]).any(axis=1).all()


def test_a_row_goes_as_by_adamw_on_it_alone(trainer, batch_of):
  """With the steps counted that the row was not in."""
  batches = [batch_of(range(20)), batch_of(range(10, 40))]
  row = 30  # in the second batch alone
  (before, _), (after, _) = train(trainer, batches)
  slope = jax.jit(jax.grad(lambda p: trainer.loss_of(p, batches[1], None)[0]))
  gradient = slope(before["params"])["encoder"][TABLE][row]
  table, first, second = (x[row] for x in tables(before))
  assert not first.any()
  assert not second.any()
  reference = make_optimizer(ADAMW, steps=4)
  alone = reference.init({"row": table})
  zeros = {"row": jnp.zeros_like(table)}
  _, alone = reference.update(zeros, alone, {"row": table})
  updates, _ = reference.update({"row": gradient}, alone, {"row": table})
  moved = optax.apply_updates({"row": table}, updates)["row"]
  np.testing.assert_allclose(tables(after)[0][row], moved, rtol=1e-5)
  # By hand (arXiv 1711.05101, algorithm 2): the second step, at the peak rate.
  mean = 0.1 * gradient / (1 - 0.9**2)
  square = 0.001 * gradient**2 / (1 - 0.999**2)
  step = 0.01 * (mean / (jnp.sqrt(square) + 1e-8) + 0.1 * table)
  np.testing.assert_allclose(tables(after)[0][row], table - step, rtol=1e-4)


@pytest.mark.parametrize(("devices", "chunks"), [(2, 1), (4, 2)], ids=str)
def test_devices_and_chunks_do_not_change_it(
  trainer, batch_of, relative_error, devices, chunks
):
  batches = [batch_of(range(30)), batch_of(range(5, 40))]
  one, _ = train(trainer, batches)[-1]
  pieces = dataclasses.replace(trainer, chunks=chunks)
  many, _ = train(pieces, batches, devices)[-1]
  for ours, theirs in zip(tables(many), tables(one), strict=True):
    assert relative_error(ours, theirs) < 1e-5


def test_the_logged_norm_is_the_dense_gradients(trainer, batch_of):
  batches = [batch_of(range(7))]
  dense = dataclasses.replace(trainer, lazy=False)
  ours, theirs = (train(t, batches)[0][1] for t in (trainer, dense))
  assert ours["gradient_norm"] == pytest.approx(
    theirs["gradient_norm"], rel=1e-6
  )


@pytest.mark.parametrize(
  "adapt",
  [Adapt(freeze_embeddings=True), Adapt(freeze_layers=1), Adapt(lora_rank=2)],
  ids=["embeddings", "layers", "lora"],
)
def test_a_table_that_stays_is_not_cut(trainer, batch_of, adapt):
  def program(lazy):
    own = dataclasses.replace(trainer, adapt=adapt, lazy=lazy)
    state = jax.eval_shape(lambda: own.init(own.model.init(jax.random.key(0))))
    step = compile_step(own, mesh_lib.make_mesh(1), state)
    return step.lower(state, batch_of(range(9))).as_text()

  assert program(lazy=True) == program(lazy=False)


@pytest.mark.parametrize("devices", [1, 4])
def test_no_second_table_is_alive(trainer, batch_of, devices):
  """Neither a gradient of its shape, nor a copy of what is written to."""
  rows, D = 50_048, 8
  arch = Architecture("bert", rows, D, 2, 2, 12, 16, 1, 1e-12, "gelu")
  model = BiEncoder(Encoder(arch), "mean", dense=(), normalize=True)

  def memory(lazy):
    own = dataclasses.replace(trainer, model=model, lazy=lazy)
    state = jax.eval_shape(lambda: own.init(model.init(jax.random.key(0))))
    step = compile_step(own, mesh_lib.make_mesh(devices), state)
    return step.lower(state, batch_of(range(40))).compile().memory_analysis()

  table = rows * D * 4
  assert memory(lazy=True).temp_size_in_bytes < table
  assert memory(lazy=True).alias_size_in_bytes > 3 * table
  assert memory(lazy=False).temp_size_in_bytes > table
