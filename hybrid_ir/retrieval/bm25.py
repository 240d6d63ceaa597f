"""BM25 over pieces of text. From token ids, to mining and evaluation.

The only importer of bm25s (arXiv 2407.03618). Its Lucene variant is used:
Kamphuis et al. 2020, "Which BM25 do you mean?", with bm25s' k1 and b.
"""

import array
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Index:
  """P passages, in the order in which ties are broken."""

  def __init__(self, passages: Sequence[NDArray[np.int32]]):
    """Counts; `passages`: the piece ids of each, of any numbering."""
    self._count = len(passages)
    self._pieces = np.unique(np.concatenate(passages))  # [V], ascending
    self._bm25 = _library().BM25(method="lucene", k1=1.5, b=0.75)
    # A vocabulary without gaps is what bm25s' arrays need; `array`, because a
    # list would hold an object a piece.
    numbered = [
      array.array("i", self._number(pieces).astype(np.int32).tobytes())
      for pieces in passages
    ]
    vocabulary = {str(piece): i for i, piece in enumerate(self._pieces)}
    self._bm25.index(
      (numbered, vocabulary), create_empty_token=False, show_progress=False
    )

  def scores(self, query: NDArray[np.int32]) -> NDArray[np.float32]:
    """[P] scores of a query's pieces; 0 where a passage has none of them."""
    known = query[np.isin(query, self._pieces)]
    if not len(known):
      return np.zeros(self._count, np.float32)
    found: NDArray[np.float32] = self._bm25.get_scores_from_ids(
      self._number(known).tolist()
    )
    return found

  def _number(self, pieces: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.searchsorted(self._pieces, pieces)


def _library() -> Any:
  """The library, late: it starts JAX's devices when it is imported.

  Several processes have to join before that.
  """
  import bm25s

  # It sets its own level to DEBUG when imported.
  logging.getLogger("bm25s").setLevel(logging.WARNING)
  return bm25s


def best(
  scores: NDArray[np.float32], spans: Sequence[tuple[int, int]], depth: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
  """The best places within `spans` that share a piece with the query.

  Args:
    scores: [P] of one query.
    spans: ranges (start, stop) of places, ascending.
    depth: K.

  Returns:
    [K] places, best first and ties by place, and [K] scores; padded with -1
    and -inf.
  """
  within = np.concatenate([np.arange(*span) for span in spans])
  within = within[scores[within] > 0]
  if len(within) > depth:
    last = np.partition(scores[within], -depth)[-depth]
    within = within[scores[within] >= last]
  order = within[np.argsort(-scores[within], kind="stable")][:depth]
  places = np.full(depth, -1, np.int32)
  found = np.full(depth, -np.inf, np.float32)
  places[: len(order)] = order
  found[: len(order)] = scores[order]
  return places, found
