"""Queries of one language in the pool of all, by themselves. To `reading`.

That is multilingual retrieval with one query language (MLIR), NeuCLIR's task.
"""

import dataclasses
import itertools
from collections.abc import Sequence

from hybrid_ir.evaluation.comparison.systems import Scored
from hybrid_ir.evaluation.query_values import QueryValues
from hybrid_ir.evaluation.report.load import Score

MLIR = "en"  # the language that asks in that task


def asked_in(language: str, run: Scored, scores: Sequence[Score]) -> Scored:
  """A run, as if no other language had asked, nor in another pool.

  Args:
    language: a code of CLDR's.
    run: on a benchmark.
    scores: the figures that it comes from, one of each kind.

  Returns:
    Its macro means are those of the language: there are none where it does not
    ask in the pool of all.
  """
  mine = ("multi", language, "all")
  return dataclasses.replace(
    run,
    macro={
      (score.setting, score.measure): score
      for score in scores
      if (score.setting, score.query_language, score.passage_language) == mine
    },
    values=run.values and _rows(language, run.values),
    details=None,  # shares of languages are of all queries
  )


def _rows(language: str, values: QueryValues) -> QueryValues:
  codes = [values.languages[x] for x in values.query_languages.tolist()]
  keep = [code == language for code in codes]
  return dataclasses.replace(
    values,
    query_ids=tuple(itertools.compress(values.query_ids, keep)),
    query_languages=values.query_languages[keep],
    values={name: table[keep] for name, table in values.values.items()},
  )
