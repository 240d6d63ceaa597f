"""Arms, their names and their tests, from folders on disk."""

import dataclasses
import json

import numpy as np
import pytest

from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.reading import read_outcome
from hybrid_ir.studies.sentences import findings
from hybrid_ir.studies.tables import benchmark_tables
from hybrid_ir.studies.tidy import tidy

from .scored_runs import LANGUAGES, QUESTIONS, write_run

AXES = {
  "kind": {"hybrid": {}, "X-X": {"mix.cross": 0.0}, "X-Y": {"mix.mono": 0.0}},
  "size": {"8": {}, "16": {"train.batch_size": 16}},
}


@pytest.fixture
def study(make_study, tmp_path):
  """X-Y of size 16 was not run; X-X is worse by .2 on every question."""
  config = make_study(
    AXES,
    study__measures=("map",),
    compare__resamples=500,
    evaluate__benchmarks=("towns.jsonl",),
  )
  cells = make_cells(config, tmp_path)
  draws = np.random.default_rng(0)
  for cell in cells:
    kind, size = cell.labels.values()
    if (kind, size) != ("X-Y", "16"):
      # The same questions are hard for all.
      hard = np.random.default_rng(1).uniform(0.3, 0.6, 2 * QUESTIONS)
      noise = draws.normal(0, 0.01, 2 * QUESTIONS)
      write_run(cell, hard + noise - 0.2 * (kind == "X-X"))
  return config, cells


def test_arms_and_their_baselines(study):
  outcome = read_outcome(*study)
  assert {arm.name: arm.against for arm in outcome.arms} == {
    "hybrid, 8": (),
    "hybrid, 16": (),
    "X-X, 8": ("hybrid, 8",),
    "X-X, 16": ("hybrid, 16",),
    "X-Y, 8": ("hybrid, 8",),
  }


def test_tests_against_the_baseline_alone(study):
  [one] = read_outcome(*study).benchmarks
  assert (one.tests, one.source) == (3, "towns.jsonl")
  found = {arm: d for (arm, *_), d in one.differences.items()}
  assert found["X-X, 8"].value == pytest.approx(-0.2, abs=0.02)
  assert found["X-X, 8"].significant
  assert not found["X-Y, 8"].significant
  # Holm's correction is over the three, not over each alone.
  p = {arm: d.p for arm, d in found.items()}
  assert found["X-X, 16"].p_holm == pytest.approx(
    max(3 * min(p.values()), 2 * sorted(p.values())[1]), rel=1e-9
  )
  interval = one.estimates["X-X, 8", "mono", "map"]
  assert interval.low < interval.value < interval.high


def against_both(study, **changes):
  """The study, against both kinds of batch."""
  config, cells = study
  other = dataclasses.replace(config)
  other.study = dataclasses.replace(
    config.study, against=("kind=X-X", "kind=X-Y"), **changes
  )
  return read_outcome(other, cells)


def test_several_baselines(study):
  outcome = against_both(study)
  [one] = outcome.benchmarks
  assert {(arm, base) for arm, base, *_ in one.differences} == {
    ("hybrid, 8", "X-X, 8"),
    ("hybrid, 8", "X-Y, 8"),
    ("hybrid, 16", "X-X, 16"),
    ("X-Y, 8", "X-X, 8"),
  }
  assert one.tests == 4
  # Holm's correction is over all four, whatever they are against.
  by_p = sorted(one.differences.values(), key=lambda d: d.p)
  assert by_p[0].p_holm == pytest.approx(4 * by_p[0].p)
  assert by_p[3].p_holm == pytest.approx(
    max(by_p[3].p, 2 * by_p[2].p, 3 * by_p[1].p, 4 * by_p[0].p)
  )
  better = one.differences["hybrid, 8", "X-X, 8", "mono", "map"]
  assert better.value == pytest.approx(0.2, abs=0.02)
  # X-Y of size 16 was not run: the arm that lacks it says so, once.
  assert one.notes == (
    "hybrid, 16: no test against X-Y, 16, which has no figures of it",
  )
  tables = {t.name: t for t in benchmark_tables(outcome, one)}
  assert [row[:2] for row in tables["towns: tests"].rows] == [
    key[:2] for key in one.differences
  ]
  lines = tidy(outcome).splitlines()
  assert sum(",p_holm," in line for line in lines) == 4


def test_a_baseline_that_only_leaves_out(study):
  config, cells = study
  cells = [cell for cell in cells if cell.labels["kind"] != "X-X"]
  outcome = against_both(
    (config, cells), only=("kind=hybrid", "kind=X-Y", "size=8")
  )
  [one] = outcome.benchmarks
  assert "hybrid, 8: no test against X-X, 8, which study.only leaves out" in (
    one.notes
  )


def test_means_by_language(study):
  [one] = read_outcome(*study).benchmarks
  means = {(m.arm, m.language): m for m in one.by_language}
  assert len(means) == 5 * 2
  both = [means["X-X, 8", language].value for language in LANGUAGES]
  assert np.mean(both) == pytest.approx(
    one.estimates["X-X, 8", "mono", "map"].value
  )


