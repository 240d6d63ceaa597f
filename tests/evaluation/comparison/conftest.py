"""Workdirs of invented scores: two languages, four questions, one only German.

Values of a query in a pool are given; means are computed here, cell by cell, as
results.jsonl has them.
"""

import json

import numpy as np
import pytest

from hybrid_ir.evaluation import query_values
from hybrid_ir.evaluation.query_values import QueryValues

LANGUAGES = ("de", "en")
QUERIES = ("de:1", "de:2", "de:3", "de:4", "en:1", "en:2", "en:3")
CELLS = {
  "mono": (("de", 0), ("en", 1)),
  "cross": (("de", 1), ("en", 0)),
  "multi": (("de", 2), ("en", 2)),
}


def by_cell(table, setting, queries=QUERIES):
  """The values of each cell that has some."""
  found = (
    [
      row[pool]
      for query, row in zip(queries, table, strict=True)
      if query.startswith(language) and not np.isnan(row[pool])
    ]
    for language, pool in CELLS[setting]
  )
  return [values for values in found if values]


def macro(table, setting, queries=QUERIES):
  """The mean over cells of the means over queries; None: no value."""
  means = [np.mean(values) for values in by_cell(table, setting, queries)]
  return float(np.mean(means)) if means else None


@pytest.fixture
def make_run(tmp_path):
  """Writes a workdir and gives its path."""

  def make_run(
    folder,
    tables,
    *,
    system="",
    seed=0,
    step=9,
    benchmark="towns",
    queries=QUERIES,
    languages=LANGUAGES,
    candidates=40,
    values=True,
    fingerprint="0a1b",
  ):
    workdir = tmp_path / folder
    workdir.mkdir(exist_ok=True)
    lines = [
      {
        "system": system or folder,
        "seed": seed,
        "benchmark": benchmark,
        "unit": "passage",
        "setting": setting,
        "query_language": "*",
        "passage_language": "all" if setting == "multi" else "*",
        "measure": measure,
        "value": macro(table, setting, queries),
        "queries": scored,
        "dropped": len(queries) - scored,  # each is in one cell of a setting
        "candidates": candidates,
        "step": step,
        "search": "exact",
      }
      for setting in CELLS
      for measure, table in tables.items()
      if (scored := sum(map(len, by_cell(table, setting, queries))))
    ]
    with open(workdir / "results.jsonl", "a") as file:
      file.writelines(json.dumps(line) + "\n" for line in lines)
    if values:
      codes = [languages.index(query[:2]) for query in queries]
      query_values.write(
        workdir / "details" / f"{benchmark}.npz",
        QueryValues(
          *(benchmark, "passage", system or folder),
          seed=seed,
          step=step,
          languages=languages,
          query_ids=tuple(queries),
          query_languages=np.array(codes, np.int32),
          values=tables,
          fingerprint=fingerprint,
        ),
      )
    return str(workdir)

  return make_run
