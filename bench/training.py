"""Prints the speed of training beside sentence-transformers' trainer.

    python bench/training.py --encoder=FOLDER --lareqa_dir=FOLDER

FOLDER: multilingual-e5-small in Hugging Face's layout; LAReQA's sets. Needs the
extra `bench`.

Both sides train all parameters on the pairs of our plan's first batches (32 of
MLQA-R, texts of at most 128 tokens, prefixes included), in its order: InfoNCE
over the batch at temperature .02 without masks, no dropout, AdamW at a constant
rate. Each turn starts from the encoder's weights and counts --steps steps: of
the peer with the making of its batches, tokenizing too, which it does in
training; ours are made ahead, some of them in the step before, which is not
counted, nor is the first round, which compiles. The peer has a process of its
own, as its users have. The losses of the first steps must agree.

Arithmetic is counted on real tokens: a token of a text of n tokens, in a layer
of width D, costs 6 operations for each entry of the layer's kernels (forward,
and twice that backward) and 12 n D in attention (queries by keys, weights by
values). The table's rows, norms and AdamW count nothing.

The parts of a step are programs of their own: the loss; the loss and the
gradient of all but the embeddings; the whole step. Parts are differences.
"""

import argparse
import sys
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from apart import Apart
from matrix import best_rates
from ours import Training, add_options, make_config, open_training
from turns import spread, table, take_turns

from hybrid_ir.allocator import keep_memory
from hybrid_ir.config import Adapt
from hybrid_ir.data.pipeline import iterate
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.step import batch_shardings, compile_step
from hybrid_ir.training.trainable import put, take

TOLERANCE = 1e-3  # of the first losses
# Name -> optimizer.embeddings, encoder.dtype.
OURS = {
  "ours, float32": ("lazy", "float32"),
  "ours, float32, dense table": ("dense", "float32"),
  "ours, bfloat16": ("lazy", "bfloat16"),
}
PEERS = {
  "sentence-transformers, float32": False,
  "sentence-transformers, bf16": True,
}


class Ours:
  """A variant of our training, run anew each turn."""

  def __init__(self, training: Training, steps: int):
    self._training = training
    self._steps = steps
    self._shardings = batch_shardings(training.mesh)
    self._step = compile_step(
      training.trainer, training.mesh, self.fresh_state()
    )
    self.losses: list[float] = []  # of the last turn
    first = [training.batches(step) for step in range(1 + steps)]
    real = [np.count_nonzero(batch["segments"]) for batch in first]
    self.real_tokens = sum(real) / sum(b["segments"].size for b in first)

  def fresh_state(self):
    """The state before step 0."""
    mesh, trainer = self._training.mesh, self._training.trainer
    state = trainer.init(self._training.params())
    return jax.device_put(state, mesh_lib.shardings(mesh, state))

  def run(self) -> float:
    """Seconds of all steps but the first."""
    state, losses, start = self.fresh_state(), [], 0.0
    training = self._training
    workers = training.config.data.workers
    for step, batch in iterate(training.batches, 0, 1 + self._steps, workers):
      placed = jax.device_put(dict(batch), self._shardings)
      state, metrics = self._step(state, placed)
      losses.append(metrics["loss"])
      if step == 0:
        jax.block_until_ready(state)
        start = time.perf_counter()
    jax.block_until_ready(state)
    seconds = time.perf_counter() - start
    self.losses = [float(loss) for loss in losses]
    return seconds

  def parts(self) -> dict[str, Callable[[], float]]:
    """By name, what measures a program's seconds on the first batch."""
    trainer, state = self._training.trainer, self.fresh_state()
    batch = jax.device_put(dict(self._training.batches(0)), self._shardings)
    held = [state]
    # The step takes its state's memory: the other programs have their own.
    params = jax.tree.map(jnp.copy, state["params"])
    frozen = Adapt(freeze_embeddings=True)

    def loss(x, whole, batch):
      return trainer.loss_of(put(whole, x, frozen), batch, None)[0]

    forward = jax.jit(loss)
    backward = jax.jit(jax.value_and_grad(loss))

    def step() -> object:
      held[0], metrics = self._step(held[0], batch)
      return held[0], metrics

    layers = take(params, frozen)
    return {
      "forward": _timed(lambda: forward(layers, params, batch)),
      "backward": _timed(lambda: backward(layers, params, batch)),
      "step": _timed(step),
    }


def _timed(run: Callable[[], object]) -> Callable[[], float]:
  def measure() -> float:
    start = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - start

  return measure


