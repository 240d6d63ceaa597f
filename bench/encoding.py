"""Prints the speed of encoding beside sentence-transformers, and its memory.

    python bench/encoding.py --encoder=FOLDER --lareqa_dir=FOLDER [--share=.1]

FOLDER: multilingual-e5-small in Hugging Face's layout; LAReQA's sets. Needs the
extra `bench`.

Both sides turn XQuAD-R's 13,090 questions and 13,014 sentences (--share: so
many of them, drawn with a fixed seed) into embeddings, tokenizing included,
prefixes and at most 128 tokens alike. The peer sorts by length itself; it has
the batch size, and in bf16 the way (weights in bfloat16, or autocast), that was
quickest on a sample of 512, and a process of its own, as its users have. Our
first pass, which compiles a program a shape, is not counted. In float32 both
must give the same embeddings.

Memory: task=encode of files of questions, repeated, in shards of half the
smaller file; the most that the process held, as the kernel says.
"""

import argparse
import contextlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
from apart import Apart
from ours import (
  LENGTH,
  ROOT,
  add_options,
  make_config,
  open_encoder,
)
from turns import spread, table, take_turns

from hybrid_ir.allocator import keep_memory
from hybrid_ir.config import Config
from hybrid_ir.evaluation.catalog import open_benchmark

TOLERANCE = 1e-4  # of an embedding's entries, in float32
PRECISIONS = ("float32", "bfloat16", "autocast")
BATCHES = (32, 64)
_SAMPLE = 512
_POLL_S = 0.05

Texts = tuple[list[str], list[str]]  # queries and passages, without prefixes


class Ours:
  """Our TextEncoder in a precision."""

  def __init__(self, config: Config, texts: Texts):
    self._encoder, self._params = open_encoder(config)
    self._texts = texts
    self.embeddings = np.zeros(0)

  def run(self) -> float:
    """Seconds to embed all texts."""
    queries, passages = self._texts
    start = time.perf_counter()
    parts = (
      self._encoder.queries(self._params, queries),
      self._encoder.passages(self._params, passages),
    )
    seconds = time.perf_counter() - start
    self.embeddings = np.concatenate(parts)
    return seconds


class Peer:
  """SentenceTransformer.encode in a precision, by batches of a size."""

  def __init__(self, config: Config, precision: str, batch: int, texts: Texts):
    import peer
    import torch

    self._model = peer.load(config.encoder.path)
    if precision == "bfloat16":
      self._model.to(torch.bfloat16)
    self._autocast = precision == "autocast"
    self._batch = batch
    self._prompts = config.text.query_prefix, config.text.passage_prefix
    self._texts = texts
    self.embeddings = np.zeros(0)
    self.name = f"{precision}, batches of {batch}"

  def run(self) -> float:
    """Seconds to embed all texts."""
    import torch

    autocast = contextlib.nullcontext()
    if self._autocast:
      autocast = torch.autocast("cpu", dtype=torch.bfloat16)
    start = time.perf_counter()
    with autocast:
      parts = [
        self._model.encode(
          part, prompt=prompt, batch_size=self._batch, show_progress_bar=False
        )
        for part, prompt in zip(self._texts, self._prompts, strict=True)
      ]
    seconds = time.perf_counter() - start
    self.embeddings = np.concatenate(parts)
    return seconds


def draw_texts(config: Config, share: float) -> Texts:
  """A share of XQuAD-R's queries and sentences, always the same."""
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  benchmark = open_benchmark("xquad_r", config.data, cache_dir)
  rng = np.random.default_rng(0)

  def draw(texts: Sequence[str]) -> list[str]:
    count = round(share * len(texts))
    chosen = rng.choice(len(texts), count, replace=False)
    return [texts[i] for i in np.sort(chosen)]

  return draw(benchmark.query_texts), draw(benchmark.passage_texts)


def quickest(config: Config, precisions: Sequence[str], texts: Texts) -> Apart:
  """The peer that embeds a sample of the texts first, given all of them."""
  half = _SAMPLE // 2
  seconds = {}
  for way in itertools.product(precisions, BATCHES):
    tried = Apart(Peer, config, *way, (texts[0][:half], texts[1][:half]))
    tried.run()  # warms up
    seconds[way] = tried.run()
  return Apart(Peer, config, *min(seconds, key=seconds.__getitem__), texts)


