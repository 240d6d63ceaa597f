"""TREC's files, for other tools. From lists and gold, to runs/*.trec."""

import os
from collections.abc import Sequence

import numpy as np

from hybrid_ir.files import write_aside


def write_run(
  path: str | os.PathLike[str],
  tag: str,
  query_ids: Sequence[str],
  passage_ids: Sequence[str],
  top: np.ndarray,
  scores: np.ndarray,
) -> None:
  """Writes lines of `query Q0 passage rank score tag`, complete or absent.

  Scores keep all digits of float32, so that ties stay ties.

  Args:
    path: of the file.
    tag: names the system; no white space.
    query_ids: [Q].
    passage_ids: [C].
    top: [Q, K] passages; -1 pads.
    scores: [Q, K] float32.
  """
  with write_aside(path) as aside, open(aside, "w", encoding="utf-8") as file:
    for query_id, passages, values in zip(query_ids, top, scores, strict=True):
      file.writelines(
        f"{query_id} Q0 {passage_ids[passage]} {rank} {score:.9g} {tag}\n"
        for rank, (passage, score) in enumerate(
          zip(passages.tolist(), values.tolist(), strict=True), start=1
        )
        if passage >= 0
      )


def write_qrels(
  path: str | os.PathLike[str],
  query_ids: Sequence[str],
  passage_ids: Sequence[str],
  gold_queries: np.ndarray,
  gold_passages: np.ndarray,
  gold_grades: np.ndarray,
) -> None:
  """Writes lines of `query 0 passage grade`, complete or absent.

  Args:
    path: of the file.
    query_ids: [Q].
    passage_ids: [C].
    gold_queries: [G] into the queries.
    gold_passages: [G] into the passages.
    gold_grades: [G] from 1.
  """
  with write_aside(path) as aside, open(aside, "w", encoding="utf-8") as file:
    file.writelines(
      f"{query_ids[query]} 0 {passage_ids[passage]} {grade}\n"
      for query, passage, grade in zip(
        gold_queries.tolist(),
        gold_passages.tolist(),
        gold_grades.tolist(),
        strict=True,
      )
    )
