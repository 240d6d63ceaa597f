"""A ranking to figures. From any system's ranking, to results and report.

Q queries, C candidates, U distinct passage texts, G golds, L languages,
P = L + 1 pools: each language's passages, then all of them.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from hybrid_ir.config import SETTINGS
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.bias import language_share
from hybrid_ir.evaluation.examples import Example, draw_examples
from hybrid_ir.evaluation.lists import Lists
from hybrid_ir.evaluation.per_query import (
  LIST_DEPTH,
  OWN_LIST_DEPTH,
  cut_values,
  every_value,
)
from hybrid_ir.evaluation.preference import first_languages, language_preference
from hybrid_ir.evaluation.results import Result, needed, results
from hybrid_ir.retrieval import ann, exact
from hybrid_ir.retrieval.ranking import Depths, Golds, Pool, Ranking

CUTOFFS = (1, 5, 10, 100)
_EXAMPLES = 10
_FRONT = 10  # passages that an example shows and the language share counts


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
  """A benchmark's figures and what the report shows beside them."""

  results: tuple[Result, ...]
  per_query: Mapping[str, np.ndarray]  # measure -> [Q, P], or NaN
  language_share: np.ndarray  # [L query, L passage] in the multilingual top 10
  preference: np.ndarray  # [L query, L passage] whose gold comes first
  pool_share: np.ndarray  # [L] of the candidates
  examples: tuple[Example, ...]
  front: Lists  # [Q, 10] of the multilingual pool; -1 where it has no meaning
  runs: Mapping[str, Lists]  # setting (mono, multi) -> run_depth a query


def list_depths(
  benchmark: Benchmark,
  *,
  approximate: int = 0,
  run_settings: Sequence[str] = (),
  run_depth: int = 0,
) -> Depths:
  """How long a ranking's lists must be, to be evaluated.

  Args:
    benchmark: what is searched.
    approximate: k of the approximate lists that stand beside it; 0: none.
    run_settings: of mono and multi, whose lists to keep.
    run_depth: passages a query in them.
  """
  return Depths(
    whole=max(LIST_DEPTH, approximate, run_depth * ("multi" in run_settings)),
    language=approximate,
    own=max(OWN_LIST_DEPTH, run_depth * ("mono" in run_settings)),
    query_languages=benchmark.query_languages,
  )


def rank_embeddings(
  benchmark: Benchmark,
  query_embeddings: np.ndarray,
  text_embeddings: np.ndarray,
  depths: Depths,
) -> Ranking:
  """Ranks by dot products, exactly.

  Args:
    benchmark: what is searched.
    query_embeddings: [Q, D].
    text_embeddings: [U, D] of `benchmark.distinct_texts`; may be a memmap.
    depths: of the lists.

  Raises:
    UserError: embeddings that are not the benchmark's, or not finite.
  """
  _check_count("query", query_embeddings, len(benchmark.query_ids))
  _check_count("passage", text_embeddings, len(benchmark.distinct_texts))
  return exact.rank(
    query_embeddings,
    text_embeddings,
    Pool(
      benchmark.distinct_index,
      benchmark.passage_languages,
      len(benchmark.languages),
    ),
    Golds(benchmark.gold_offsets, benchmark.gold_passages),
    depths,
  )


def settings_of(benchmark: Benchmark, asked: Sequence[str]) -> tuple[str, ...]:
  """Those of the settings that have a meaning in a benchmark.

  Raises:
    UserError: none has.
  """
  settings = tuple(name for name in asked if name in benchmark.settings)
  if not settings:
    raise UserError(
      f"config key 'evaluate.settings' is {tuple(asked)}, but benchmark"
      f" {benchmark.name!r} has {', '.join(benchmark.settings)} only"
    )
  return settings


