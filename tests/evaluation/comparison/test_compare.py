import dataclasses
import json
import pathlib
import statistics

import numpy as np
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.comparison.compare import compare
from hybrid_ir.evaluation.comparison.figures import Comparison
from hybrid_ir.evaluation.comparison.systems import load
from hybrid_ir.evaluation.report.decode import decode


def run(paths, **options):
  defaults = {
    "baseline": "",
    "measures": ("map", "rank_distance"),
    "resamples": 200,
    "level": 0.95,
    "seed": 0,
  }
  return compare(load(paths), **{**defaults, **options})


def table(*rows):
  return np.array(rows, float)


# Values by query (de:1 de:2 de:3 de:4 en:1 en:2 en:3) and pool (de en all).
NAN = np.nan
PLAIN = table(
  (0.2, 0.1, 0.1),
  (0.4, 0.2, 0.1),
  (0.6, 0.3, 0.1),
  (0.8, NAN, 0.1),
  (0.1, 0.5, 0.1),
  (0.1, 0.5, 0.1),
  (0.1, 0.5, 0.1),
)
BETTER = table(
  (0.3, 0.1, 0.1),
  (0.4, 0.2, 0.1),
  (0.9, 0.9, 0.1),
  (0.8, NAN, 0.1),
  (0.1, 0.4, 0.1),
  (0.1, 0.5, 0.1),
  (0.1, 0.5, 0.1),
)


@pytest.fixture
def pair(make_run):
  """Per (setting): the one difference between two systems on MAP."""
  paths = [
    make_run("plain", {"map": PLAIN}),
    make_run("better", {"map": BETTER}),
  ]
  one = run(paths).benchmarks[0]
  return {difference.setting: difference for difference in one.differences}


def test_a_difference_by_hand(pair):
  mono = pair["mono"]
  assert (mono.system, mono.against, mono.measure) == ("better", "plain", "map")
  # German gains (.1 + .3) / 4, English loses .1 / 3; their mean.
  assert mono.value == pytest.approx((0.1 - 0.1 / 3) / 2)
  assert mono.low <= mono.value <= mono.high
  german, english = mono.cells
  assert (german.query_language, german.passage_language) == ("de", "de")
  assert german.value - german.against == pytest.approx(0.1)
  assert english.value - english.against == pytest.approx(-0.1 / 3)
  assert (mono.ahead, mono.behind, mono.questions) == (1, 1, 4)
  assert (mono.wins, mono.ties, mono.losses) == (2, 4, 1)
  assert [query.query_id for query in mono.won] == ["de:3", "de:1"]
  assert [query.query_id for query in mono.lost] == ["en:1"]
  assert mono.won[0].value == pytest.approx(0.9)
  assert mono.won[0].against == pytest.approx(0.6)


def test_questions_without_a_gold_are_not_resampled(pair):
  cross = pair["cross"]
  assert cross.questions == 3  # de:4 has nothing to find in English
  assert (cross.wins, cross.ties, cross.losses) == (1, 5, 0)
  assert [
    (cell.query_language, cell.passage_language) for cell in cross.cells
  ] == [("de", "en"), ("en", "de")]


def test_where_systems_are_equal(pair):
  multi = pair["multi"]
  assert (multi.value, multi.low, multi.high, multi.p) == (0, 0, 0, 1)
  assert (multi.wins, multi.ties, multi.losses) == (0, 7, 0)
  assert not multi.significant
  assert multi.cells[0].passage_language == "all"


@pytest.fixture
def three(make_run):
  """Three systems, one with three seeds, one far better."""
  rng = np.random.default_rng(0)
  questions = [f"{i:02}" for i in range(30)]
  queries = [f"{code}:{i}" for code in ("de", "en") for i in questions]
  base = rng.random((60, 3)) / 4

  def tables(shift, noise):
    drawn = base + shift + 0.02 * np.random.default_rng(noise).random((60, 3))
    distances = np.full((60, 3), NAN)
    distances[:, 2] = np.round(100 - 100 * drawn[:, 2])
    return {"map": drawn, "rank_distance": distances, "mrr": drawn}

  paths = [
    make_run(name, tables(shift, i), system=system, seed=seed, queries=queries)
    for i, (name, system, seed, shift) in enumerate(
      (
        ("a", "first", 0, 0.1),
        ("b2", "second", 2, 0.4),
        ("b0", "second", 0, 0.5),
        ("b1", "second", 1, 0.6),
        ("c", "third", 0, 0.1),
      )
    )
  ]
  return paths


