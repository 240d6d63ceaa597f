"""Measures of the first k. From lists without exact ranks, to the results.

The only importer of ir_measures; its trec_eval computes them. What has exact
ranks is measured by `measures`, which tests hold to these.
"""

from collections.abc import Mapping, Sequence

import ir_measures
import numpy as np

# Our names, as in `recall@10`, to ir_measures'.
_NAMES = {
  "recall": "R",  # found golds / golds
  "success": "Success",  # 1 where any gold is found
  "precision": "P",  # found golds / k
  "ndcg": "nDCG",  # Jarvelin and Kekalainen, TOIS 2002; gain grade, log2
}


def cut_measures(
  names: Sequence[str],
  qrels: Mapping[str, Mapping[str, int]],
  query_ids: Sequence[str],
  passage_ids: Sequence[str],
  top: np.ndarray,
  scores: np.ndarray,
) -> dict[str, np.ndarray]:
  """Scores each query's list.

  Args:
    names: such as `recall@5`; of `recall`, `success`, `precision`, `ndcg`.
    qrels: query id -> passage id -> grade, all the golds of the pool.
    query_ids: [Q].
    passage_ids: [C].
    top: [Q, K] passages, K at least the largest cut-off; -1 pads.
    scores: [Q, K] float32; trec_eval orders by them, then by id, descending.

  Returns:
    name -> [Q] float64, NaN where the query has no qrels.
  """
  measures = {}
  for name in names:
    family, _, cutoff = name.partition("@")
    measures[ir_measures.parse_measure(f"{_NAMES[family]}@{cutoff}")] = name
  row = {id: i for i, id in enumerate(query_ids) if id in qrels}
  run = {
    id: {
      passage_ids[passage]: score
      for passage, score in zip(
        top[i].tolist(), scores[i].tolist(), strict=True
      )
      if passage >= 0
    }
    for id, i in row.items()
  }
  values = {name: np.full(len(query_ids), np.nan) for name in names}
  for metric in ir_measures.iter_calc(list(measures), qrels, run):
    values[measures[metric.measure]][row[metric.query_id]] = metric.value
  return values
