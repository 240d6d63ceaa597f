"""A large batch needs little more memory than one of its pieces."""

import dataclasses

import jax
import numpy as np
import pytest

from hybrid_ir.config import Layout, Loss
from hybrid_ir.data.batch import Batch, arrange
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.step import compile_step

PIECE, LARGE = 64, 2048  # pairs


def drawn(pairs, rows_multiple):
  """Queries of 16 tokens, passages and a hard negative each of 48."""
  lengths = np.repeat([16, 48], [pairs, 2 * pairs])
  tokens = np.random.default_rng(0).integers(5, 500, lengths.sum())
  return Batch(
    **arrange(
      tokens.astype(np.int32), lengths, Layout(row_lengths=(64,)), rows_multiple
    ),
    group=np.arange(pairs, dtype=np.int32),
    negative_group=np.full((pairs, 1), -1, np.int32),
    teacher=np.full((pairs, 2), np.nan, np.float32),
  )


@pytest.fixture
def memory(make_trainer):
  """(pairs, chunks) -> bytes of a step beside parameters and gradients."""
  arch = Architecture("bert", 500, 64, 2, 2, 128, 64, 1, 1e-12, "gelu")
  trainer = make_trainer(
    model=BiEncoder(
      Encoder(arch, dropout=0.1), "mean", dense=(), normalize=True
    ),
    texts_per_row=16,
    loss=Loss(hard_negatives=1, block=PIECE),
  )

  def memory(pairs, chunks):
    own = dataclasses.replace(trainer, chunks=chunks)
    state = jax.eval_shape(lambda: own.init(own.model.init(jax.random.key(0))))
    step = compile_step(own, mesh_lib.make_mesh(1), state)
    batch = dict(drawn(pairs, chunks))
    said = step.lower(state, batch).compile().memory_analysis()
    parameters = jax.tree.leaves(state["params"])
    return (
      said.temp_size_in_bytes
      + said.argument_size_in_bytes
      - said.alias_size_in_bytes
      - sum(x.size * x.dtype.itemsize for x in parameters)
    )

  return memory


def test_in_pieces_a_batch_needs_at_most_twice_a_piece(memory):
  piece = memory(PIECE, 1)
  assert memory(LARGE, LARGE // PIECE) < 2 * piece
  assert memory(LARGE, 1) > 8 * piece  # which it would need whole