def test_seeds_are_one_system(three):
  comparison = run(three)
  assert [system.name for system in comparison.systems] == [
    *("first", "second", "third")
  ]
  assert [r.seed for r in comparison.systems[1].runs] == [0, 1, 2]
  one = comparison.benchmarks[0]
  estimate = next(
    e
    for e in one.estimates
    if (e.system, e.setting, e.measure) == ("second", "mono", "map")
  )
  assert [s.seed for s in estimate.seeds] == [0, 1, 2]
  values = [s.value for s in estimate.seeds]
  assert values[1] > values[0] > values[2]
  assert estimate.value == pytest.approx(statistics.mean(values))
  assert estimate.deviation == pytest.approx(statistics.stdev(values))
  assert estimate.low < estimate.value < estimate.high
  alone = next(e for e in one.estimates if e.system == "first")
  assert alone.deviation is None


def test_all_pairs_and_the_family(three):
  one = run(three, baseline="third").benchmarks[0]
  assert one.systems == ("third", "first", "second")
  # 3 pairs x (MAP in 3 settings, the rank distance in one)
  assert one.tests == len(one.differences) == 12
  assert {(d.system, d.against) for d in one.differences} == {
    *(("first", "third"), ("second", "third"), ("second", "first"))
  }
  p = sorted((d.p, d.p_holm) for d in one.differences)
  assert p[0] == (1 / 201, pytest.approx(12 / 201))
  assert [holm for _, holm in p] == sorted(holm for _, holm in p)
  sure = run(three, resamples=2000).benchmarks[0]
  assert {
    (d.system, d.against, d.measure) for d in sure.differences if d.significant
  } == {
    ("second", "first", "map"),
    ("second", "first", "rank_distance"),
    ("third", "second", "map"),
    ("third", "second", "rank_distance"),
  }


def test_resamples_too_few_for_the_family_are_told(three):
  said = "of 12 tests with 100 resamples the smallest p (Holm) is 0.12"
  few, enough = (run(three, resamples=R).benchmarks[0] for R in (100, 240))
  assert any(said in note for note in few.notes)
  assert not any(d.significant for d in few.differences)
  assert enough.notes == ()
  assert any(d.significant for d in enough.differences)


def test_a_smaller_rank_distance_is_ahead(three):
  one = run(three).benchmarks[0]
  distance = next(
    d
    for d in one.differences
    if d.measure == "rank_distance" and d.system == "second"
  )
  assert distance.value < 0
  assert (distance.ahead, distance.behind) == (2, 0)
  assert distance.wins == 60
  gains = [query.against - query.value for query in distance.won]
  assert len(gains) == 10
  assert gains == sorted(gains, reverse=True)


def test_measures_that_are_not_tested_have_means(three):
  one = run(three).benchmarks[0]
  mrr = [e for e in one.estimates if e.measure == "mrr"]
  assert len(mrr) == 9
  assert {(e.low, e.high) for e in mrr} == {(None, None)}
  assert one.measures == ("map", "rank_distance")


def test_the_order_of_queries_does_not_matter(make_run):
  order = [4, 0, 6, 2, 5, 1, 3]
  queries = ["de:1", "de:2", "de:3", "de:4", "en:1", "en:2", "en:3"]
  first = make_run("plain", {"map": PLAIN})
  better = make_run("better", {"map": BETTER})
  shuffled = make_run(
    "shuffled",
    {"map": BETTER[order]},
    system="better",
    queries=[queries[i] for i in order],
  )
  expected = run([first, better]).benchmarks[0].differences
  assert run([first, shuffled]).benchmarks[0].differences == expected


def test_it_goes_through_json(three):
  comparison = run(three)
  text = json.dumps(dataclasses.asdict(comparison), allow_nan=False)
  assert decode(Comparison, json.loads(text), "comparison.json") == comparison


