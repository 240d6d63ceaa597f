import json
import math

import numpy as np
import pytest

from hybrid_ir.config import SETTINGS
from hybrid_ir.data.records import Record
from hybrid_ir.evaluation.benchmarks import from_records
from hybrid_ir.evaluation.results import (
  Result,
  cells,
  needed,
  results,
)


def test_cells_of_the_settings():
  assert list(cells("mono", 2)) == [(0, 0), (1, 1)]
  assert list(cells("cross", 3)) == [
    *((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
  ]
  assert list(cells("multi", 2)) == [(0, 2), (1, 2)]


def test_a_line_of_the_file_has_its_keys_in_order():
  result = Result(
    *("xquad_r", "sentence", "multi", "*", "all", "map"),
    value=1 / 3,
    queries=7,
    dropped=1,
    candidates=9,
    search="exact",
  )
  line = json.loads(json.dumps(result.line("mine", seed=3, step=200)))
  assert " ".join(line) == (
    "system seed benchmark unit setting query_language passage_language"
    " measure value queries dropped candidates step search"
  )
  assert math.isclose(line["value"], 1 / 3, rel_tol=1e-15)
  assert (line["system"], line["seed"], line["step"]) == ("mine", 3, 200)


@pytest.fixture
def one_sided():
  """English asks twice; passages are German (2) and French (1)."""
  queries = [Record(id, "en", f"{id}?", "", f"en:{id}") for id in "12"]
  pool = [
    Record(id, language, "", f"{language}{id}", f"{language}:{id}")
    for language, id in (("de", "1"), ("de", "2"), ("fr", "3"))
  ]
  return from_records("one_sided", queries, pool)


def test_a_cell_without_scored_queries_counts_as_dropped(one_sided):
  values = np.full((2, 4), np.nan)  # pools de, en, fr, all
  values[:, 0] = [0.5, 1]
  figures = results(one_sided, {"map": values}, ["mono", "cross"], "exact")
  assert [
    (
      *(r.setting, r.query_language, r.passage_language),
      *(r.value, r.queries, r.dropped, r.candidates),
    )
    for r in figures
  ] == [
    ("cross", "en", "de", 0.75, 2, 0, 2),
    ("cross", "*", "de", 0.75, 2, 0, 2),
    ("cross", "en", "*", 0.75, 2, 2, 2),
    ("cross", "*", "*", 0.75, 2, 2, 2),
    ("cross", "micro", "*", 0.75, 2, 2, 2),
  ]


@pytest.fixture
def uneven():
  """Three English queries and one German, each with both languages' golds."""
  records = [
    Record(id, language, f"{id}?", f"{language}{id}", f"{language}:{id}")
    for language, id in (("en", "1"), ("en", "2"), ("en", "3"), ("de", "1"))
  ]
  return from_records("uneven", records, records)


def test_macro_weighs_languages_and_micro_queries(uneven):
  de = uneven.query_languages == 0
  values = np.full((4, 3), np.nan)  # pools de, en, all
  values[de] = [0.1, 0.2, 0.9]
  values[~de] = [[0.4, 0.5, 0.3], [np.nan, 0.6, 0.6], [np.nan, 0.1, 0.3]]
  figures = {
    (r.setting, r.query_language, r.passage_language): (
      round(r.value, 12),
      *(r.queries, r.dropped, r.candidates),
    )
    for r in results(uneven, {"map": values}, SETTINGS, "exact")
  }
  assert figures["mono", "*", "*"] == (0.25, 4, 0, 4)
  assert figures["mono", "micro", "*"] == (0.325, 4, 0, 4)
  assert figures["cross", "*", "*"] == (0.3, 2, 2, 4)
  assert figures["cross", "micro", "*"] == (0.3, 2, 2, 4)
  assert figures["multi", "*", "all"] == (0.65, 4, 0, 4)
  assert figures["multi", "micro", "all"] == (0.525, 4, 0, 4)


def test_needed_pools(one_sided):
  assert needed(one_sided, ["multi"]).tolist() == [[False] * 3 + [True]] * 2
  assert (
    needed(one_sided, ["mono", "cross"]).tolist() == [[True] * 3 + [False]] * 2
  )
