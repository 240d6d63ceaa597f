"""Every measure, of every query in every pool. From ranks, to results.

Arrays are [Q, P]: a query in a pool, NaN where it has no value there. P = L + 1
pools: each language's passages, then all of them.
"""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation import bias
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.cut import cut_measures
from hybrid_ir.evaluation.measures import average_precision, reciprocal_rank
from hybrid_ir.retrieval.exact import Ranking


def uncut_values(
  benchmark: Benchmark, ranking: Ranking
) -> dict[str, np.ndarray]:
  """MAP, MRR and, in the pool of all, the rank distance."""
  Q, L = len(benchmark.query_ids), len(benchmark.languages)
  queries = benchmark.gold_queries
  pools = benchmark.passage_languages[benchmark.gold_passages]
  values = {}
  for name, measure in (("map", average_precision), ("mrr", reciprocal_rank)):
    by_language = measure(
      ranking.gold_language_ranks, queries * L + pools, Q * L
    )
    values[name] = np.column_stack(
      [by_language.reshape(Q, L), measure(ranking.gold_ranks, queries, Q)]
    )
  values["rank_distance"] = np.full((Q, L + 1), np.nan)
  values["rank_distance"][:, L] = bias.rank_distance(
    ranking.gold_ranks, queries, Q
  )
  return values


def cut_values(
  names: Sequence[str],
  benchmark: Benchmark,
  wanted: np.ndarray,
  top: np.ndarray,
  scores: np.ndarray,
) -> dict[str, np.ndarray]:
  """Measures of the first k, where wanted.

  Args:
    names: such as `recall@5`, of `cut.cut_measures`.
    benchmark: what was searched.
    wanted: [Q, P] bool.
    top: [Q, P, K] passages of each pool, best first; -1 pads.
    scores: [Q, P, K].
  """
  by_pool = [
    cut_measures(
      names,
      _qrels(benchmark, pool, wanted[:, pool]),
      benchmark.query_ids,
      benchmark.passage_ids,
      top[:, pool],
      scores[:, pool],
    )
    for pool in range(wanted.shape[1])
  ]
  return {
    name: np.column_stack([values[name] for values in by_pool])
    for name in names
  }


def _qrels(
  benchmark: Benchmark, pool: int, wanted: np.ndarray
) -> dict[str, dict[str, int]]:
  """The gold in a pool, of the queries that are wanted [Q]."""
  queries, passages = benchmark.gold_queries, benchmark.gold_passages
  here = wanted[queries]
  if pool < len(benchmark.languages):
    here &= benchmark.passage_languages[passages] == pool
  qrels: dict[str, dict[str, int]] = {}
  for query, passage in zip(
    queries[here].tolist(), passages[here].tolist(), strict=True
  ):
    gold = qrels.setdefault(benchmark.query_ids[query], {})
    gold[benchmark.passage_ids[passage]] = 1
  return qrels
