"""Approximate search. Takes embeddings; feeds evaluation and `approximate`.

By ScaNN, built for the corpus size and tuned to a recall.

Q queries, C passages, E dims.
"""

import dataclasses
import time

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.config import Ann
from hybrid_ir.retrieval import ann_parameters, ann_sample
from hybrid_ir.retrieval.ann_searcher import (
  AnnUnavailableError,
  Found,
  Searcher,
  check,
  load,
  train,
)
from hybrid_ir.retrieval.ann_tuning import Tuned

__all__ = ["AnnUnavailableError", "Tool", "build", "load", "recall"]

RECALL, SAMPLE = Ann().recall, Ann().sample


@dataclasses.dataclass(frozen=True, eq=False)
class Tool:
  """An index and the setting that it is searched with."""

  searcher: Searcher
  build_s: float
  depth: int
  tuned: Tuned | None  # None: brute force

  def __call__(self, queries: NDArray[np.float32]) -> Found:
    """As `Searcher.search`, of its depth."""
    setting = self.tuned.setting if self.tuned else None
    return self.searcher.search(queries, self.depth, setting)

  def line(self) -> str:
    """What it is and what it reaches, in a line."""
    parameters = self.searcher.parameters
    built = (
      f"ScaNN, {parameters.passages:,} passages: {parameters.line()}, built in"
      f" {self.build_s:,.1f} s"
    )
    return f"{built}; {self.tuned.line()}" if self.tuned else built


def build(
  passages: NDArray[np.float32],
  depth: int,
  queries: NDArray[np.float32] | None = None,
  *,
  target: float = RECALL,
  sample: int = SAMPLE,
  seed: int = 0,
) -> Tool:
  """Indexes passages, to be searched by their dot products.

  Args:
    passages: [C, E].
    depth: how many a query.
    queries: [Q, E], to tune it on; None: passages stand for them.
    target: recall that it is tuned to.
    sample: queries that it is tuned on, at most.
    seed: of the sample.

  Returns:
    A function, [Q, E] queries -> passages and scores as `Searcher.search`,
    which also says what it is.

  Raises:
    AnnUnavailableError: where ScaNN is not installed.
    UserError: embeddings that are not finite, or of length 0.
  """
  start = time.perf_counter()
  searcher = train(passages, ann_parameters.choose(len(passages)))
  build_s = time.perf_counter() - start
  tuned = None
  if not searcher.parameters.brute_force:
    if queries is None:
      chosen = ann_sample.of_passages(passages, depth, sample, seed)
    else:
      check(queries, "query", searcher.width)
      chosen = ann_sample.of_queries(queries, passages, depth, sample, seed)
    tuned = searcher.tune(chosen, target)
  return Tool(searcher, build_s, depth, tuned)


def recall(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
  """Share of the exact lists that was found.

  Args:
    found: [..., K] passages of the approximate search; -1 pads.
    exact: [..., K] passages of the exact search; -1 pads.

  Returns:
    [...] float64; NaN where the exact list is empty.
  """
  real = exact >= 0
  hits = (exact[..., :, None] == found[..., None, :]).any(axis=-1) & real
  size = real.sum(axis=-1)
  return np.divide(
    hits.sum(axis=-1), size, out=np.full(size.shape, np.nan), where=size > 0
  )
