"""Approximate lists, pool by pool. From embeddings, to evaluate.

Q queries, U distinct passage texts, P = L + 1 pools: each language's passages,
then all of them.
"""

import dataclasses

import numpy as np

from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.retrieval import ann


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
  *,
  target: float = ann.RECALL,
  sample: int = ann.SAMPLE,
  seed: int = 0,
) -> tuple[Lists, tuple[str, ...]]:
  """ScaNN's lists in each pool, where wanted.

  Args:
    benchmark: what is searched.
    query_embeddings: [Q, D].
    text_embeddings: [U, D].
    wanted: [Q, P] bool.
    depth: passages a list.
    target: recall that each pool's search is tuned to.
    sample: queries that it is tuned on, at most.
    seed: of the sample.

  Returns:
    [Q, P, depth] lists, those not wanted all padding; and a line for each
    pool whose search was tuned, brute force being exact.

  Raises:
    AnnUnavailableError: ScaNN is not installed.
    UserError: embeddings that ScaNN makes nothing of.
  """
  shape = (*wanted.shape, depth)
  found = Lists(
    np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32)
  )
  lines = []
  for pool in np.flatnonzero(wanted.any(axis=0)).tolist():
    columns = _columns(benchmark, pool)
    rows = np.flatnonzero(wanted[:, pool])
    if len(columns):
      tool = ann.build(
        text_embeddings[benchmark.distinct_index[columns]],
        depth,
        query_embeddings[rows],
        target=target,
        sample=sample,
        seed=seed,
      )
      top, scores = tool(query_embeddings[rows])
      found.top[rows, pool] = np.where(top >= 0, columns[top], -1)
      found.scores[rows, pool] = scores
      if tool.tuned:
        lines.append(f"{(*benchmark.languages, 'all')[pool]}: {tool.line()}")
      del tool  # before the next one is built: each holds its embeddings
  return found, tuple(lines)


def _columns(benchmark: Benchmark, pool: int) -> np.ndarray:
  """The passages of a pool: of a language, or all."""
  if pool == len(benchmark.languages):
    return np.arange(len(benchmark.passage_ids))
  return np.flatnonzero(benchmark.passage_languages == pool)