@pytest.mark.parametrize("none", [None, NAN])  # NaN: an earlier version's
def test_language_shares_are_means_over_seeds(make_run, tmp_path, none):
  paths = [
    make_run(name, {"map": PLAIN}, system=system, seed=seed)
    for name, system, seed in (("a", "a", 0), ("b0", "b", 0), ("b1", "b", 1))
  ]
  for name, share in (("b0", 0.2), ("b1", 0.6)):
    details = {
      "benchmark": "towns",
      "step": 9,
      "languages": ["de", "en"],
      "top10_language_share": [[share, 1 - share], [none, none]],
      "pool_language_share": [0.5, 0.5],
      "examples": [],
    }
    path = tmp_path / name / "details" / "towns.json"
    path.write_text(json.dumps(details))
  (bias,) = run(paths).benchmarks[0].bias
  assert (bias.system, bias.languages) == ("b", ("de", "en"))
  assert bias.top10_language_share[0] == pytest.approx((0.4, 0.6))
  assert bias.top10_language_share[1] == (None, None)
  assert bias.pool_language_share == (0.5, 0.5)


def test_what_an_evaluation_left_out_is_told(make_run, tmp_path):
  names = {"a": "a", "b0": "b", "b1": "b"}  # folder -> system
  paths = [
    make_run(folder, {"map": PLAIN}, system=system, seed=int(folder == "b1"))
    for folder, system in names.items()
  ]
  for folder in ("b0", "b1"):
    details = {
      "benchmark": "towns",
      "step": 9,
      "languages": ["de", "en"],
      "top10_language_share": [[0.5, 0.5], [0.5, 0.5]],
      "pool_language_share": [0.5, 0.5],
      "left_out": ["passages without an embedding: 1 (de:7)"],
      "examples": [],
    }
    path = tmp_path / folder / "details" / "towns.json"
    path.write_text(json.dumps(details))
  assert run(paths, measures=("map",)).benchmarks[0].notes == (
    "b, left out: passages without an embedding: 1 (de:7)",
  )


@pytest.mark.parametrize("values", [True, False])
def test_what_was_not_checked_is_told(make_run, values):
  paths = [
    make_run("plain", {"map": PLAIN}),
    make_run("better", {"map": BETTER}, fingerprint="", values=values),
  ]
  one = run(paths).benchmarks[0]
  assert bool(one.differences) == values
  (note,) = (note for note in one.notes if "not checked" in note)
  assert note.startswith("better: not checked that its texts and judgements")
  assert f"{paths[1]} has no fingerprint" in note
  assert "details/towns.npz; run task=evaluate there" in note


def test_means_only(make_run):
  paths = [
    make_run("plain", {"map": PLAIN}),
    make_run("better", {"map": BETTER}, values=False),
  ]
  one = run(paths).benchmarks[0]
  assert one.differences == ()
  assert {(e.low, e.high) for e in one.estimates} == {(None, None)}
  assert len(one.estimates) == 6
  note = f"better: no tests, as {paths[1]} has no details/towns.npz"
  assert any(line.startswith(note) for line in one.notes)


def test_figures_of_an_approximate_search_are_left_out(make_run):
  paths = [
    make_run("plain", {"map": PLAIN}),
    make_run("better", {"map": BETTER}),
  ]
  alone = run(paths).benchmarks[0]
  for path in paths:
    results = pathlib.Path(path) / "results.jsonl"
    lines = map(json.loads, results.read_text().splitlines())
    with results.open("a") as file:
      for line in lines:
        line |= {"search": "scann", "value": 0.77}
        file.write(json.dumps(line) + "\n")
  beside = run(paths).benchmarks[0]
  assert beside.estimates == alone.estimates
  assert beside.differences == alone.differences


def test_a_measure_that_one_lacks_is_left_out_with_a_note(make_run):
  paths = [
    make_run("plain", {"map": PLAIN, "mrr": PLAIN}),
    make_run("better", {"map": BETTER}),
  ]
  one = run(paths, measures=("map", "mrr", "peer@20")).benchmarks[0]
  assert {e.measure for e in one.estimates} == {"map"}
  assert f"mono mrr: left out, not in {paths[1]}" in one.notes
  assert "peer@20: left out, no system has it" in one.notes


