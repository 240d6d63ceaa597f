"""Prints what freezing and LoRA save in a training step, beside full training.

    python bench/small_machines.py --encoder=FOLDER

FOLDER: an encoder in Hugging Face's layout, of which the shape alone counts:
weights and token ids are drawn. "State" is parameters and AdamW's moments,
counted; "at most" adds what the compiled step holds beside it, as XLA says; a
step's time is the best of --steps, as a share of full training's.
"""

import argparse
import dataclasses
import pathlib
import time

import jax
import numpy as np

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


def size_of(tree):
  """Bytes."""
  return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))


def measure(trainer, batch, steps):
  """(trained parameters, bytes of state, bytes at most, seconds a step)."""
  mesh = mesh_lib.make_mesh(1)
  init = jax.jit(lambda: trainer.init(trainer.model.init(jax.random.key(0))))
  state = init()
  trained = sum(
    x.size
    for x in jax.tree.leaves(
      jax.eval_shape(lambda x: take(x, trainer.adapt), state["params"])
    )
  )
  state = jax.device_put(state, mesh_lib.shardings(mesh, state))
  held = size_of(state)
  batch = jax.device_put(dict(batch), batch_shardings(mesh))
  step = compile_step(trainer, mesh, state).lower(state, batch).compile()
  memory = step.memory_analysis()
  most = memory.temp_size_in_bytes + memory.argument_size_in_bytes
  most += memory.output_size_in_bytes - memory.alias_size_in_bytes
  seconds = []
  for _ in range(1 + steps):
    start = time.perf_counter()
    state, _ = jax.block_until_ready(step(state, batch))
    seconds.append(time.perf_counter() - start)
  return trained, held, most, min(seconds[1:])


def main():
  """Measures one after the other, then prints the table."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--encoder", type=pathlib.Path, required=True)
  parser.add_argument("--pairs", type=int, default=16)
  parser.add_argument("--steps", type=int, default=3)
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
  lines, full = [], None
  for name, adapt in variants.items():
    own = dataclasses.replace(trainer, adapt=adapt)
    trained, held, most, seconds = measure(own, batch, arguments.steps)
    full = full or seconds
    lines.append(
      f"| {name} | {trained:,} | {held / MIB:,.0f} | {most / MIB:,.0f} |"
      f" {seconds / full:.2f} |"
    )
  print("| | trained | state, MiB | at most, MiB | time of a step |")
  print("|---|---|---|---|---|")
  print("\n".join(lines))


if __name__ == "__main__":
  main()
