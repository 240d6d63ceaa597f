"""Prints how fast batches come, what memory that takes, and tokenizing's rate.

    python bench/input.py [--sizes=100000,1000000,10000000] [--batch_size=128]
      [--step_pairs_per_s=N] [--encoder=FOLDER --lareqa_dir=FOLDER]

Corpora are made of drawn tokens (queries of 8 to 24, passages of 16 to 64), in
eleven languages of which an id has each with probability .6, and written to a
temporary folder: 2.5 GB for ten million pairs. A rate is the median of five
windows of 200 batches. "Held" is memory of the process' own beside the mapped
files, whose pages the kernel takes back when it needs them (Linux only): once
the plan stands, and the most that comes on top while 2,000 batches spread over
ten epochs are drawn.

The second table is the building of a corpus beside the bare tokenizers library
on the same texts in one list, by turns: world_facts with a tokenizer trained on
it, or XQuAD-R with that of --encoder.
"""

import argparse
import concurrent.futures
import contextlib
import json
import multiprocessing
import pathlib
import statistics
import tempfile
import time

import numpy as np
import tokenizers

from hybrid_ir.config import Data, Layout, Mix
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.batch import Batches
from hybrid_ir.data.corpus import open_corpus, open_store
from hybrid_ir.data.names import NamesWriter
from hybrid_ir.data.pipeline import iterate
from hybrid_ir.data.plan import Plan
from hybrid_ir.data.ragged import RaggedWriter
from hybrid_ir.data.records import Source
from hybrid_ir.data.sources import open_source
from hybrid_ir.prefixes import INSTRUCTION, Prefixes

LANGUAGES = 11
SHARE = 0.6  # of the ids, in each language
AT_ONCE = 100_000
WINDOWS, WINDOW = 5, 200
SPREAD = 2_000  # batches drawn far apart


def write_texts(folder, name, count, shortest, longest, rng):
  """`count` drawn texts; none takes more memory than a part of them."""
  with contextlib.closing(RaggedWriter(folder, name, np.int32)) as writer:
    for start in range(0, count, AT_ONCE):
      size = min(AT_ONCE, count - start)
      lengths = rng.integers(shortest, longest + 1, size).astype(np.int32)
      tokens = rng.integers(5, 30_000, lengths.sum(), dtype=np.int32)
      writer.write(tokens, lengths)


def write_store(folder, pairs):
  """A corpus of `pairs` records."""
  rng = np.random.default_rng(0)
  ids = round(pairs / LANGUAGES / SHARE)
  row_of = np.full((ids, LANGUAGES), -1, np.int32)
  has = rng.random(row_of.shape, np.float32) < SHARE
  pairs = int(has.sum())
  row_of[has] = np.arange(pairs, dtype=np.int32)
  folder.mkdir()
  arrays = {
    "row_of": row_of,
    "group_of": np.arange(ids, dtype=np.int32),
    "negatives_of": np.zeros(pairs + 1, np.int64),
    "negative_group": np.zeros(0, np.int32),
    "scores": np.full(pairs, np.nan, np.float32),
    "negative_scores": np.zeros(0, np.float32),
  }
  for name, values in arrays.items():
    np.save(folder / f"{name}.npy", values)
  with contextlib.closing(NamesWriter(folder, "ids")) as names:
    for start in range(0, ids, AT_ONCE):
      stop = min(start + AT_ONCE, ids)
      names.write_names([f"question-{i}" for i in range(start, stop)])
  write_texts(folder, "queries", pairs, 8, 24, rng)
  write_texts(folder, "passages", pairs, 16, 64, rng)
  write_texts(folder, "negatives", 0, 1, 1, rng)
  languages = [chr(ord("a") + i) for i in range(LANGUAGES)]
  manifest = {"name": "drawn", "languages": languages, "instructed": False}
  (folder / "manifest.json").write_text(json.dumps(manifest))


def held():
  """Bytes of the process that no file stands behind."""
  status = pathlib.Path("/proc/self/status").read_text()
  (line,) = (x for x in status.splitlines() if x.startswith("RssAnon"))
  return 1024 * int(line.split()[1])


def rate(batches, take):
  """Pairs a second, the median of some windows of batches."""
  take()  # the first warms up
  seconds = []
  for _ in range(WINDOWS):
    start = time.perf_counter()
    for _ in range(WINDOW):
      take()
    seconds.append(time.perf_counter() - start)
  return batches * WINDOW / statistics.median(seconds)