@pytest.mark.parametrize("odd", [NAN, np.inf])
def test_values_that_cannot_be_paired_are_not_tested(make_run, odd):
  other = BETTER.copy()
  other[0, 0] = odd
  tables = {"map": BETTER, "mrr": PLAIN}
  with np.errstate(invalid="ignore"):
    paths = [
      make_run("plain", {"map": PLAIN, "mrr": PLAIN}),
      make_run("odd", tables),
    ]
  path = f"{paths[1]}/details/towns.npz"
  with np.load(path) as file:
    arrays = dict(file)
  arrays["values"][0, 0, 0] = odd
  np.savez(path, **arrays)
  one = run(paths, measures=("map", "mrr")).benchmarks[0]
  tested = {(d.setting, d.measure) for d in one.differences}
  settings = ("mono", "cross", "multi")  # the odd one is of mono alone
  assert tested == {
    *((setting, "mrr") for setting in settings),
    *((setting, "map") for setting in settings[1:]),
  }
  [note] = [line for line in one.notes if "no test" in line]
  assert note.startswith("mono map: no test, ")


@pytest.mark.parametrize("values", [True, False])
def test_means_over_fewer_queries_are_told(make_run, values):
  """As the rank distance of a run that is cut, of the nearest alone."""
  whole = np.full_like(PLAIN, NAN)
  whole[:, 2] = (5, 800, 7, 6, 9, 900, 4)
  cut = np.where(whole < 100, whole, NAN)
  paths = [
    make_run(name, {"map": PLAIN, "rank_distance": distance}, values=values)
    for name, distance in (("whole", whole), ("cut", cut))
  ]
  one = run(paths).benchmarks[0]
  counts = {
    (e.system, e.measure): e.seeds[0].queries
    for e in one.estimates
    if e.setting == "multi"
  }
  assert counts == {
    ("whole", "map"): 7,
    ("whole", "rank_distance"): 7,
    ("cut", "map"): 7,
    ("cut", "rank_distance"): 5,
  }
  assert [note for note in one.notes if "numbers of queries" in note] == [
    "multi rank_distance: none is the best, as the means are over different"
    " numbers of queries (whole: 7; cut: 5)"
  ]


def test_a_setting_that_one_lacks_leaves_the_others_their_tests(make_run):
  pooled = np.full_like(BETTER, NAN)
  pooled[:, 2] = np.arange(7) / 8
  paths = [
    make_run("plain", {"map": PLAIN, "mrr": PLAIN}),
    make_run("pooled", {"map": pooled, "mrr": pooled}),
  ]
  one = run(paths, measures=("map", "mrr")).benchmarks[0]
  assert {(d.setting, d.measure) for d in one.differences} == {
    ("multi", "map"),
    ("multi", "mrr"),
  }
  # (de: (0 + 1 + 2 + 3) / 4, en: (4 + 5 + 6) / 3) / 8, less .1.
  assert one.differences[0].value == pytest.approx((1.5 + 5) / 2 / 8 - 0.1)
  assert f"mono map: left out, not in {paths[1]}" in one.notes
  assert not [line for line in one.notes if "no test" in line]


def test_benchmarks_that_not_all_have(make_run):
  paths = [
    make_run(name, {"map": values})
    for name, values in (("a", PLAIN), ("b", BETTER), ("c", PLAIN))
  ]
  for name in "ab":
    make_run(name, {"map": PLAIN}, benchmark="rivers")
  make_run("c", {"map": PLAIN}, benchmark="lakes")
  comparison = run(paths)
  assert [b.benchmark for b in comparison.benchmarks] == ["rivers", "towns"]
  assert set(comparison.notes) == {
    "rivers: not scored by c",
    "lakes is left out: only c has it",
  }


def test_what_was_scored_last_counts(make_run):
  paths = [
    make_run("a", {"map": PLAIN}, step=0),
    make_run("b", {"map": PLAIN}),
  ]
  make_run("a", {"map": BETTER}, step=9)
  one = run(paths).benchmarks[0]
  mono = next(d for d in one.differences if d.setting == "mono")
  assert mono.value == pytest.approx(-(0.1 - 0.1 / 3) / 2)


def one_error(paths, **options):
  with pytest.raises(UserError) as info:
    run(paths, **options)
  assert "\n" not in str(info.value)
  return str(info.value)


