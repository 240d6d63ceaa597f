"""Prints what exact ranks cost: time and memory, by size of the pool.

    python bench/ranks.py [--rounds=5]

Random embeddings of 384 dimensions: as many queries, passages, languages and
relevant passages as XQuAD-R has, with the embeddings in memory; then a thousand
queries among a million passages in 18 languages, whose embeddings are in a file
(numpy.memmap). Every relevant passage is ranked in the pool of all and in its
language's, and the first 1,000 of each query are listed, as task=evaluate does.
Each size has a process of its own. Memory is that of the process beyond what it
has before it ranks; pages of the file, which the system takes back as it needs,
are not counted.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
from turns import spread, table

from hybrid_ir.retrieval import exact
from hybrid_ir.retrieval.ranking import Depths, Golds, Pool

DIMS = 384
LISTED = 1000
# queries, passages, languages, relevant passages a query, in a file
SIZES = {
  "XQuAD-R's": (13_090, 13_014, 11, 11, False),
  "a million": (1_000, 1_000_000, 18, 1, True),
}
_AT_ONCE = 2**16  # rows written


def anonymous_mib() -> float:
  """Memory of this process that is no file's."""
  status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
  (line,) = [x for x in status.splitlines() if x.startswith("RssAnon")]
  return int(line.split()[1]) / 1024


class Peak:
  """The most memory while a block runs, looked at every 10 ms. MiB."""

  def __enter__(self):
    self._over = threading.Event()
    self.mib = anonymous_mib()
    self._thread = threading.Thread(target=self._look)
    self._thread.start()
    return self

  def _look(self):
    while not self._over.wait(0.01):
      self.mib = max(self.mib, anonymous_mib())

  def __exit__(self, *_):
    self._over.set()
    self._thread.join()


def embeddings(rng, rows, path=None):
  """[rows, DIMS] of length 1, in memory or in a file."""
  found = np.empty((rows, DIMS), np.float32)
  if path:
    found = np.lib.format.open_memmap(
      path, "w+", np.float32, shape=(rows, DIMS)
    )
  for start in range(0, rows, _AT_ONCE):
    part = rng.standard_normal((min(_AT_ONCE, rows - start), DIMS), np.float32)
    part /= np.linalg.norm(part, axis=1, keepdims=True)
    found[start : start + len(part)] = part
  if not path:
    return found
  found.flush()
  return np.load(path, mmap_mode="r")


def measure(name, rounds, folder):
  """Ranks so many times after one that is not counted."""
  Q, C, L, relevant, stored = SIZES[name]
  rng = np.random.default_rng(0)
  texts = embeddings(rng, C, folder / "texts.npy" if stored else None)
  queries = embeddings(rng, Q)
  pool = Pool(np.arange(C, dtype=np.int32), np.arange(C, dtype=np.int32) % L, L)
  golds = Golds(
    np.arange(Q + 1, dtype=np.int64) * relevant,
    rng.integers(C, size=Q * relevant, dtype=np.int32),
  )
  depths = Depths(
    whole=LISTED,
    own=LISTED,
    query_languages=np.arange(Q, dtype=np.int32) % L,
  )
  before = anonymous_mib()
  seconds = []
  with Peak() as peak:
    for _ in range(1 + rounds):
      start = time.perf_counter()
      exact.rank(queries, texts, pool, golds, depths)
      seconds.append(time.perf_counter() - start)
  return {"seconds": seconds[1:], "mib": peak.mib - before}


def main():
  """Measures each size in a new process, then prints the table."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--rounds", type=int, default=5)
  parser.add_argument("--size", choices=SIZES, help="this one alone, as JSON")
  options = parser.parse_args()
  if options.size:
    with tempfile.TemporaryDirectory() as folder:
      found = measure(options.size, options.rounds, pathlib.Path(folder))
    print(json.dumps(found))
    return
  command = [sys.executable, __file__]
  rows = []
  for name, (Q, C, _, _, stored) in SIZES.items():
    done = subprocess.run(
      [*command, f"--size={name}", f"--rounds={options.rounds}"],
      env={**os.environ, "TQDM_DISABLE": "1"},
      stdout=subprocess.PIPE,
      text=True,
      check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    seconds = np.array(found["seconds"])
    rows.append(
      [
        *(f"{Q:,}", f"{C:,}", "a file" if stored else "memory"),
        spread(seconds, 1),
        spread(Q * C / seconds / 1e6, 0),
        f"{found['mib']:,.0f}",
      ]
    )
  head = ["queries", "passages", "in", "s", "million scores/s", "memory, MiB"]
  print(table(head, rows))


if __name__ == "__main__":
  main()