def measure(folder, batch_size, workers):
  """A row of the first table: (seconds, rates, bytes)."""
  before = held()
  start = time.perf_counter()
  corpus = open_store(folder, "drawn", "")
  plan = Plan([corpus], [None], Mix(), batch_size, seed=0)
  seconds = time.perf_counter() - start
  opened = held()
  layout = Layout(row_lengths=(64,))
  batches = Batches(plan, [corpus], 64, 64, layout, 0, 1, 1, 0)
  apart = max(1, 10 * len(corpus.queries) // batch_size // SPREAD)
  most = opened
  for i in range(SPREAD):
    batches(i * apart)
    if i % 20 == 0:
      most = max(most, held())
  steps = iter(range(10**9))
  alone = rate(batch_size, lambda: batches(next(steps)))
  stream = iterate(batches, 0, 10**9, workers)
  ahead = rate(batch_size, lambda: next(stream))
  stream.close()
  return seconds, alone, ahead, opened - before, most - opened


def print_drawing(options):
  """The first table, each size in a new process: freed memory is used again."""
  step = options.step_pairs_per_s
  print(
    "| pairs | open and plan, s | `Batches`, pairs/s | pipeline, pairs/s |"
    " held by the plan, MiB | growth while drawing, MiB |"
    + (" pipeline / step |" if step else "")
  )
  print("|---" * (7 if step else 6) + "|")
  spawn = multiprocessing.get_context("spawn")
  for pairs in map(int, options.sizes.split(",")):
    with (
      tempfile.TemporaryDirectory() as folder,
      concurrent.futures.ProcessPoolExecutor(
        1, spawn, max_tasks_per_child=1
      ) as processes,
    ):
      path = pathlib.Path(folder) / "store"
      processes.submit(write_store, path, pairs).result()
      row = processes.submit(
        measure, path, options.batch_size, options.workers
      ).result()
    seconds, alone, ahead, plan, growth = row
    print(
      f"| {pairs:,} | {seconds:.2f} | {alone:,.0f} | {ahead:,.0f} |"
      f" {plan / 2**20:.1f} | {growth / 2**20:.1f} |"
      + (f" {ahead / step:,.0f} |" if step else ""),
      flush=True,
    )


def print_tokenizing(options):
  """The second table."""
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder)
    data = Data()
    name = "world_facts"
    if options.lareqa_dir:
      name, data.lareqa_dir = "xquad_r", options.lareqa_dir
    records = [*open_source(name, "train", data, path).read()]
    prefixes = Prefixes("query: ", "passage: ", INSTRUCTION)
    texts = [prefixes.write_query(r.query, r.instruction) for r in records]
    texts += [prefixes.write_passage(r.passage) for r in records]
    if options.encoder:
      tokenizer = tokenizer_lib.load(options.encoder)
    else:
      tokenizer = tokenizer_lib.train_unigram(texts, 12_000)
    bare = tokenizers.Tokenizer.from_str(tokenizer.serialized)
    bare.no_truncation()
    bare.no_padding()
    rates = {"bare": [], "corpus": []}
    for i in range(WINDOWS + 1):  # the first warms up
      start = time.perf_counter()
      bare.encode_batch_fast(texts)
      rates["bare"].append(len(texts) / (time.perf_counter() - start))
      source = Source(name, str(i), lambda: iter(records))
      start = time.perf_counter()
      open_corpus(source, tokenizer, prefixes, path)
      rates["corpus"].append(len(texts) / (time.perf_counter() - start))
  one, other = (statistics.median(x[1:]) for x in rates.values())
  print("| texts | `encode_batch_fast`, texts/s | corpus, texts/s | ratio |")
  print("|---|---|---|---|")
  print(
    f"| {len(texts):,} of {name} | {one:,.0f} | {other:,.0f} |"
    f" {other / one:.2f} |"
  )


def main():
  """Prints both tables."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--sizes", default="100000,1000000,10000000")
  parser.add_argument("--batch_size", type=int, default=128)
  parser.add_argument("--workers", type=int, default=2)
  parser.add_argument("--step_pairs_per_s", type=float)
  parser.add_argument("--encoder", type=pathlib.Path)
  parser.add_argument("--lareqa_dir", default="")
  options = parser.parse_args()
  if options.sizes:
    print_drawing(options)
    print()
  print_tokenizing(options)


if __name__ == "__main__":
  main()
