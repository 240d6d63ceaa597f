"""Every measure, of every query in every pool. From a ranking, to results.

Arrays are [Q, P]: a query in a pool, NaN where it has no value there. P = L + 1
pools: each language's passages, then all of them. docs/measures.md lists the
measures.
"""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation import bias, measures
from hybrid_ir.evaluation.answers import answer_values
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.cut import cut_measures
from hybrid_ir.evaluation.peer import peer, peer_nonrelevant
from hybrid_ir.evaluation.preference import first_languages, own_language_first
from hybrid_ir.retrieval.ranking import Ranking

# How many passages `every_value` reads of the whole pool, and of the pool of
# the query's language; lists that are shorter are padded.
LIST_DEPTH = 20
OWN_LIST_DEPTH = 1

_AP_CUTOFF = 20  # XTREME-R's
_PEER_CUTOFF = LIST_DEPTH
_SHARE_CUTOFF = 10


def measure_names(cutoffs: Sequence[int]) -> tuple[str, ...]:
  """What `every_value` measures, of sentences.

  Args:
    cutoffs: k of recall, precision, f1, success and ndcg.
  """
  families = ("recall", "precision", "f1", "success", "ndcg")
  return (
    *("map", f"map@{_AP_CUTOFF}", "mrr"),
    *(f"{family}@{k}" for family in families for k in cutoffs),
    *("rank_distance", f"language_divergence@{_SHARE_CUTOFF}"),
    *(f"own_language_share@{_SHARE_CUTOFF}", "own_language_first"),
    *(f"peer@{_PEER_CUTOFF}", f"peer_nonrelevant@{_PEER_CUTOFF}"),
    *("token_f1", "exact_match"),
  )


def every_value(
  benchmark: Benchmark,
  ranking: Ranking,
  wanted: np.ndarray,
  cutoffs: Sequence[int],
) -> dict[str, np.ndarray]:
  """All measures of a ranking, where wanted.

  Args:
    benchmark: what was searched.
    ranking: of any source; `top` at least LIST_DEPTH wide, `own_top` at least
      OWN_LIST_DEPTH.
    wanted: [Q, P] bool.
    cutoffs: k of recall, precision, f1, success and ndcg. They are computed
      from ranks, so k may exceed the lists.

  Returns:
    measure -> [Q, P] float64; NaN where not wanted, too.

  Raises:
    ValueError: lists that are too short.
  """
  widths = ranking.top.shape[1], ranking.own_top.shape[1]
  if widths[0] < LIST_DEPTH or widths[1] < OWN_LIST_DEPTH:
    raise ValueError(
      f"lists of {widths} passages; expected {(LIST_DEPTH, OWN_LIST_DEPTH)}"
    )
  values = _relevance_values(benchmark, ranking, cutoffs)
  values |= _bias_values(benchmark, ranking)
  if benchmark.unit.startswith("sentence"):
    values |= _answer_values(benchmark, ranking)
  return {name: np.where(wanted, v, np.nan) for name, v in values.items()}