def test_mistakes_in_the_config(make_run):
  a = make_run("a", {"map": PLAIN})
  b = make_run("b", {"map": PLAIN})
  seed = make_run("seed", {"map": PLAIN}, system="a", seed=1)
  twice = make_run("twice", {"map": PLAIN}, system="a")
  assert "names 0 systems" in one_error([])
  assert "names 1 systems (a)" in one_error([a, seed])
  assert "once more; name each once" in one_error([a, b, f"{a}/results.jsonl"])
  assert "no such workdir" in one_error([a, f"{b}/none"])
  assert "did you mean 'a'?" in one_error([a, b], baseline="aa")
  assert "there are a, b" in one_error([a, b], baseline="zzz")
  assert "with seed 0 is that of" in one_error([a, b, twice])
  assert "none of these in common, but map" in one_error(
    [a, b], measures=("mrr",)
  )


def test_a_workdir_without_results(make_run, tmp_path):
  a = make_run("a", {"map": PLAIN})
  (tmp_path / "empty").mkdir()
  said = one_error([a, str(tmp_path / "empty")])
  assert "results.jsonl: missing or empty; run task=evaluate" in said


def test_no_benchmark_in_common(make_run):
  a = make_run("a", {"map": PLAIN})
  b = make_run("b", {"map": PLAIN}, benchmark="rivers")
  assert "no benchmark was scored in two" in one_error([a, b])


def test_damaged_files(make_run, tmp_path):
  a = make_run("a", {"map": PLAIN})
  b = make_run("b", {"map": PLAIN})
  npz = tmp_path / "b" / "details" / "towns.npz"
  whole = npz.read_bytes()
  npz.write_bytes(whole[:100])
  assert "towns.npz: not a whole file" in one_error([a, b])
  npz.write_bytes(whole)
  with open(f"{b}/results.jsonl", "a") as file:
    file.write('{"system": ')
  assert "results.jsonl:4: not valid JSON" in one_error([a, b])


def test_details_that_are_not_those_of_the_results(make_run):
  a = make_run("a", {"map": PLAIN})
  b = make_run("b", {"map": PLAIN})
  make_run("b", {"map": BETTER}, step=10, values=False)
  assert "step 9, but results.jsonl ends with" in one_error([a, b])
  make_run("b", {"map": BETTER}, step=9, values=False)
  assert "but 0.5 by details/towns.npz" in one_error([a, b])


@pytest.mark.parametrize(
  ("change", "said"),
  [
    ({"candidates": 41}, "setting cross, map: candidates: 40 in"),
    (
      {"queries": ["de:1", "de:2", "de:3", "de:5", "en:1", "en:2", "en:3"]},
      "2 queries are in one of",
    ),
    ({"languages": ("de", "en", "tr")}, "languages de, en in"),
  ],
)
def test_systems_scored_on_other_things(make_run, change, said):
  a = make_run("a", {"map": PLAIN})
  if "languages" in change:
    other = np.insert(PLAIN, 2, NAN, axis=1)[:, [0, 1, 3, 2]]
    b = make_run("b", {"map": other}, **change)
  else:
    b = make_run("b", {"map": PLAIN}, **change)
  message = one_error([a, b])
  assert said in message
  assert a in message
  assert b in message


@pytest.mark.parametrize("system", ["b", "a"])  # a seed is no other
def test_systems_scored_on_other_data(make_run, system):
  paths = [
    make_run("a", {"map": PLAIN}),
    make_run("old", {"map": PLAIN}, fingerprint=""),
    make_run("b", {"map": PLAIN}, system=system, seed=1, fingerprint="2c3d"),
  ]
  message = one_error(paths)
  assert f"benchmark 'towns': 'a' and '{system}' were scored on" in message
  assert f"0a1b in {paths[0]} (details/towns.npz)" in message
  assert f"2c3d in {paths[2]} (details/towns.npz)" in message
  assert "run task=evaluate in both again, on the same data" in message


def test_fewer_queries_without_details(make_run):
  a = make_run("a", {"map": PLAIN}, values=False)
  b = make_run(
    "b",
    {"map": PLAIN[[0, 1, 2, 3, 4, 5]]},
    queries=["de:1", "de:2", "de:3", "de:4", "en:1", "en:2"],
    values=False,
  )
  assert "queries: 7 in" in one_error([a, b])