def test_figures_of_an_approximate_search_are_left_out(study, tmp_path):
  [alone] = read_outcome(*study).benchmarks
  for results in tmp_path.glob("cells/*/results.jsonl"):
    lines = [*map(json.loads, results.read_text().splitlines())]
    lines += [line | {"search": "scann", "value": 0.77} for line in lines]
    results.write_text("".join(json.dumps(line) + "\n" for line in lines))
  assert "scann" in results.read_text()
  [beside] = read_outcome(*study).benchmarks
  assert beside.estimates == alone.estimates
  assert beside.by_language == alone.by_language


def test_means_by_language_are_of_the_step_scored_last(study, tmp_path):
  """Such as a dev set's best, scored after a later one that stays there."""
  [alone] = read_outcome(*study).benchmarks
  for results in tmp_path.glob("cells/*/results.jsonl"):
    lines = [*map(json.loads, results.read_text().splitlines())]
    newest = [
      line | {"step": line["step"] + 1, "value": 0.77} for line in lines
    ]
    lines = newest + lines
    results.write_text("".join(json.dumps(line) + "\n" for line in lines))
  [beside] = read_outcome(*study).benchmarks
  assert beside.estimates == alone.estimates
  assert beside.by_language == alone.by_language


def test_one_figure_a_line(study):
  lines = tidy(read_outcome(*study)).splitlines()
  assert lines[0].split(",")[:5] == [
    *("benchmark", "unit", "arm", "axis:kind", "axis:size"),
  ]
  assert sum(",p_holm," in line for line in lines) == 3


def test_an_arm_alone_has_a_name(make_study, tmp_path):
  config = make_study(
    {"kind": {"hybrid": {}}},
    seeds=(0,),
    evaluate__benchmarks=("towns.jsonl",),
    study__measures=("map",),
  )
  [cell] = make_cells(config, tmp_path)
  write_run(cell, np.full(2 * QUESTIONS, 0.5))
  [arm] = read_outcome(config, [cell]).arms
  assert arm.name == "baseline"


def test_names_of_one_axis_at_a_time(make_study, tmp_path):
  config = make_study(
    AXES,
    design="one_at_a_time",
    seeds=(0,),
    evaluate__benchmarks=("towns.jsonl",),
    study__measures=("map",),
  )
  cells = make_cells(config, tmp_path)
  for cell in cells:
    write_run(cell, np.full(2 * QUESTIONS, 0.5))
  outcome = read_outcome(config, cells)
  assert {arm.name: arm.against for arm in outcome.arms} == {
    "baseline": (),
    "kind X-X": ("baseline",),
    "kind X-Y": ("baseline",),
    "size 16": ("baseline",),
  }


def test_nothing_is_done_yet(make_study, tmp_path):
  config = make_study(AXES)
  outcome = read_outcome(config, make_cells(config, tmp_path))
  assert (outcome.arms, outcome.benchmarks) == ((), ())


def seeds_done(make_study, tmp_path, done, **keys):
  """X-X against hybrid, of the seeds that are done of each.

  Hybrid scores .5 + .1 * seed, X-X .2 less.
  """
  config = make_study(
    {"kind": {"hybrid": {}, "X-X": {"mix.cross": 0.0}}},
    seeds=(0, 1, 2),
    study__measures=("map",),
    compare__resamples=500,
    evaluate__benchmarks=("towns.jsonl",),
    **keys,
  )
  cells = make_cells(config, tmp_path)
  for cell in cells:
    kind = cell.labels["kind"]
    if cell.seed in done[kind]:
      level = 0.5 + 0.1 * cell.seed - 0.2 * (kind == "X-X")
      write_run(cell, np.full(2 * QUESTIONS, level))
  return read_outcome(config, cells)


def test_a_test_is_of_the_seeds_that_both_have(make_study, tmp_path):
  done = {"hybrid": (0, 1, 2), "X-X": (0, 1)}
  outcome = seeds_done(make_study, tmp_path, done)
  [one] = outcome.benchmarks
  # Over hybrid's three seeds it would be .35 - .6.
  difference = one.differences["X-X", "hybrid", "mono", "map"]
  assert difference.value == pytest.approx(-0.2)
  assert (difference.low, difference.high) == pytest.approx((-0.2, -0.2))
  # Means are of all that is done; intervals only where a test is of all.
  hybrid = one.estimates["hybrid", "mono", "map"]
  assert hybrid.value == pytest.approx(0.6)
  assert (len(hybrid.seeds), hybrid.low) == (3, None)
  assert one.estimates["X-X", "mono", "map"].low == pytest.approx(0.35)
  tables = {table.name: table for table in benchmark_tables(outcome, one)}
  tests = tables["towns: tests"]
  assert tests.rows[0][tests.heads.index("seeds")] == "2"
  assert "seeds,,2" in next(
    line for line in tidy(outcome).splitlines() if ",seeds," in line
  )
  [_, said] = findings(outcome)
  assert (
    "X-X is .3500 ± .0707, of hybrid .5500 ± .0707 over the seeds that both"
    " have: difference -.2000"
  ) in said.text


