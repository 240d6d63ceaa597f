"""Queries to look at, with what they retrieved. From lists, to the report."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from hybrid_ir.evaluation.benchmarks import Benchmark


@dataclasses.dataclass(frozen=True, slots=True)
class Hit:
  """A passage that a query retrieved."""

  rank: int  # from 1
  passage_id: str
  language: str
  text: str
  score: float | None  # None: of a file, where it was not finite
  relevant: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
  """A query and its best passages in the multilingual pool."""

  query_id: str
  query_language: str
  query: str
  hits: tuple[Hit, ...]


def draw_examples(
  benchmark: Benchmark,
  top: np.ndarray,
  scores: np.ndarray,
  *,
  count: int,
  seed: int,
) -> tuple[Example, ...]:
  """Draws queries, the same for a seed whatever the system.

  Args:
    benchmark: what was searched.
    top: [Q, K] passages of the whole pool, best first; -1 pads.
    scores: [Q, K].
    count: how many queries, or all if there are fewer.
    seed: of the draw.
  """
  Q = len(benchmark.query_ids)
  drawn = np.random.default_rng(seed).permutation(Q)[:count]
  return tuple(
    _example(benchmark, query, top[query], scores[query])
    for query in np.sort(drawn).tolist()
  )


def every_example(
  benchmark: Benchmark, top: np.ndarray, scores: np.ndarray
) -> Iterator[Example]:
  """All queries in their order, one by one; arguments as of `draw_examples`."""
  for query in range(len(benchmark.query_ids)):
    yield _example(benchmark, query, top[query], scores[query])


def _example(
  benchmark: Benchmark, query: int, top: np.ndarray, scores: np.ndarray
) -> Example:
  return Example(
    query_id=benchmark.query_ids[query],
    query_language=benchmark.languages[benchmark.query_languages[query]],
    query=benchmark.query_texts[query],
    hits=_hits(benchmark, query, top, scores),
  )


def _hits(
  benchmark: Benchmark, query: int, top: np.ndarray, scores: np.ndarray
) -> tuple[Hit, ...]:
  start, end = benchmark.gold_offsets[query : query + 2]
  gold = set(benchmark.gold_passages[start:end].tolist())
  return tuple(
    Hit(
      rank=rank,
      passage_id=benchmark.passage_ids[passage],
      language=benchmark.languages[benchmark.passage_languages[passage]],
      text=benchmark.passage_shown[passage],
      score=score,
      relevant=passage in gold,
    )
    for rank, (passage, score) in enumerate(
      zip(top.tolist(), scores.tolist(), strict=True), start=1
    )
    if passage >= 0
  )