def evaluate(
  benchmark: Benchmark,
  ranking: Ranking,
  *,
  settings: Sequence[str] = SETTINGS,
  cutoffs: Sequence[int] = CUTOFFS,
  search: str = "exact",
  run_settings: Sequence[str] = (),
  run_depth: int = 0,
  approximate: Lists | None = None,
  seed: int = 0,
) -> Evaluation:
  """Scores a ranking by LAReQA's protocol (Roy et al., EMNLP 2020).

  mono: a query in the pool of its language; cross: in the pool of each other
  language; multi: in the pool of all. In a language's pool the gold is that
  language's; a query without gold there is dropped and counted.

  Args:
    benchmark: queries, candidates and gold.
    ranking: of any system, with lists as `list_depths` says.
    settings: of mono, cross, multi; those without a meaning are left out.
    cutoffs: k of recall@k and its kin.
    search: how the results call it: exact, run.
    run_settings: of mono and multi, whose lists to keep.
    run_depth: passages a query in them; 0 keeps none.
    approximate: [Q, P, K] lists of an approximate search; adds their measures
      up to K, and ann_recall@K against the exact lists.
    seed: of the example queries.

  Raises:
    UserError: no setting has a meaning.
  """
  settings = settings_of(benchmark, settings)
  wanted = needed(benchmark, settings)
  per_query = every_value(benchmark, ranking, wanted, cutoffs)
  figures = results(benchmark, per_query, settings, search)
  if approximate is not None:
    values = _approximate_values(
      benchmark, ranking, approximate, wanted, cutoffs
    )
    figures += results(benchmark, values, settings, "scann")
  runs = {}
  if run_depth and "multi" in run_settings and "multi" in settings:
    runs["multi"] = _cut(ranking.top, ranking.top_scores, run_depth)
  if run_depth and "mono" in run_settings and "mono" in settings:
    runs["mono"] = _cut(ranking.own_top, ranking.own_scores, run_depth)
  L = len(benchmark.languages)
  answered = benchmark.passage_languages
  sizes = np.bincount(answered, minlength=L)
  first = first_languages(
    ranking.gold_ranks,
    answered[benchmark.gold_passages],
    benchmark.gold_queries,
    benchmark.query_languages,
  )
  front = _cut(ranking.top, ranking.top_scores, _FRONT)
  if "multi" not in benchmark.settings:  # a query may find itself there
    front = Lists(np.full_like(front.top, -1), front.scores)
    first = np.full_like(first, -1)
  return Evaluation(
    results=tuple(figures),
    per_query=per_query,
    language_share=language_share(
      front.top, benchmark.query_languages, answered, L
    ),
    preference=language_preference(first, benchmark.query_languages, L),
    pool_share=sizes / sizes.sum(),
    examples=draw_examples(
      benchmark, front.top, front.scores, count=_EXAMPLES, seed=seed
    ),
    front=front,
    runs=runs,
  )


def _approximate_values(
  benchmark: Benchmark,
  ranking: Ranking,
  found: Lists,
  wanted: np.ndarray,
  cutoffs: Sequence[int],
) -> dict[str, np.ndarray]:
  """Gives measure -> [Q, P] of an approximate search's lists [Q, P, K]."""
  K = found.top.shape[-1]
  exactly = np.append(
    ranking.language_top[..., :K], ranking.top[:, None, :K], axis=1
  )  # [Q, P, K]
  names = [
    f"{name}@{k}"
    for name in ("recall", "success", "ndcg")
    for k in cutoffs
    if k <= K
  ]
  values = cut_values(names, benchmark, wanted, found.top, found.scores)
  recall = ann.recall(found.top, exactly)
  values[f"ann_recall@{K}"] = np.where(wanted, recall, np.nan)
  return values


def _cut(top: np.ndarray, scores: np.ndarray, depth: int) -> Lists:
  return Lists(top[:, :depth], scores[:, :depth])


def _check_count(name: str, embeddings: np.ndarray, count: int) -> None:
  if embeddings.ndim != 2 or len(embeddings) != count:
    raise UserError(
      f"{name} embeddings have shape {embeddings.shape}; the benchmark expects"
      f" {count} rows: encode it again"
    )