def test_a_measure_that_one_seed_lacks_is_not_tested(make_study, tmp_path):
  done = {"hybrid": (0, 1, 2), "X-X": (0, 1)}
  config = seeds_done(make_study, tmp_path, done).config
  cells = make_cells(config, tmp_path)
  # As of a run of an earlier version: seed 2 alone has MAP of another name.
  [last] = [c for c in cells if c.labels["kind"] == "hybrid" and c.seed == 2]
  results = last.folder / "results.jsonl"
  results.write_text(results.read_text().replace('"map"', '"mrr"'))
  outcome = read_outcome(config, cells)
  [one] = outcome.benchmarks
  assert ("hybrid", "mono", "map") not in one.estimates
  assert one.differences == {}
  # Its pages can be written.
  assert tidy(outcome)
  assert [*findings(outcome)] == []
  assert [*benchmark_tables(outcome, one)]


def test_settings_that_are_not_asked_for_are_not_tested(make_study, tmp_path):
  """A shared run may have another study's, which Holm would count."""
  done = {"hybrid": (0, 1), "X-X": (0, 1)}
  seeds_done(make_study, tmp_path, done)
  for results in tmp_path.glob("cells/*/results.jsonl"):
    mono = results.read_text()
    multi = mono.replace('"mono"', '"multi"')
    at = '"passage_language": '
    multi = multi.replace(f'{at}"*"', f'{at}"all"')
    results.write_text(multi + mono)
  for settings in (("mono", "multi"), ("mono",), ("multi",)):
    [one] = seeds_done(
      *(make_study, tmp_path, {"hybrid": (), "X-X": ()}),
      evaluate__settings=settings,
    ).benchmarks
    assert {setting for _, setting, _ in one.estimates} == {*settings}
    of_languages = {mean.setting for mean in one.by_language}
    assert of_languages == {*settings} - {"multi"}
    assert one.tests == ("mono" in settings)


def test_arms_that_share_no_seed_are_not_tested(make_study, tmp_path):
  done = {"hybrid": (0,), "X-X": (1, 2)}
  [one] = seeds_done(make_study, tmp_path, done).benchmarks
  assert one.differences == {}
  assert one.notes == (
    "X-X: no test against hybrid, as no seed of both is done",
  )
  assert one.estimates["X-X", "mono", "map"].value == pytest.approx(0.45)


def test_without_its_baseline_an_arm_keeps_its_figures(make_study, tmp_path):
  config = make_study(
    {"kind": {"hybrid": {}, "X-X": {"mix.cross": 0.0}}},
    study__measures=("map",),
    evaluate__benchmarks=("towns.jsonl",),
  )
  cells = make_cells(config, tmp_path)
  for cell in cells:
    if cell.labels["kind"] == "X-X":
      write_run(cell, np.full(2 * QUESTIONS, 0.5))
  [one] = (outcome := read_outcome(config, cells)).benchmarks
  assert one.estimates["X-X", "mono", "map"].value == pytest.approx(0.5)
  assert (one.unit, one.arms, one.differences) == ("passage", ("X-X",), {})
  assert one.notes == (
    "X-X: no test against hybrid, which has no figures of it",
  )
  means, *_ = benchmark_tables(outcome, one)
  assert means.rows == (("X-X", ".5000 ± .0000", "2"),)


def test_too_few_resamples_are_told_of_all_tests(study):
  config, cells = study
  fewer = dataclasses.replace(config)
  fewer.compare = dataclasses.replace(config.compare, resamples=50)
  [one] = read_outcome(fewer, cells).benchmarks
  [note] = one.notes  # one arm's tests have 1 / 51 < .05, three have 3 / 51
  assert note.startswith(
    "no difference can be significant: of 3 tests with 50 resamples the"
    " smallest p (Holm) is 0.059;"
  )
  fewer.compare = dataclasses.replace(config.compare, resamples=59)
  [one] = read_outcome(fewer, cells).benchmarks
  assert one.notes == ()


@pytest.mark.parametrize(("in_cell", "notes"), [("28af", 0), ("", 2)])
def test_what_the_study_checked_itself_is_no_note(
  make_study, tmp_path, in_cell, notes
):
  """Runs of a version whose details had no fingerprint."""
  config = make_study(
    {"kind": AXES["kind"]},
    seeds=(0,),
    study__measures=("map",),
    study__only=("kind=hybrid", "kind=X-X"),
    compare__resamples=500,
    evaluate__benchmarks=("towns.jsonl",),
  )
  cells = make_cells(config, tmp_path)
  for cell in cells:
    write_run(cell, np.linspace(0, 1, 2 * QUESTIONS), "", in_cell)
  [one] = read_outcome(config, cells).benchmarks
  assert sum("not checked that its texts" in n for n in one.notes) == notes
