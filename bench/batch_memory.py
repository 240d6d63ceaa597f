"""Prints how a step's memory grows with the batch, at pieces of one size.

    python bench/batch_memory.py [--encoders quickstart e5_small] [--lazy]

A step is compiled and never run, and no parameter is made: XLA says what it
needs. Batches are of drawn tokens (queries of 16, passages of 48), in pieces of
64 pairs: `train.chunks` is the batch / 64. The memory is a device's, of as many
as XLA_FLAGS=--xla_force_host_platform_device_count says:

- step: all beside the parameters and the optimizer's state, which are donated:
  XLA's `temp_size_in_bytes`, and the batch;
- beyond gradients: of that, all but one gradient of every parameter (with
  `--lazy`: of all but the token table, whose rows in use the batch decides).

The ratios are to the first batch's.
"""

import argparse
import dataclasses

import jax
import numpy as np
from ours import load_config
from tqdm import tqdm
from turns import table

from hybrid_ir.config import Config
from hybrid_ir.data.batch import Batch, arrange
from hybrid_ir.model.architecture import Architecture, from_scratch
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training import trainable
from hybrid_ir.training.step import compile_step, make_trainer

MIB = 2**20
_PIECE = 64  # pairs encoded at once
_E5_SMALL = Architecture(
  "bert", 250_037, 384, 12, 12, 1536, 512, 2, 1e-12, "gelu"
)
_ENCODERS = ("quickstart", "e5_small")


def draw_batch(
  pairs: int, vocab_size: int, config: Config, multiple: int
) -> Batch:
  """Queries of 16 tokens; passages and hard negatives of 48."""
  N = config.loss.hard_negatives
  lengths = np.repeat([16, 48], [pairs, pairs * (1 + N)])
  tokens = np.random.default_rng(0).integers(5, vocab_size, lengths.sum())
  return Batch(
    **arrange(tokens.astype(np.int32), lengths, config.layout, multiple),
    group=np.arange(pairs, dtype=np.int32),
    negative_group=np.full((pairs, N), -1, np.int32),
    teacher=np.full((pairs, 1 + N), np.nan, np.float32),
  )


def measure(arch: Architecture, config: Config, pairs: int) -> np.ndarray:
  """[2] MiB of a device: of a step, and of that beyond gradients."""
  model = BiEncoder(
    Encoder(arch, config.encoder.dtype, config.encoder.dropout),
    "mean",
    dense=(),
    normalize=True,
  )
  lazy = config.optimizer.embeddings == "lazy"
  chunks = max(pairs // _PIECE, 1)
  trainer = dataclasses.replace(make_trainer(config, model), chunks=chunks)
  mesh = mesh_lib.make_mesh(config.mesh.data, config.mesh.fsdp)
  state = jax.eval_shape(lambda: trainer.init(model.init(jax.random.key(0))))
  batch = draw_batch(pairs, arch.vocab_size, config, mesh.devices.size * chunks)
  step = compile_step(trainer, mesh, state).lower(state, dict(batch)).compile()
  memory = step.memory_analysis()
  held = memory.argument_size_in_bytes - memory.alias_size_in_bytes
  trained = trainable.take(state["params"], config.adapt)
  placed = mesh_lib.shardings(mesh, trained)
  gradients = sum(
    np.prod(sharding.shard_shape(x.shape)) * x.dtype.itemsize
    for x, sharding in zip(
      jax.tree.leaves(trained), jax.tree.leaves(placed), strict=True
    )
  )
  if lazy:
    tokens = placed["encoder"]["tokens"], trained["encoder"]["tokens"]
    gradients -= np.prod(tokens[0].shard_shape(tokens[1].shape)) * 4
  total = memory.temp_size_in_bytes + held
  return np.array([total, total - gradients]) / MIB


def main() -> None:
  """Compiles each batch's step, and prints a table an encoder."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument(
    "--encoders", nargs="+", choices=_ENCODERS, default=_ENCODERS
  )
  parser.add_argument(
    "--batches", type=int, nargs="+", default=[64, 256, 1024, 4096]
  )
  parser.add_argument("--hard_negatives", type=int, default=0)
  parser.add_argument("--dropout", type=float, default=0.0)
  parser.add_argument("--block", type=int, default=Config().loss.block)
  parser.add_argument("--fsdp", type=int, default=1, help="as mesh.fsdp")
  parser.add_argument("--lazy", action="store_true", help="see optimizer")
  parser.add_argument("--two_sided", action="store_true")
  options = parser.parse_args()
  config = load_config("quickstart.py")
  config.encoder.dropout = options.dropout
  config.loss.hard_negatives = options.hard_negatives
  config.loss.block = options.block
  config.loss.two_sided = options.two_sided
  config.mesh.fsdp = options.fsdp
  config.optimizer.embeddings = "lazy" if options.lazy else "dense"
  architectures = {
    "quickstart": from_scratch(config.encoder, config.encoder.vocab_size),
    "e5_small": _E5_SMALL,
  }
  head = ["pairs", "step, MiB", "ratio", "beyond gradients, MiB", "ratio"]
  for name in options.encoders:
    found = [
      measure(architectures[name], config, pairs)
      for pairs in tqdm(options.batches, desc=name, leave=False, disable=None)
    ]
    rows = [
      [f"{pairs:,}"]
      + [
        text
        for one, first in zip(sizes, found[0], strict=True)
        for text in (f"{one:,.1f}", f"{one / first:.2f}")
      ]
      for pairs, sizes in zip(options.batches, found, strict=True)
    ]
    print(f"{name}\n\n{table(head, rows)}")


if __name__ == "__main__":
  main()
