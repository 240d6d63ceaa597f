"""Queries whose exact answers are known. From embeddings, to `ann`.

Where no queries are at hand, passages stand for them, each left out of its own
lists. They lie among the passages, as queries do not quite: real queries may
find a little less.

S queries of a sample, C passages, E dims, K depth.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.retrieval import nearest

# [S, E] queries, depth -> [S, depth] places and scores; -1 and -inf pad.
Search = Callable[
  [NDArray[np.float32], int], tuple[NDArray[np.int32], NDArray[np.float32]]
]
_TIE = 1e-5  # of a score: what rounding may change


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
  """Some queries and the scores of their exact lists."""

  kind: str  # "queries", "passages"
  asked: int  # how many were asked for
  seed: int  # of the choice
  embeddings: NDArray[np.float32]  # [S, E]
  own: NDArray[np.int32]  # [S] the passage that a query is; -1: none
  scores: NDArray[np.float32]  # [S, K] exact, without a query's own passage

  def recall(self, search: Search) -> float:
    """Mean share of the exact lists that a search finds.

    A passage counts where its score is in the list's range, so that equal
    scores may come in any order (as in ann-benchmarks, Aumüller et al. 2020).

    Args:
      search: gives one more than asked for where a query is a passage.
    """
    depth = self.scores.shape[1]
    found, scores = search(self.embeddings, self._depth)
    scores = _without(self.own, found, scores)[:, :depth]
    real = np.isfinite(self.scores)
    last = np.where(real, self.scores, np.inf).min(axis=1)
    low = last - _TIE * np.abs(last)
    hits = (scores >= low[:, None]).sum(axis=1)
    sizes = real.sum(axis=1)
    return float((np.minimum(hits, sizes) / np.maximum(sizes, 1)).mean())

  @property
  def _depth(self) -> int:
    return self.scores.shape[1] + (self.kind == "passages")


def of_queries(
  queries: NDArray[np.float32],
  passages: NDArray[np.float32],
  depth: int,
  count: int,
  seed: int,
) -> Sample:
  """A sample of queries.

  Args:
    queries: [Q, E].
    passages: [C, E].
    depth: K.
    count: S at most.
    seed: of the choice.
  """
  chosen = queries[_choice(len(queries), count, seed)]
  _, scores = nearest.search(chosen, passages, [(0, len(passages))], depth)
  own = np.full(len(chosen), -1, np.int32)
  return Sample("queries", count, seed, chosen, own, scores)


def of_passages(
  passages: NDArray[np.float32], depth: int, count: int, seed: int
) -> Sample:
  """A sample of passages, in place of queries.

  Args:
    passages: [C, E].
    depth: K.
    count: S at most.
    seed: of the choice.
  """
  own = _choice(len(passages), count, seed)
  chosen = passages[own]
  found, scores = nearest.search(
    chosen, passages, [(0, len(passages))], depth + 1
  )
  return Sample(
    "passages", count, seed, chosen, own, _without(own, found, scores)
  )


def _choice(size: int, count: int, seed: int) -> NDArray[np.int32]:
  rng = np.random.default_rng(seed)
  chosen = rng.choice(size, size=min(count, size), replace=False)
  return np.sort(chosen).astype(np.int32)


def _without(
  own: NDArray[np.int32],
  found: NDArray[np.int32],
  scores: NDArray[np.float32],
) -> NDArray[np.float32]:
  """[S, K + 1] lists -> [S, K] scores without the query's own passage.

  Where it is not in its list (its equals are), the last one goes; where no
  query is a passage, none does.
  """
  if (own < 0).all():
    return scores
  is_own = found == own[:, None]
  is_own[~is_own.any(axis=1), -1] = True
  return scores[~is_own].reshape(len(scores), -1)
