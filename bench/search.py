"""Prints the speed of search in a large corpus, beside faiss at equal recall.

    python bench/search.py [--size=1000000] [--depths=10,100] [--recall=.95]
    python bench/search.py --encoder=FOLDER --lareqa_dir=FOLDER [--share=1]

Extra: bench. Without --encoder the corpus is synthetic: unit vectors of 384
dimensions in clusters of 100, of a mixture with seed 0. A cluster's centre is
normal with standard deviation 1 / sqrt(j) in dimension j, a vector adds noise
of the same kind, .7 times as large, and all are turned by one random rotation:
as in embeddings, a few dozen directions hold most of the variance. The queries
are of these clusters.

With --encoder (multilingual-e5-small in Hugging Face's layout) it is the
embeddings of the sentences of XQuAD-R and MLQA-R, and copies of them with
noise: x + .5 (a - b), made of length 1 again, where a and b are two other
sentences' embeddings, drawn for each copy. The queries are their questions, as
they are. --embeddings keeps what was encoded, or finds it there; --share takes
so many of the texts, drawn with a fixed seed.

Each method has a process of its own. It is swept over what a search looks at,
ScaNN as `ann` tunes it, faiss in steps of a tenth (IVF of 4,096 lists, fewer
below 160,000 vectors; HNSW with M = 32), to the settings next to the recall on
both sides; these take turns, and the time at the recall itself is taken from
the line through their times' logarithms. Where there is one setting, that is
what is timed, at its own recall. Queries come all at once, on all cores.
Memory is the most that building added to the process, with the passages held
already.
"""

import argparse
import pathlib
import sys
import tempfile
from collections.abc import Callable

import numpy as np
import search_corpora
from apart import Apart
from ours import make_config
from search_methods import KINDS, Method
from turns import spread, table, take_turns

from hybrid_ir.config import Config
from hybrid_ir.retrieval import nearest


def main() -> None:
  """Makes a corpus, builds, sweeps, measures by turns, prints the tables."""
  options = _options()
  if options.encoder:
    kept = pathlib.Path(options.embeddings) if options.embeddings else None
    real = search_corpora.real_embeddings(
      make_config(options), options.share, kept
    )
    corpus = search_corpora.jittered(real, options.size, options.queries)
  else:
    corpus = search_corpora.synthetic(options.size, options.queries)
  depths = [int(depth) for depth in options.depths.split(",")]
  passages, queries = corpus
  spans = [(0, len(passages))]
  exact, _ = nearest.search(queries, passages, spans, max(depths))
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for part, array in zip(
      ("passages", "queries", "exact"), (*corpus, exact), strict=True
    ):
      np.save(folder / f"{part}.npy", array)
    del corpus, passages
    methods = {}
    for kind in KINDS:
      print(f"{kind} ...", file=sys.stderr, flush=True)
      methods[kind] = Apart(Method, kind, folder, depths, options.recall)
    found = measure(methods, options.rounds)
  for depth in depths:
    print(lines(methods, found, depth, len(queries), options))
  for method in methods.values():
    if method.said:
      print(method.said)


def measure(
  methods: dict[str, Apart], rounds: int
) -> dict[str, dict[int, np.ndarray]]:
  """By method and depth, the seconds of the rounds that count: [rounds]."""
  seconds: dict[str, list[dict[int, float]]] = {name: [] for name in methods}

  def turn(name: str) -> Callable[[], float]:
    def run() -> float:
      total = methods[name].run()
      seconds[name].append(methods[name].latest)
      return total

    return run

  take_turns({name: turn(name) for name in methods}, rounds)
  return {
    name: {
      depth: np.array([one[depth] for one in history[-rounds:]])
      for depth in history[0]
    }
    for name, history in seconds.items()
  }


def lines(
  methods: dict[str, Apart],
  found: dict[str, dict[int, np.ndarray]],
  depth: int,
  queries: int,
  options: argparse.Namespace,
) -> str:
  """A depth's table of queries/s, with ratios to every search of faiss'."""
  peers = [name for name in methods if name.startswith("faiss")]
  rows = [
    [
      name,
      method.parameters,
      method.settings[depth],
      f"{method.recalls[depth]:.3f}",
      f"{method.build_s:,.1f}",
      f"{method.peak_gib:.2f}",
      spread(queries / found[name][depth], 0),
      *(spread(found[peer][depth] / found[name][depth]) for peer in peers),
    ]
    for name, method in methods.items()
  ]
  what = "embeddings, with noise" if options.encoder else "vectors"
  head = [f"{options.size:,} {what}", "index", "setting", f"recall@{depth}"]
  head += ["build, s", "memory, GiB", "queries/s"]
  return table([*head, *(f"× {name}" for name in peers)], rows)


def _options() -> argparse.Namespace:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--size", type=int, default=1_000_000, help="vectors")
  parser.add_argument("--queries", type=int, default=1000, help="at most")
  parser.add_argument("--depths", default="10,100", help="k, by commas")
  parser.add_argument("--recall", type=float, default=0.95, help="of all")
  parser.add_argument("--rounds", type=int, default=5, help="that count")
  parser.add_argument("--encoder", help="folder of multilingual-e5-small")
  parser.add_argument("--lareqa_dir", default="", help="as data.lareqa_dir")
  parser.add_argument(
    "--cache_dir", default=Config().cache_dir, help="as cache_dir"
  )
  parser.add_argument("--embeddings", help="folder that keeps real embeddings")
  parser.add_argument("--share", type=float, default=1, help="of the texts")
  return parser.parse_args()


if __name__ == "__main__":
  main()
