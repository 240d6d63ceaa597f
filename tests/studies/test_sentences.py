import dataclasses

import pytest

from hybrid_ir.studies.sentences import compared, findings
from hybrid_ir.studies.tables import benchmark_tables

AXES = {"kind": {"hybrid": {}, "X-Y": {"mix.mono": 0.0}}}
CROSS = ("cross", "map")
RANKS = ("multi", "rank_distance")


@pytest.fixture
def outcome(make_study, make_outcome):
  return make_outcome(
    make_study(AXES),
    {
      "hybrid": {CROSS: (0.70, 0.72), RANKS: (300.0, 310.0)},
      "X-Y": {CROSS: (0.74, 0.74), RANKS: (290.0, 290.0)},
    },
  )


def test_a_sentence_has_its_figures_and_their_place(outcome, make_difference):
  one = outcome.benchmarks[0]
  difference = make_difference(one, "X-Y", "hybrid", CROSS)
  found = compared(one, difference)
  assert found.text == (
    "On xquad_r, cross MAP of X-Y is .7400 ± .0000, of hybrid .7100 ± .0141:"
    " difference +.0300 [+.0270, +.0330], p (Holm) .040: better over questions,"
    " but not beyond the seeds."
  )
  assert found.source == "xquad_r: tests, row X-Y against hybrid"


def test_equal_means_have_no_best(make_study, make_outcome):
  ends = {"hybrid": {CROSS: (0.7, 0.7)}, "X-Y": {CROSS: (0.7, 0.7)}}
  found = next(findings(make_outcome(make_study(AXES), ends)))
  assert found.text.startswith(
    "On xquad_r, 2 arms have the same mean cross MAP (.7000 ± .0000 of"
  )


def test_one_seed_is_told(make_study, make_outcome, make_difference):
  outcome = make_outcome(
    make_study(AXES, seeds=(0,)),
    {"hybrid": {CROSS: (0.7,)}, "X-Y": {CROSS: (0.6,)}},
  )
  one = outcome.benchmarks[0]
  difference = make_difference(one, "X-Y", "hybrid", CROSS)
  assert told(outcome, [difference])[0].endswith(
    "0 within noise, 1 significant over questions, by one seed."
  )
  assert ".6000 (one seed), of hybrid .7000 (one seed):" in (
    compared(one, difference).text
  )


def test_an_encoder_as_it_came_has_no_seed(
  make_study, make_outcome, make_difference
):
  axes = {"kind": {"hybrid": {}, "untrained": {"train.steps": 0}}}
  outcome = make_outcome(
    make_study(axes),
    {"hybrid": {CROSS: (0.7, 0.72)}, "untrained": {CROSS: (0.6,)}},
  )
  one = outcome.benchmarks[0]
  difference = make_difference(one, "untrained", "hybrid", CROSS)
  assert ".6000 (not trained), of hybrid" in compared(one, difference).text
  means, *_ = benchmark_tables(outcome, one)
  assert [row[-1] for row in means.rows] == ["2", "–"]


def told(outcome, differences):
  """The findings' texts, of the outcome with these differences."""
  one = dataclasses.replace(
    outcome.benchmarks[0],
    differences={
      (d.system, d.against, d.setting, d.measure): d for d in differences
    },
  )
  found = findings(dataclasses.replace(outcome, benchmarks=(one,)))
  return [finding.text for finding in found]


def test_the_highest_mean(outcome, make_difference):
  one = outcome.benchmarks[0]
  # 15 ranks and 7.1 over two seeds: t(1) = 12.7 leaves it open.
  texts = told(outcome, [make_difference(one, "X-Y", "hybrid", RANKS)])
  assert texts[0] == (
    "On xquad_r, of 2 arms X-Y has the highest mean cross MAP (.7400 ± .0000),"
    " hybrid the lowest (.7100 ± .0141)."
  )
  assert texts[1] == (
    "On xquad_r, of 2 arms X-Y has the lowest mean multi rank distance"
    " (290.0 ± 0.0), hybrid the highest (305.0 ± 7.1); tested against"
    " hybrid: 0 better, 0 worse, 0 within noise, 1 significant over questions,"
    " but not beyond the seeds."
  )
  assert len(texts) == 3


def test_a_count_of_tests_names_their_table(outcome, make_difference):
  one = outcome.benchmarks[0]
  difference = make_difference(one, "X-Y", "hybrid", CROSS)
  key = ("X-Y", "hybrid", *CROSS)
  one = dataclasses.replace(one, differences={key: difference})
  found = next(findings(dataclasses.replace(outcome, benchmarks=(one,))))
  assert found.source == (
    "xquad_r: means, rows X-Y and hybrid; xquad_r: tests, cross MAP"
  )


def test_tests_are_counted_by_their_verdicts(
  make_study, make_outcome, make_difference
):
  arms = {
    "base": (0.50, 0.51, 0.52),
    "up": (0.80, 0.81, 0.82),
    "down": (0.30, 0.31, 0.32),
    "open": (0.52, 0.50, 0.54),
    "same": (0.60, 0.61, 0.62),
  }
  config = make_study(
    {"kind": {n: {"mix.mono": float(i)} for i, n in enumerate(arms)}},
    seeds=(0, 1, 2),
  )
  outcome = make_outcome(config, {n: {CROSS: v} for n, v in arms.items()})
  one = outcome.benchmarks[0]
  by_base = [
    make_difference(one, name, "base", CROSS, significant=name != "same")
    for name in ("up", "down", "open", "same")
  ]
  text = told(outcome, by_base)[0]
  assert text.endswith(
    "; tested against base: 1 better, 1 worse, 1 within noise, 1"
    " significant over questions, but not beyond the seeds."
  )
  text = told(outcome, [*by_base, make_difference(one, "up", "same", CROSS)])[0]
  assert "; tested against base: 1 better" in text
  assert "; tested against same: 1 better" in text
  several = [
    make_difference(one, "up", against, CROSS)
    for against in ("base", "down", "open", "same")
  ]
  assert (
    "; tested against their baselines: 4 better" in (told(outcome, several)[0])
  )


def test_tables(outcome, make_difference):
  one = outcome.benchmarks[0]
  difference = make_difference(one, "X-Y", "hybrid", CROSS)
  one = dataclasses.replace(
    one, differences={("X-Y", "hybrid", *CROSS): difference}
  )
  means, tests = benchmark_tables(outcome, one)
  assert means.heads == ("arm", "cross MAP", "multi rank distance", "seeds")
  assert means.rows == (
    ("hybrid", ".7100 ± .0141", "305.0 ± 7.1", "2"),
    ("X-Y", ".7400 ± .0000†", "290.0 ± 0.0", "2"),
  )
  assert tests.rows[0][:5] == ("X-Y", "hybrid", "cross", "MAP", "+.0300")
  assert tests.rows[0][-1] == "better over questions, but not beyond the seeds"
