"""Embeddings to figures. From encode and benchmarks, to results and report.

Q queries, C candidates, U distinct passage texts, G golds, L languages,
P = L + 1 pools: each language's passages, then all of them.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import bias
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.cut import cut_measures
from hybrid_ir.evaluation.examples import Example, draw_examples
from hybrid_ir.evaluation.measures import average_precision, reciprocal_rank
from hybrid_ir.evaluation.results import SETTINGS, Result, needed, results
from hybrid_ir.retrieval import ann as approximate
from hybrid_ir.retrieval import exact

_EXAMPLES = 10
_EXAMPLE_HITS = 10
_SHARE_DEPTH = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Lists:
  """What was retrieved, best first; -1 and -inf pad."""

  top: np.ndarray  # [Q, K] int32 passages
  scores: np.ndarray  # [Q, K] float32


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
    approximate.load()
  _check_rows("query", query_embeddings, len(benchmark.query_ids))
  _check_rows("passage", text_embeddings, len(benchmark.distinct_texts))
  k = max(*cutoffs, _SHARE_DEPTH, _EXAMPLE_HITS)
  L = len(benchmark.languages)
  ranking = exact.rank(
    query_embeddings,
    text_embeddings,
    exact.Pool(benchmark.distinct_index, benchmark.passage_languages, L),
    benchmark.gold_offsets,
    benchmark.gold_passages,
    depth=max(k, run_depth) if "multi" in run_settings else k,
    language_depth=k,
  )
  ...
