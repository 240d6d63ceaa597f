"""Prints how cost grows with the batch, the corpus and the devices.

    python bench/growth.py [--figure=docs/growth.svg]

With the quickstart's encoder. Batches: token ids are drawn (queries of 16,
passages of 48), a batch is encoded in pieces of 32 pairs; the time of a step,
and the memory beside its arguments, as XLA says. Corpora: texts of the embedded
data set, repeated; the time to encode them, and to search all of them exactly
with 1,000 queries. Devices: a batch of 512 pairs shared out over some (CPU
devices, in a process of their own); operations and memory of one of them, as
XLA says, which counts the body of a loop once, whatever the devices.

The last row is the exponent: the slope of a straight line through the points,
both axes logarithmic. 1 is in proportion, 0 is flat, -1 is halved by doubling.
"""

import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import jax
import matplotlib.figure
import numpy as np
from ours import ROOT, load_config
from tqdm import tqdm
from turns import table

from hybrid_ir.allocator import keep_memory
from hybrid_ir.config import Config, Layout
from hybrid_ir.data.batch import Batch, arrange
from hybrid_ir.data.sources import open_source
from hybrid_ir.files import write_aside
from hybrid_ir.model.architecture import from_scratch
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.retrieval import nearest
from hybrid_ir.tasks.model import open_model
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.step import batch_shardings, compile_step, make_trainer

MIB = 2**20
DEVICES = (1, 2, 4, 8)
_SHARED = 512  # pairs that devices share
_PIECE = 32  # pairs encoded at once
_QUERIES = 1000


class Step:
  """A compiled step of a batch of drawn tokens."""

  def __init__(self, config: Config, pairs: int, chunks: int):
    arch = from_scratch(config.encoder, config.encoder.vocab_size)
    model = BiEncoder(Encoder(arch), "mean", dense=(), normalize=True)
    mesh = mesh_lib.make_mesh(-1)
    trainer = dataclasses.replace(make_trainer(config, model), chunks=chunks)
    state = jax.jit(lambda: trainer.init(model.init(jax.random.key(0))))()
    self._state = jax.device_put(state, mesh_lib.shardings(mesh, state))
    batch = draw_batch(
      pairs, arch.vocab_size, config.layout, mesh.devices.size * chunks
    )
    self._batch = jax.device_put(dict(batch), batch_shardings(mesh))
    jitted = compile_step(trainer, mesh, self._state)
    self._step = jitted.lower(self._state, self._batch).compile()
    self.mib = self._step.memory_analysis().temp_size_in_bytes / MIB
    self.gflop = self._step.cost_analysis()["flops"] / 1e9

  def seconds(self) -> float:
    """The least of three steps."""
    found = []
    for _ in range(3):
      start = time.perf_counter()
      done = self._step(self._state, self._batch)
      self._state, _ = jax.block_until_ready(done)
      found.append(time.perf_counter() - start)
    return min(found)


def draw_batch(
  pairs: int, vocab_size: int, layout: Layout, multiple: int
) -> Batch:
  """Queries of 16 tokens and passages of 48."""
  lengths = np.repeat([16, 48], pairs)
  rng = np.random.default_rng(0)
  tokens = rng.integers(5, vocab_size, lengths.sum()).astype(np.int32)
  return Batch(
    **arrange(tokens, lengths, layout, multiple),
    group=np.arange(pairs, dtype=np.int32),
    negative_group=np.zeros((pairs, 0), np.int32),
    teacher=np.full((pairs, 1), np.nan, np.float32),
  )


