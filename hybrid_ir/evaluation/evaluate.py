"""Embeddings to figures. From encode and benchmarks, to results and report.

Q queries, C candidates, U distinct passage texts, G golds, L languages,
P = L + 1 pools: each language's passages, then all of them.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.bias import language_share
from hybrid_ir.evaluation.examples import Example, draw_examples
from hybrid_ir.evaluation.lists import Lists, mono_lists, scann_lists
from hybrid_ir.evaluation.per_query import cut_values, uncut_values
from hybrid_ir.evaluation.results import SETTINGS, Result, needed, results
from hybrid_ir.retrieval import ann as scann_search
from hybrid_ir.retrieval import exact

_EXAMPLES = 10
_FRONT = 10  # passages that an example shows and the language share counts


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
  """A benchmark's figures and what the report shows beside them."""

  results: tuple[Result, ...]
  per_query: Mapping[str, np.ndarray]  # exact: measure -> [Q, P], or NaN
  language_share: np.ndarray  # [L query, L passage] in the multilingual top 10
  pool_share: np.ndarray  # [L] of the candidates
  examples: tuple[Example, ...]
  runs: Mapping[str, Lists]  # setting (mono, multi) -> run_depth a query


def evaluate(
  benchmark: Benchmark,
  query_embeddings: np.ndarray,
  text_embeddings: np.ndarray,
  *,
  settings: Sequence[str] = SETTINGS,
  cutoffs: Sequence[int] = (1, 5, 10),
  run_settings: Sequence[str] = ("multi",),
  run_depth: int = 1000,
  ann: bool = False,
  seed: int = 0,
) -> Evaluation:
  """Scores embeddings by LAReQA's protocol (Roy et al., EMNLP 2020).

  mono: a query in the pool of its language; cross: in the pool of each other
  language; multi: in the pool of all. In a language's pool the gold is that
  language's; a query without gold there is dropped and counted.

  Args:
    benchmark: queries, candidates and gold.
    query_embeddings: [Q, D] float32.
    text_embeddings: [U, D] float32, of `benchmark.distinct_texts`.
    settings: of mono, cross, multi.
    cutoffs: k of recall@k and success@k; nDCG's is the largest.
    run_settings: of mono and multi, whose lists to keep.
    run_depth: passages a query in them; 0 keeps none.
    ann: also search with ScaNN; adds the cut measures of its lists, and
      ann_recall@k against the exact lists.
    seed: of the example queries.

  Raises:
    UserError: embeddings that are not the benchmark's, or not finite.
    AnnUnavailableError: `ann`, and ScaNN is not installed; before any work.
  """
  if ann:
    scann_search.load()
  _check_count("query", query_embeddings, len(benchmark.query_ids))
  _check_count("passage", text_embeddings, len(benchmark.distinct_texts))
  L = len(benchmark.languages)
  depth = max(*cutoffs, _FRONT)
  ranking = exact.rank(
    query_embeddings,
    text_embeddings,
    exact.Pool(benchmark.distinct_index, benchmark.passage_languages, L),
    benchmark.gold_offsets,
    benchmark.gold_passages,
    depth=max(depth, run_depth) if "multi" in run_settings else depth,
    language_depth=depth,
  )
  multi = Lists(ranking.top, ranking.top_scores)
  by_pool = Lists(
    np.append(ranking.language_top, multi.top[:, None, :depth], axis=1),
    np.append(ranking.language_scores, multi.scores[:, None, :depth], axis=1),
  )  # [Q, P, depth]
  wanted = needed(benchmark, settings)
  names = [f"{name}@{k}" for name in ("recall", "success") for k in cutoffs]
  names.append(f"ndcg@{max(cutoffs)}")
  per_query = uncut_values(benchmark, ranking)
  per_query |= cut_values(names, benchmark, wanted, by_pool.top, by_pool.scores)
  figures = results(benchmark, per_query, settings, "exact")
  if ann:
    found = scann_lists(
      benchmark, query_embeddings, text_embeddings, wanted, depth
    )
    values = cut_values(names, benchmark, wanted, found.top, found.scores)
    k = max(cutoffs)
    values[f"ann_recall@{k}"] = np.where(
      wanted,
      scann_search.recall(found.top[..., :k], by_pool.top[..., :k]),
      np.nan,
    )
    figures += results(benchmark, values, settings, "scann")
  runs = {}
  if run_depth and "multi" in run_settings:
    runs["multi"] = Lists(multi.top[:, :run_depth], multi.scores[:, :run_depth])
  if run_depth and "mono" in run_settings:
    runs["mono"] = mono_lists(
      benchmark, query_embeddings, text_embeddings, run_depth
    )
  sizes = np.bincount(benchmark.passage_languages, minlength=L)
  return Evaluation(
    results=tuple(figures),
    per_query=per_query,
    language_share=language_share(
      multi.top[:, :_FRONT],
      benchmark.query_languages,
      benchmark.passage_languages,
      L,
    ),
    pool_share=sizes / sizes.sum(),
    examples=draw_examples(
      benchmark,
      multi.top[:, :_FRONT],
      multi.scores[:, :_FRONT],
      count=_EXAMPLES,
      seed=seed,
    ),
    runs=runs,
  )


def _check_count(name: str, embeddings: np.ndarray, count: int) -> None:
  if embeddings.ndim != 2 or len(embeddings) != count:
    raise UserError(
      f"{name} embeddings have shape {embeddings.shape}; the benchmark expects"
      f" {count} rows: encode it again"
    )
