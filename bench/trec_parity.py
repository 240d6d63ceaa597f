"""Our average precision beside trec_eval's, on a benchmark's full rankings.

A pretrained encoder's embeddings are ranked by `retrieval/exact.py`. The same
ranking is written as TREC runs of all candidates, which trec_eval (pytrec_eval,
through ir_measures) reads and scores: every query in the pool of its language,
and some queries, drawn by a seed, in the pool of all languages.

  python bench/trec_parity.py --e5=FOLDER --lareqa=FOLDER

Prints the largest difference and exits with 1 where it is over 1e-9. The
embeddings are kept in --cache; they take minutes, the rest seconds a language.
"""

import dataclasses
import hashlib
import pathlib
import sys
import tempfile

import ir_measures
import numpy as np
from absl import app, flags

from hybrid_ir import api
from hybrid_ir.config import Config
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.catalog import open_benchmark
from hybrid_ir.evaluation.evaluate import list_depths, rank_embeddings
from hybrid_ir.evaluation.measures import average_precision
from hybrid_ir.evaluation.runs import write_qrels, write_run
from hybrid_ir.files import write_aside

_E5 = flags.DEFINE_string("e5", None, "Encoder's folder.", required=True)
_LAREQA = flags.DEFINE_string("lareqa", "", "As data.lareqa_dir.")
_BENCHMARK = flags.DEFINE_string("benchmark", "xquad_r", "Its name.")
_CACHE_DIR = flags.DEFINE_string("cache_dir", "~/.cache/hybrid_ir", "Of data.")
_CACHE = flags.DEFINE_string(
  "cache", "~/.cache/hybrid_ir/trec_parity", "Folder of the embeddings."
)
_MULTI = flags.DEFINE_integer("multi", 100, "Queries in the pool of all.")
_SEED = flags.DEFINE_integer("seed", 0, "Of their choice.")

_TOLERANCE = 1e-9
_AT_ONCE = 100  # queries of a file: full rankings are long


def embeddings(benchmark: Benchmark) -> tuple[np.ndarray, np.ndarray]:
  """Of the queries [Q, D] and the distinct texts [U, D]."""
  texts = "\n".join((*benchmark.query_texts, *benchmark.distinct_texts))
  named = f"{pathlib.Path(_E5.value).resolve()}\n{texts}"
  key = hashlib.sha256(named.encode()).hexdigest()[:16]
  path = pathlib.Path(_CACHE.value).expanduser() / f"{key}.npz"
  if not path.exists():
    model = api.load(
      _E5.value, query_prefix="query: ", passage_prefix="passage: "
    )
    queries = model.encode(benchmark.query_texts, "query", progress="queries")
    passages = model.encode(
      benchmark.distinct_texts, "passage", progress="passages"
    )
    with write_aside(path) as aside, aside.open("wb") as file:
      np.savez(file, queries=queries, passages=passages)
  with np.load(path) as stored:
    return stored["queries"], stored["passages"]


def largest_difference(
  benchmark: Benchmark,
  queries: np.ndarray,
  texts: np.ndarray,
  rows: np.ndarray,
  pool: int,
) -> float:
  """Between our AP and trec_eval's.

  Args:
    benchmark: what is searched.
    queries: [Q, D] embeddings.
    texts: [U, D] embeddings.
    rows: the queries that are compared, with gold in the pool.
    pool: a language's number, or L for that of all.
  """
  L = len(benchmark.languages)
  setting = "multi" if pool == L else "mono"
  depth = (
    len(benchmark.passage_ids)
    if pool == L
    else int((benchmark.passage_languages == pool).sum())
  )
  part = take(benchmark, rows)
  ranking = rank_embeddings(
    part,
    queries[rows],
    texts,
    list_depths(part, run_settings=(setting,), run_depth=depth),
  )
  top, scores = (
    (ranking.top, ranking.top_scores)
    if pool == L
    else (ranking.own_top, ranking.own_scores)
  )
  gold = (pool == L) | (benchmark.passage_languages[part.gold_passages] == pool)
  ranks = ranking.gold_ranks if pool == L else ranking.gold_language_ranks
  ours = average_precision(ranks[gold], part.gold_queries[gold], len(rows))
  with tempfile.TemporaryDirectory() as folder:
    run, qrels = f"{folder}/run", f"{folder}/qrels"
    ids = part.query_ids, part.passage_ids
    write_run(run, "ours", *ids, top, scores)
    write_qrels(
      qrels,
      *ids,
      part.gold_queries[gold],
      part.gold_passages[gold],
      part.gold_grades[gold],
    )
    theirs = {
      metric.query_id: metric.value
      for metric in ir_measures.iter_calc(
        [ir_measures.AP],
        list(ir_measures.read_trec_qrels(qrels)),
        list(ir_measures.read_trec_run(run)),
      )
    }
  expected = np.array([theirs[id] for id in part.query_ids])
  return float(np.abs(ours - expected).max())


def take(benchmark: Benchmark, rows: np.ndarray) -> Benchmark:
  """The benchmark with these queries alone."""
  gold = np.isin(benchmark.gold_queries, rows)
  counts = np.diff(benchmark.gold_offsets)[rows]
  return dataclasses.replace(
    benchmark,
    query_ids=tuple(benchmark.query_ids[i] for i in rows),
    query_texts=tuple(benchmark.query_texts[i] for i in rows),
    query_languages=benchmark.query_languages[rows],
    gold_offsets=np.append(0, np.cumsum(counts)),
    gold_passages=benchmark.gold_passages[gold],
    gold_grades=benchmark.gold_grades[gold],
  )


def main(_: list[str]) -> None:
  """Compares, prints, and exits with 1 where they differ."""
  data = Config().data
  data.lareqa_dir = _LAREQA.value
  benchmark = open_benchmark(
    _BENCHMARK.value, data, pathlib.Path(_CACHE_DIR.value).expanduser()
  )
  queries, texts = embeddings(benchmark)
  L = len(benchmark.languages)
  gold_languages = benchmark.passage_languages[benchmark.gold_passages]
  worst = 0.0
  for pool, name in enumerate((*benchmark.languages, "all")):
    if pool == L:
      rng = np.random.default_rng(_SEED.value)
      rows = rng.permutation(len(benchmark.query_ids))[: _MULTI.value]
    else:
      own = benchmark.query_languages[benchmark.gold_queries] == pool
      rows = np.unique(benchmark.gold_queries[own & (gold_languages == pool)])
    rows = np.sort(rows)
    parts = np.split(rows, range(_AT_ONCE, len(rows), _AT_ONCE))
    difference = max(
      largest_difference(benchmark, queries, texts, part, pool)
      for part in parts
    )
    print(
      f"{name:4} {len(rows):6,} queries  largest difference {difference:.1e}",
      flush=True,
    )
    worst = max(worst, difference)
  print(f"largest difference {worst:.1e}; at most {_TOLERANCE:.0e} is wanted")
  sys.exit(int(worst > _TOLERANCE))


if __name__ == "__main__":
  app.run(main)