def operations(training: Training, steps: int) -> float:
  """Of the counted steps' real tokens, in GFLOP."""
  arch = training.model.contract.architecture
  shapes = jax.eval_shape(
    training.model.bi_encoder.encoder.init, jax.random.key(0)
  )
  kernels = sum(
    leaf.size
    for path, leaf in jax.tree_util.tree_leaves_with_path(shapes)
    if path[-1].key == "kernel"
  )
  count = 0
  for step in range(1, 1 + steps):
    batch = training.batches(step)
    n = _lengths(batch["segments"])
    attention = 12 * arch.layers * arch.hidden_size * n**2
    count += int((6 * kernels * n + attention).sum())
  return 1e-9 * count


def _lengths(segments: np.ndarray) -> np.ndarray:
  """[R, L] which text of its row a token is of -> tokens of each text."""
  rows = np.arange(len(segments))[:, None]
  texts = (rows * (1 + segments.max()) + segments)[segments > 0]
  return np.unique(texts, return_counts=True)[1]


def speed(variants, seconds, pairs: int) -> str:
  """Pairs/s of every variant, as ratios to the peer's two precisions.

  Args:
    variants: name -> what ran.
    seconds: name -> [rounds] of a turn.
    pairs: of a turn.
  """
  rows = [
    [
      name,
      spread(pairs / seconds[name], 1),
      *(spread(seconds[peer] / seconds[name]) for peer in PEERS),
      f"{variant.real_tokens:.0%}",
      f"{variant.losses[0]:.4f}",
      f"{variant.losses[-1]:.4f}",
    ]
    for name, variant in variants.items()
  ]
  head = ["", "pairs/s", *(f"× {name}" for name in PEERS), "real tokens"]
  return table([*head, "loss, first step", "last step"], rows)


def arithmetic(gflop: float, seconds: np.ndarray, rounds: int) -> str:
  """The rate of a turn's arithmetic on real tokens, beside a product's."""
  products = best_rates("float32", rounds)
  library = max(products, key=lambda name: float(np.median(products[name])))
  best = float(np.median(products[library]))
  rate = gflop / seconds
  head = ["", "GFLOP/s", "share"]
  rows = [
    [f"best float32 product ({library})", spread(products[library], 0), "1.00"],
    ["ours, on real tokens", spread(rate, 0), spread(rate / best)],
  ]
  return table(head, rows)


def profile(variants, rounds: int) -> str:
  """The shares of a step's parts, of our variants in float32."""
  parts = {
    (name, part): measure
    for name, variant in variants.items()
    for part, measure in variant.parts().items()
  }
  labels = {f"{name}: {part}": m for (name, part), m in parts.items()}
  found = take_turns(labels, rounds)
  rows = []
  for name in variants:
    forward, backward, step = (
      found[f"{name}: {part}"] for part in ("forward", "backward", "step")
    )
    shares = forward / step, (backward - forward) / step, 1 - backward / step
    milliseconds = spread(1000 * step, 0)
    rows.append([name, milliseconds, *(spread(share) for share in shares)])
  head = ["", "a step, ms", "forward", "backward", "AdamW and the embeddings"]
  return table(head, rows)


def main() -> None:
  """Measures by turns, then prints the tables."""
  keep_memory()  # as the command does
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add_options(parser)
  parser.add_argument("--steps", type=int, default=12, help="of a turn")
  options = parser.parse_args()
  import peer

  variants: dict[str, Ours | Apart] = {}
  for name, (embeddings, dtype) in OURS.items():
    config = make_config(options)
    config.optimizer.embeddings = embeddings
    config.encoder.dtype = dtype
    training = open_training(config)
    variants[name] = Ours(training, options.steps)
  queries, passages = training.texts(1 + options.steps)
  for name, bf16 in PEERS.items():
    variants[name] = Apart(peer.Training, config, queries, passages, bf16=bf16)
  found = take_turns(
    {name: variant.run for name, variant in variants.items()}, options.rounds
  )
  print(speed(variants, found, options.steps * config.train.batch_size))
  ours, peers = [*OURS], [*PEERS]
  gflop = operations(training, options.steps)
  print(arithmetic(gflop, found[ours[0]], options.rounds))
  print(profile({n: variants[n] for n in ours[:2]}, options.rounds))
  mine, theirs = (variants[n].losses[0] for n in (ours[0], peers[0]))
  if abs(mine - theirs) > TOLERANCE:
    sys.exit(f"the first losses differ: {mine} and {theirs}; not the same work")


if __name__ == "__main__":
  main()