def of_batches(config: Config, sizes: Sequence[int]) -> np.ndarray:
  """[N, 2] seconds and MiB of a step."""
  found = []
  for size in tqdm(sizes, desc="batches", leave=False, disable=None):
    step = Step(config, size, max(size // _PIECE, 1))
    found.append((step.seconds(), step.mib))
  return np.array(found)


def of_corpora(config: Config, sizes: Sequence[int]) -> np.ndarray:
  """[N, 2] seconds to encode, and to search with 1,000 queries."""
  source = open_source("world_facts", "", config.data, pathlib.Path())
  with tempfile.TemporaryDirectory() as workdir:  # of no run
    model = open_model(config, pathlib.Path(workdir), [source])
  mesh = mesh_lib.make_mesh(-1)
  params = model.bi_encoder.init(jax.random.key(0))
  encoder = model.text_encoder(config, mesh)
  passages = [record.passage for record in source.read()]
  queries = encoder.queries(
    params, [r.query for r in itertools.islice(source.read(), _QUERIES)]
  )
  encoder.passages(params, passages)  # every shape is compiled
  found = []
  for size in tqdm(sizes, desc="corpora", leave=False, disable=None):
    texts = [*itertools.islice(itertools.cycle(passages), size)]
    start = time.perf_counter()
    embeddings = encoder.passages(params, texts)
    encoded = time.perf_counter()
    for _ in range(2):  # the first compiles
      searched = time.perf_counter()
      nearest.search(queries, embeddings, [(0, size)], 10)
    found.append((encoded - start, time.perf_counter() - searched))
  return np.array(found)


def of_devices() -> np.ndarray:
  """[N, 2] GFLOP and MiB of one device's part of a step."""
  found = []
  for count in tqdm(DEVICES, desc="devices", leave=False, disable=None):
    flags = f"--xla_force_host_platform_device_count={count}"
    done = subprocess.run(
      [sys.executable, __file__, "--one_device"],
      env={**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags},
      stdout=subprocess.PIPE,
      check=True,
    )
    found.append(json.loads(done.stdout))
  return np.array(found)


def exponents(sizes: Sequence[int], found: np.ndarray) -> np.ndarray:
  """[M] slopes of [N, M] figures over [N] sizes, in logarithms."""
  return np.polyfit(np.log(sizes), np.log(found), 1)[0]


def show(sizes: Sequence[int], found: np.ndarray, head: Sequence[str]) -> str:
  """The table of the figures, with the exponents in its last row."""
  rows = [
    [f"{size:,}", *(f"{x:,.{3 if x < 10 else 0}f}" for x in values)]
    for size, values in zip(sizes, found, strict=True)
  ]
  slopes = exponents(sizes, found)
  return table([*head], [*rows, ["exponent", *(f"{x:.2f}" for x in slopes)]])


def draw(path: pathlib.Path, panels) -> None:
  """Writes the curves, a panel a table, both axes logarithmic.

  Args:
    path: of the SVG.
    panels: (sizes, figures, head) as `show` takes them.
  """
  figure = matplotlib.figure.Figure((10, 3.2), layout="constrained")
  for axes, (sizes, found, head) in zip(
    figure.subplots(1, len(panels)), panels, strict=True
  ):
    for values, name, slope in zip(
      found.T, head[1:], exponents(sizes, found), strict=True
    ):
      axes.loglog(sizes, values, "o-", label=f"{name}: exponent {slope:.2f}")
    axes.set_xlabel(head[0])
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
  with write_aside(path) as aside:
    figure.savefig(aside, format="svg", metadata={"Date": None})


def main() -> None:
  """Measures, prints three tables, and draws them."""
  keep_memory()  # as the command does
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument(
    "--figure", type=pathlib.Path, default=ROOT / "docs" / "growth.svg"
  )
  sizes = {"type": int, "nargs": "+"}
  parser.add_argument(
    "--batches", **sizes, default=[32, 128, 512, 2048, 4096], help="in pairs"
  )
  parser.add_argument(
    "--corpora", **sizes, default=[10_000, 100_000, 1_000_000], help="in texts"
  )
  parser.add_argument(
    "--one_device", action="store_true", help="what it starts itself for"
  )
  options = parser.parse_args()
  config = load_config("quickstart.py")
  if options.one_device:
    step = Step(config, _SHARED, 1)
    print(json.dumps((step.gflop, step.mib)))
    return
  batches, corpora = options.batches, options.corpora
  panels = [
    (batches, of_batches(config, batches), ["pairs", "step, s", "memory, MiB"]),
    (corpora, of_corpora(config, corpora), ["texts", "encode, s", "search, s"]),
    (DEVICES, of_devices(), ["devices", "GFLOP of one", "memory of one, MiB"]),
  ]
  for panel in panels:
    print(show(*panel))
  draw(options.figure, panels)


if __name__ == "__main__":
  main()