def cut_values(
  names: Sequence[str],
  benchmark: Benchmark,
  wanted: np.ndarray,
  top: np.ndarray,
  scores: np.ndarray,
) -> dict[str, np.ndarray]:
  """Measures of the first k of lists without exact ranks, where wanted.

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


def _relevance_values(
  benchmark: Benchmark, ranking: Ranking, cutoffs: Sequence[int]
) -> dict[str, np.ndarray]:
  """What every pool has."""
  Q, L = len(benchmark.query_ids), len(benchmark.languages)
  ranks, groups = _in_both_pools(benchmark, ranking)
  grades = np.tile(benchmark.gold_grades, 2)
  count = Q * (L + 1)
  flat = {
    "map": measures.average_precision(ranks, groups, count),
    f"map@{_AP_CUTOFF}": measures.average_precision(
      ranks, groups, count, _AP_CUTOFF
    ),
    "mrr": measures.reciprocal_rank(ranks, groups, count),
  }
  for name, measure in (
    ("recall", measures.recall),
    ("precision", measures.precision),
    ("f1", measures.f1),
    ("success", measures.success),
  ):
    for k in cutoffs:
      flat[f"{name}@{k}"] = measure(ranks, groups, count, k)
  for k in cutoffs:
    flat[f"ndcg@{k}"] = measures.ndcg(ranks, grades, groups, count, k)
  return {name: values.reshape(Q, -1) for name, values in flat.items()}


def _bias_values(
  benchmark: Benchmark, ranking: Ranking
) -> dict[str, np.ndarray]:
  """What only the pool of all has."""
  Q, L = len(benchmark.query_ids), len(benchmark.languages)
  queries, passages = benchmark.gold_queries, benchmark.gold_passages
  asked, answered = benchmark.query_languages, benchmark.passage_languages
  shares = bias.language_shares(ranking.top[:, :_SHARE_CUTOFF], answered, L)
  pool = np.bincount(answered, minlength=L) / len(answered)
  first = first_languages(
    ranking.gold_ranks, answered[passages], queries, asked
  )
  by_query = {
    "rank_distance": bias.rank_distance(ranking.gold_ranks, queries, Q),
    f"language_divergence@{_SHARE_CUTOFF}": bias.language_divergence(
      shares, pool
    ),
    f"own_language_share@{_SHARE_CUTOFF}": bias.own_language_share(
      shares, asked
    ),
    "own_language_first": own_language_first(first, asked),
    f"peer@{_PEER_CUTOFF}": peer(
      ranking.gold_ranks,
      benchmark.gold_grades,
      answered[passages],
      queries,
      Q,
      _PEER_CUTOFF,
    ),
    f"peer_nonrelevant@{_PEER_CUTOFF}": peer_nonrelevant(
      ranking.top[:, :_PEER_CUTOFF], answered, queries, passages
    ),
  }
  return {
    name: np.where(np.arange(L + 1) == L, values[:, None], np.nan)
    for name, values in by_query.items()
  }


def _answer_values(
  benchmark: Benchmark, ranking: Ranking
) -> dict[str, np.ndarray]:
  """What only the pool of a query's own language has."""
  by_query = answer_values(
    ranking.own_top[:, 0],
    benchmark.query_languages,
    benchmark.gold_queries,
    benchmark.gold_passages,
    benchmark.passage_shown,
    benchmark.passage_languages,
    benchmark.languages,
  )
  pools = np.arange(len(benchmark.languages) + 1)
  here = pools == benchmark.query_languages[:, None]
  return {
    name: np.where(here, values[:, None], np.nan)
    for name, values in by_query.items()
  }


def _in_both_pools(
  benchmark: Benchmark, ranking: Ranking
) -> tuple[np.ndarray, np.ndarray]:
  """Each gold twice: in its language's pool, then in that of all.

  Returns:
    ranks [2 G]; groups [2 G]: query * P + pool.
  """
  L = len(benchmark.languages)
  first = benchmark.gold_queries * (L + 1)
  languages = benchmark.passage_languages[benchmark.gold_passages]
  return (
    np.concatenate([ranking.gold_language_ranks, ranking.gold_ranks]),
    np.concatenate([first + languages, first + L]),
  )


def _qrels(
  benchmark: Benchmark, pool: int, wanted: np.ndarray
) -> dict[str, dict[str, int]]:
  """The grades in a pool, of the queries that are wanted [Q]."""
  queries, passages = benchmark.gold_queries, benchmark.gold_passages
  here = wanted[queries]
  if pool < len(benchmark.languages):
    here &= benchmark.passage_languages[passages] == pool
  qrels: dict[str, dict[str, int]] = {}
  for query, passage, grade in zip(
    queries[here].tolist(),
    passages[here].tolist(),
    benchmark.gold_grades[here].tolist(),
    strict=True,
  ):
    gold = qrels.setdefault(benchmark.query_ids[query], {})
    gold[benchmark.passage_ids[passage]] = grade
  return qrels
