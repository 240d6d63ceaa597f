"""English queries by themselves, where others ask, too."""

import numpy as np
import pytest

from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.instruct import extra
from hybrid_ir.studies.reading import read_outcome
from hybrid_ir.studies.sentences import findings
from hybrid_ir.studies.tables import benchmark_tables

from .scored_runs import QUESTIONS, write_run

MULTI = ("multi", "map")
AXES = {"training": {"hybrid": {}, "both": {"mix.mono": 0.25}}}


@pytest.fixture
def read(make_study, tmp_path):
  """(kind of study, whether there is a pool of all) -> the outcome.

  In the pool of all, `both` is better by .2 on English queries, and worse by .2
  on German ones.
  """

  def read(kind="instruct", pooled=True):
    config = make_study(
      AXES,
      study__kind=kind,
      study__measures=("map",),
      compare__resamples=500,
      evaluate__benchmarks=("towns.jsonl",),
    )
    cells = make_cells(config, tmp_path)
    draws = np.random.default_rng(0)
    for cell in cells:
      hard = np.random.default_rng(1).uniform(0.3, 0.6, 2 * QUESTIONS)
      values = hard + draws.normal(0, 0.01, 2 * QUESTIONS)
      way = np.repeat([-0.2, 0.2], QUESTIONS)  # German, then English
      multi = values + way * (cell.labels["training"] == "both")
      write_run(cell, values, multi=multi if pooled else None)
    return read_outcome(config, cells)

  return read


def test_english_queries_in_the_pool_of_all_are_tested(read):
  every, english = read().benchmarks
  assert (every.benchmark, every.asked_in) == ("towns", "")
  assert (english.benchmark, english.asked_in) == ("towns, queries in en", "en")
  assert english.source == "towns.jsonl"
  assert every.differences["both", "hybrid", *MULTI].value == pytest.approx(
    0, abs=0.02
  )
  assert [*english.differences] == [("both", "hybrid", *MULTI)]
  [d] = english.differences.values()
  assert d.value == pytest.approx(0.2, abs=0.02)
  assert d.significant
  assert d.questions == QUESTIONS
  # Holm's correction is over its own tests: one.
  assert (english.tests, d.p_holm) == (1, d.p)
  # The mean is that of results.jsonl, of each seed.
  [mean] = [
    mean
    for mean in every.by_language
    if (mean.arm, mean.setting, mean.language) == ("both", "multi", "en")
  ]
  found = english.estimates["both", *MULTI]
  assert (found.value, found.deviation) == (mean.value, mean.deviation)
  assert [seed.seed for seed in found.seeds] == [0, 1]


def test_they_have_tables_sentences_and_a_plot(read):
  outcome = read()
  english = outcome.benchmarks[1]
  means, tests = benchmark_tables(outcome, english)
  assert means.name == "towns, queries in en: means"
  assert means.heads == ("arm", "multi MAP", "seeds")
  assert [row[0] for row in means.rows] == ["hybrid", "both"]
  assert tests.rows[0][-1] == "better"
  assert any(
    "On towns, queries in en, multi MAP of both" in finding.text
    for finding in findings(outcome)
  )
  found = extra(outcome)
  assert "arms-towns-queries-in-en-map" in {plot.name for plot in found.plots}
  [finding] = found.findings
  assert finding.text.startswith("towns, queries in en: all queries are Eng")
  assert finding.source == f"{tests.name}, multi"


def test_only_where_the_study_is_of_that(read):
  assert len(read(kind="paper").benchmarks) == 1


def test_without_a_pool_of_all_there_are_none(read):
  outcome = read(pooled=False)
  assert len(outcome.benchmarks) == 1
  assert not extra(outcome).findings


def test_without_english_queries_there_are_none(make_study, make_outcome):
  config = make_study({"training": {"hybrid": {}}})
  outcome = make_outcome(
    config,
    {"hybrid": {MULTI: (0.3,)}},
    by_language=[("hybrid", MULTI, "de", (0.3,))],
  )
  assert not extra(outcome).findings


def test_where_all_queries_are_english_multi_is_that(make_study, make_outcome):
  config = make_study({"training": {"hybrid": {}}})
  outcome = make_outcome(
    config,
    {"hybrid": {MULTI: (0.3,)}},
    by_language=[("hybrid", MULTI, "en", (0.3,))],
  )
  [finding] = extra(outcome).findings
  assert "multi is retrieval in many languages with one" in finding.text