def speed(config: Config, options: argparse.Namespace) -> str:
  """The table of texts/s; ends the script where embeddings differ."""
  texts = draw_texts(config, options.share)
  ours = {}
  for dtype in ("float32", "bfloat16"):
    config.encoder.dtype = dtype
    ours[f"ours, {dtype}"] = Ours(config, texts)
  peers = {
    f"sentence-transformers, {made.name}": made
    for made in (
      quickest(config, PRECISIONS[:1], texts),
      quickest(config, PRECISIONS[1:], texts),
    )
  }
  for variant in ours.values():
    variant.run()  # every shape is compiled
  variants = {**ours, **peers}
  seconds = take_turns(
    {name: variant.run for name, variant in variants.items()},
    options.rounds,
    warm_up=0,
  )
  exact = next(iter(peers.values())).embeddings
  differences = {
    name: float(np.abs(variant.embeddings - exact).max())
    for name, variant in variants.items()
  }
  if differences["ours, float32"] > TOLERANCE:
    sys.exit(f"embeddings differ by {differences['ours, float32']:.1e}")
  count = sum(map(len, texts))
  rows = [
    [
      name,
      spread(count / seconds[name], 1),
      *(spread(seconds[peer] / seconds[name]) for peer in peers),
      f"{differences[name]:.1e}",
    ]
    for name in variants
  ]
  head = [f"{count:,} texts", "texts/s", *(f"× {name}" for name in peers)]
  return table([*head, "largest difference"], rows)


def memory(options: argparse.Namespace) -> str:
  """The table of the memory that task=encode needs, by the corpus' size."""
  config = make_config(options)
  questions, _ = draw_texts(config, 1.0)
  shard = max(min(options.memory_texts) // 2, 1)
  rows, first = [], 0.0
  for count in options.memory_texts:
    with tempfile.TemporaryDirectory() as folder:
      corpus = pathlib.Path(folder) / "corpus.jsonl"
      with corpus.open("w", encoding="utf-8") as file:
        for i, text in zip(range(count), itertools.cycle(questions)):
          file.write(json.dumps({"id": str(i), "text": text}) + "\n")
      peak = _peak(config, folder, corpus, shard)
    first = first or peak
    rows.append([f"{count:,}", f"{peak:,.0f}", f"{peak - first:+,.0f}"])
  head = ["passages", "peak memory, MiB", "growth, MiB"]
  return table(head, rows)


def _peak(
  config: Config, folder: str, corpus: pathlib.Path, shard: int
) -> float:
  """MiB that a process of task=encode held at most."""
  command = [
    *(sys.executable, "-m", "hybrid_ir.main"),
    f"--config={ROOT / 'configs' / 'e5_small_lareqa.py'}",
    f"--workdir={folder}/encoded",
    "--config.task=encode",
    f"--config.encode.corpus={corpus}",
    "--config.encode.language=en",
    f"--config.encode.shard_size={shard}",
    f"--config.encoder.path={config.encoder.path}",
    f"--config.cache_dir={config.cache_dir}",
    f"--config.text.query_length={LENGTH}",
    f"--config.text.passage_length={LENGTH}",
  ]
  environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # not what is installed
  process = subprocess.Popen(
    command, env=environment, stdout=subprocess.DEVNULL
  )
  # The last that its own entry says. Not rusage's, which begins with the peak
  # of the process that started it: of this one, after the table of speed.
  status = pathlib.Path(f"/proc/{process.pid}/status")
  peak = 0.0
  while process.poll() is None:
    for line in status.read_text().splitlines():
      if line.startswith("VmHWM"):
        peak = int(line.split()[1]) / 1024
    time.sleep(_POLL_S)
  if process.returncode:
    sys.exit(f"failed: {' '.join(command)}")
  return peak


def main() -> None:
  """Measures speed, then memory, and prints their tables."""
  keep_memory()  # as the command does
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add_options(parser)
  parser.add_argument(
    "--share", type=float, default=1.0, help="of the texts; 0: memory alone"
  )
  parser.add_argument(
    "--memory_texts",
    type=int,
    nargs="*",
    default=[10_000, 100_000],
    help="sizes of the corpora; none: no table",
  )
  options = parser.parse_args()
  if options.share:
    print(speed(make_config(options), options))
  if options.memory_texts:
    print(memory(options))


if __name__ == "__main__":
  main()
