"""Scores an exported model without our code for models, search or measures.

Plain sentence-transformers encodes, plain numpy ranks and averages; what comes
out is to be compared with WORKDIR/results.jsonl of the model's own run.

  python bench/score_export.py --export=FOLDER --results=WORKDIR/results.jsonl \
    --benchmark=xquad_r --lareqa_dir=FOLDER

Needs the extra `parity`. XQuAD-R's 26,104 texts take 7 minutes on two cores.
"""

import json
import pathlib

import numpy as np
from absl import app, flags
from sentence_transformers import SentenceTransformer

from hybrid_ir.config import Data
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.catalog import open_benchmark
from hybrid_ir.evaluation.results import mean_pool

_EXPORT = flags.DEFINE_string("export", None, "Exported folder.", required=True)
_RESULTS = flags.DEFINE_string("results", "", "results.jsonl to compare with.")
_BENCHMARK = flags.DEFINE_string("benchmark", "xquad_r", "Its name.")
_LAREQA = flags.DEFINE_string("lareqa_dir", "", "As data.lareqa_dir.")
_CACHE = flags.DEFINE_string("cache_dir", "~/.cache/hybrid_ir", "As cache_dir.")


def average_precision(scores: np.ndarray, gold: np.ndarray) -> float:
  """Uncut AP of scores [C] whose ties the lower index wins; gold [C] bool."""
  order = np.argsort(-scores, kind="stable")
  ranks = np.flatnonzero(gold[order]) + 1
  return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


def mean_average_precision(
  benchmark: Benchmark, queries: np.ndarray, passages: np.ndarray
) -> dict[str, float]:
  """Macro means over the cells of mono, cross and multi, by LAReQA's rule.

  Args:
    benchmark: what is searched.
    queries: [Q, E].
    passages: [C, E], in the benchmark's order: by id, descending.
  """
  L = len(benchmark.languages)
  cells: dict[tuple[int, int], list[float]] = {}
  for q, language in enumerate(benchmark.query_languages):
    scores = passages @ queries[q]
    first, last = benchmark.gold_offsets[q : q + 2]
    gold = np.zeros(len(passages), bool)
    gold[benchmark.gold_passages[first:last]] = True
    for pool in range(L + 1):
      member = (
        benchmark.passage_languages == pool
        if pool < L
        else np.ones(len(passages), bool)
      )
      if gold[member].any():
        ap = average_precision(scores[member], gold[member])
        cells.setdefault((int(language), pool), []).append(ap)
  settings: dict[str, list[float]] = {"mono": [], "cross": [], "multi": []}
  for (language, pool), values in cells.items():
    name = "multi" if pool == L else "mono" if pool == language else "cross"
    settings[name].append(float(np.mean(values)))
  return {name: float(np.mean(values)) for name, values in settings.items()}


def ours(path: str, benchmark: str) -> dict[str, float]:
  """The same figures of our own evaluation, of its last step."""
  figures = {}
  for text in pathlib.Path(path).read_text().splitlines():
    line = json.loads(text)
    if (
      line["benchmark"] == benchmark
      and line["measure"] == "map"
      and line["search"] == "exact"
      and line["query_language"] == "*"
      and line["passage_language"] == mean_pool(line["setting"])
    ):
      figures[line["setting"]] = line["value"]
  return figures


def main(argv: list[str]) -> None:
  """Prints a row a setting."""
  del argv
  benchmark = open_benchmark(
    _BENCHMARK.value,
    Data(lareqa_dir=_LAREQA.value),
    pathlib.Path(_CACHE.value).expanduser(),
  )
  model = SentenceTransformer(_EXPORT.value, device="cpu")
  queries = model.encode(
    list(benchmark.query_texts), prompt_name="query", show_progress_bar=True
  )
  passages = model.encode(
    list(benchmark.passage_texts), prompt_name="passage", show_progress_bar=True
  )
  theirs = mean_average_precision(benchmark, queries, passages)
  stored = ours(_RESULTS.value, benchmark.name) if _RESULTS.value else {}
  print("| mAP | sentence-transformers + numpy | hybrid_ir | difference |")
  print("|---|---|---|---|")
  for name, value in theirs.items():
    own = stored.get(name, float("nan"))
    print(f"| {name} | {value:.4f} | {own:.4f} | {value - own:+.5f} |")


if __name__ == "__main__":
  app.run(main)
