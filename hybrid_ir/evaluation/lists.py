"""Lists of passages, pool by pool. From embeddings, to measures and runs.

Q queries, U distinct passage texts, P = L + 1 pools: each language's passages,
then all of them.
"""

import dataclasses

import numpy as np

from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.retrieval import ann, exact


@dataclasses.dataclass(frozen=True, eq=False)
class Lists:
  """What was retrieved, best first; -1 and -inf pad."""

  top: np.ndarray  # [..., K] int32 passages
  scores: np.ndarray  # [..., K] float32


def scann_lists(
  benchmark: Benchmark,
  query_embeddings: np.ndarray,
  text_embeddings: np.ndarray,
  wanted: np.ndarray,
  depth: int,
) -> Lists:
  """ScaNN's lists in each pool, where wanted.

  Args:
    benchmark: what is searched.
    query_embeddings: [Q, D].
    text_embeddings: [U, D].
    wanted: [Q, P] bool.
    depth: passages a list.

  Returns:
    [Q, P, depth] lists; those not wanted are all padding.

  Raises:
    AnnUnavailableError: ScaNN is not installed.
  """
  found = _empty_lists(*wanted.shape, depth)
  for pool in np.flatnonzero(wanted.any(axis=0)).tolist():
    columns = _columns(benchmark, pool)
    rows = np.flatnonzero(wanted[:, pool])
    if len(columns):
      top, scores = ann.search(
        query_embeddings[rows],
        text_embeddings[benchmark.distinct_index[columns]],
        depth,
      )
      found.top[rows, pool] = np.where(top >= 0, columns[top], -1)
      found.scores[rows, pool] = scores
  return found


def mono_lists(
  benchmark: Benchmark,
  query_embeddings: np.ndarray,
  text_embeddings: np.ndarray,
  depth: int,
) -> Lists:
  """Exact lists of each query in the pool of its language. [Q, depth].

  Args:
    benchmark: what is searched.
    query_embeddings: [Q, D].
    text_embeddings: [U, D].
    depth: passages a list.
  """
  lists = _empty_lists(len(benchmark.query_ids), depth)
  for language in np.unique(benchmark.query_languages).tolist():
    columns = _columns(benchmark, language)
    rows = np.flatnonzero(benchmark.query_languages == language)
    if len(columns):
      texts, text_of = np.unique(
        benchmark.distinct_index[columns], return_inverse=True
      )
      ranking = exact.rank(
        query_embeddings[rows],
        text_embeddings[texts],
        exact.Pool(
          text_of.astype(np.int32), np.zeros(len(columns), np.int32), 1
        ),
        gold_offsets=np.zeros(len(rows) + 1, np.int64),
        gold=np.zeros(0, np.int32),
        depth=depth,
        language_depth=0,
      )
      lists.top[rows] = np.where(ranking.top >= 0, columns[ranking.top], -1)
      lists.scores[rows] = ranking.top_scores
  return lists


def _columns(benchmark: Benchmark, pool: int) -> np.ndarray:
  """The passages of a pool: of a language, or all."""
  if pool == len(benchmark.languages):
    return np.arange(len(benchmark.passage_ids))
  return np.flatnonzero(benchmark.passage_languages == pool)


def _empty_lists(*shape: int) -> Lists:
  return Lists(
    np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32)
  )
