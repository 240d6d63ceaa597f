"""Prints what freezing and LoRA save in a training step, beside full training.

    python bench/small_machines.py --encoder=FOLDER

FOLDER: an encoder in Hugging Face's layout, of which the shape alone counts:
weights and token ids are drawn. "State" is parameters and AdamW's moments,
counted; "at most" adds what the compiled step holds beside it, as XLA says. The
variants take turns, --rounds times, for the machine may be busy now and then; a
step's time is the median of its shares of full training's in the same round,
with the quartiles, which tell how far to trust it.
"""

import argparse
import dataclasses
import pathlib
import time

import jax
import numpy as np

from hybrid_ir.allocator import keep_memory
from hybrid_ir.config import Adapt, Layout, Loss, Optimizer
from hybrid_ir.data.batch import Batch, arrange
from hybrid_ir.model import weights
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.optimizer import make_optimizer
from hybrid_ir.training.step import Trainer, batch_shardings, compile_step
from hybrid_ir.training.trainable import take

MIB = 2**20


def draw_batch(pairs, vocab_size):
  """Queries of 16 tokens and passages of 48, packed in rows of 128."""
  lengths = np.repeat([16, 48], pairs)
  rng = np.random.default_rng(0)
  tokens = rng.integers(5, vocab_size, lengths.sum()).astype(np.int32)
  rows = arrange(tokens, lengths, Layout(row_lengths=(128,)), 1)
  return Batch(
    **rows,
    group=np.arange(pairs, dtype=np.int32),
    negative_group=np.zeros((pairs, 0), np.int32),
    teacher=np.full((pairs, 1), np.nan, np.float32),
  )


class Training:
  """A variant's compiled step, its state, and what is known of them."""

  def __init__(self, trainer, batch):
    init = jax.jit(lambda: trainer.init(trainer.model.init(jax.random.key(0))))
    mesh = mesh_lib.make_mesh(1)
    state = init()
    self._state = jax.device_put(state, mesh_lib.shardings(mesh, state))
    self._batch = jax.device_put(dict(batch), batch_shardings(mesh))
    jitted = compile_step(trainer, mesh, self._state)
    self._step = jitted.lower(self._state, self._batch).compile()
    trained = jax.eval_shape(
      lambda x: take(x, trainer.adapt), self._state["params"]
    )
    self.trained = sum(x.size for x in jax.tree.leaves(trained))
    self.held = sum(x.nbytes for x in jax.tree.leaves(self._state))
    memory = self._step.memory_analysis()
    self.most = memory.temp_size_in_bytes + memory.argument_size_in_bytes
    self.most += memory.output_size_in_bytes - memory.alias_size_in_bytes

  def seconds(self):
    """Of one step more."""
    start = time.perf_counter()
    self._state, _ = jax.block_until_ready(self._step(self._state, self._batch))
    return time.perf_counter() - start


def main():
  """Measures the variants by turns, then prints the table."""
  keep_memory()  # as the command does
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--encoder", type=pathlib.Path, required=True)
  parser.add_argument("--pairs", type=int, default=16)
  parser.add_argument("--rounds", type=int, default=9)
  arguments = parser.parse_args()
  arch = weights.read_architecture(arguments.encoder)
  half = arch.layers // 2
  variants = {
    "all": Adapt(),
    "`freeze_embeddings`": Adapt(freeze_embeddings=True),
    f"`freeze_layers={half}`": Adapt(freeze_layers=half),
    "`lora_rank=8`": Adapt(lora_rank=8),
  }
  batch = draw_batch(arguments.pairs, arch.vocab_size)
  trainer = Trainer(
    BiEncoder(Encoder(arch), "mean", dense=(), normalize=True),
    texts_per_row=8,
    loss=Loss(),
    adapt=Adapt(),
    optimizer=make_optimizer(Optimizer(), steps=1000),
    chunks=1,
    seed=0,
  )
  trainings = [
    Training(dataclasses.replace(trainer, adapt=adapt), batch)
    for adapt in variants.values()
  ]
  rounds = np.array(
    [[t.seconds() for t in trainings] for _ in range(1 + arguments.rounds)]
  )
  shares = rounds[1:] / rounds[1:, :1]  # the first warms up
  quartiles = np.quantile(shares, [0.25, 0.5, 0.75], axis=0).T
  print("| | trained | state, MiB | at most, MiB | time of a step |")
  print("|---|---|---|---|---|")
  for name, training, (low, share, high) in zip(
    variants, trainings, quartiles, strict=True
  ):
    print(
      f"| {name} | {training.trained:,} | {training.held / MIB:,.0f} |"
      f" {training.most / MIB:,.0f} | {share:.2f}"
      f" ({low:.2f} to {high:.2f}) |"
    )


if __name__ == "__main__":
  main()
