"""The page of a comparison that is made by hand, figure by figure."""

import dataclasses
import html
import json

import pytest

from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Bias,
  CellDifference,
  Comparison,
  Difference,
  Estimate,
  QueryDifference,
  Run,
  SeedValue,
  System,
)
from hybrid_ir.evaluation.examples import Example, Hit
from hybrid_ir.evaluation.report.compare import comparison_files
from hybrid_ir.evaluation.report.compare.view import beside, grids
from hybrid_ir.evaluation.report.decode import decode

A, B = "before <b>", "hybrid"
LANGUAGES = ("ar", "en", "th")
QUERY = 'كم <script>alert("x")</script> & عدد؟'
# mAP by query (row) and passage language: of A, and of B.
OF_A = ((0.5, 0.2, 0.1), (0.3, 0.6, 0.1), (0.2, 0.2, 0.4))
OF_B = ((0.534, 0.4, 0.1), (0.25, 0.7, 0.3), (0.2, 0.4, 0.4))
POOLED = ((0.2, 0.3), (0.25, 0.2), (0.1, 0.4))  # by query language: A, B


def cell(query, passage):
  i = LANGUAGES.index(query)
  if passage == "all":
    against, value = POOLED[i]
  else:
    j = LANGUAGES.index(passage)
    value, against = OF_B[i][j], OF_A[i][j]
  return CellDifference(query, passage, value, against)


CELLS = {
  "mono": [(code, code) for code in LANGUAGES],
  "cross": [(x, y) for x in LANGUAGES for y in LANGUAGES if x != y],
  "multi": [(code, "all") for code in LANGUAGES],
}


def difference(setting, *, value=0.1, significant=True):
  return Difference(
    *(B, A, setting, "map"),
    value=value,
    low=value - 0.05,
    high=value + 0.0625,
    p=0.0001,
    p_holm=0.0003,
    significant=significant,
    questions=1190,
    ahead=2,
    behind=1,
    wins=1000,
    ties=20,
    losses=3,
    cells=tuple(cell(*pair) for pair in CELLS[setting]),
    won=(
      QueryDifference("ar:7", 0.9, 0.125),
      QueryDifference("en:3", 0.5, 0.0),
    ),
    lost=(QueryDifference("th:1", 0.25, 1.0),),
  )


def estimate(system, setting, measure, *values, deviation=None):
  return Estimate(
    *(system, setting, measure),
    value=sum(values) / len(values),
    deviation=deviation,
    seeds=tuple(SeedValue(i, value) for i, value in enumerate(values)),
    low=None,
    high=None,
  )


@pytest.fixture(scope="module")
def comparison():
  one = BenchmarkComparison(
    benchmark="toy_facts",
    unit="passage",
    languages=LANGUAGES,
    systems=(A, B),
    measures=("map",),
    tests=3,
    estimates=(
      estimate(A, "mono", "map", 0.5),
      estimate(B, "mono", "map", 0.54, 0.55, deviation=0.0071),
      estimate(A, "multi", "map", 0.1833),
      estimate(B, "multi", "map", 0.3, 0.3, deviation=0.0),
      estimate(A, "multi", "rank_distance", 1213.66),
      estimate(B, "multi", "rank_distance", 300.0, 310.0),
    ),
    differences=(
      difference("mono", value=0.045, significant=False),
      difference("cross"),
      difference("multi"),
    ),
    bias=(
      Bias(
        A,
        LANGUAGES,
        ((0.9, 0.1, 0.0), (0.2, 0.8, 0.0), (None, None, None)),
        (0.25, 0.25, 0.5),
      ),
      Bias(
        B,
        LANGUAGES,
        ((0.5, 0.3, 0.2), (0.3, 0.4, 0.3), (0.2, 0.2, 0.6)),
        (0.25, 0.25, 0.5),
      ),
    ),
    notes=("mrr: left out",),
  )
  systems = (
    System(A, (Run("runs/a", 0),)),
    System(B, (Run("runs/b0", 0), Run("runs/b1", 1))),
  )
  return Comparison(A, 0.95, 10_000, 0, systems, (one,), ("other: left out",))


@pytest.fixture(scope="module")
def examples():
  def example(query_id, language, query):
    hits = (Hit(1, "ar:DE", "ar", "ثلاثة", 0.75, True),)
    return Example(query_id, language, query, hits)

  both = example("en:9", "en", "How many?")
  return {"toy_facts": {A: (both,), B: (both,)}}


@pytest.fixture(scope="module")
def retrieved():
  """Of a query that B wins; what A has of another one is not known."""

  def example(query_id, language, query, text):
    hits = (Hit(1, "ar:DE", "ar", text, 0.75, True),)
    return {query_id: Example(query_id, language, query, hits)}

  of_a = example("ar:7", "ar", QUERY, "خمسة")
  of_b = example("ar:7", "ar", QUERY, "ستة")
  return {"toy_facts": {A: of_a, B: of_b | example("th:1", "th", "?", "x")}}


@pytest.fixture(scope="module")
def text(comparison, examples, retrieved):
  files = comparison_files(comparison, examples, retrieved)
  return files["compare.html"].decode()


@pytest.fixture(scope="module")
def page(text, parse):
  return parse(text)


def test_the_page_needs_nothing_from_elsewhere(text, check_alone):
  check_alone(text)


def test_the_same_comparison_read_back_gives_the_same_bytes(
  comparison, examples, retrieved
):
  stored = json.loads(json.dumps(dataclasses.asdict(comparison)))
  again = decode(Comparison, stored, "comparison.json")
  assert again == comparison
  files = comparison_files(comparison, examples, retrieved)
  assert comparison_files(again, examples, retrieved) == files
  names = {name for name in files if name.startswith("figures/")}
  assert {name for name in names if name.endswith(".png")} == {
    name.replace(".svg", ".png") for name in names if name.endswith(".svg")
  }


def test_names_are_escaped(text, page):
  assert "<b>" not in text
  assert "<script" not in text
  assert html.escape(A) in text
  assert f"System {A}" in page.text


def test_means_with_spread_best_and_dagger(page):
  shown, every = page.section("means").tables()
  assert [(row["Benchmark"][0], row["Setting"][0]) for row in shown] == [
    ("toy_facts", "mono"),
    ("toy_facts", "multi"),
  ]
  assert shown[0][A] == (".5000", "0.5")
  assert shown[0][B][0] == ".5450 ± .0071"
  assert shown[1][B][0] == ".3000† ± .0000"
  best = page.section("means").all("td", **{"class": "number best"})
  assert [cell.text for cell in best][:2] == [".5450 ± .0071", ".3000† ± .0000"]
  assert "†: differs from before <b> at p <= 0.05" in page.text
  assert "‡" not in page.text
  ranks = [row for row in every if row["Measure"][0] == "rank distance"]
  assert ranks[0][A][0] == "1213.7"
  assert float(ranks[0][B][1]) == 305


def test_none_is_the_best_of_means_over_other_numbers_of_queries(
  comparison, parse
):
  [one] = comparison.benchmarks
  last = one.estimates[-1]  # the rank distance, which is not among the tested
  seeds = tuple(dataclasses.replace(s, queries=5) for s in last.seeds)
  cut = dataclasses.replace(last, seeds=seeds)
  one = dataclasses.replace(one, estimates=(*one.estimates[:-1], cut))
  changed = dataclasses.replace(comparison, benchmarks=(one,))
  page = parse(comparison_files(changed, {}, {})["compare.html"].decode())
  shown = [
    cell
    for name in ("means", "bias")
    for cell in page.section(name).all("td")
    if cell.text in ("305.0‡", "1213.7‡")
  ]
  assert [cell.attributes["class"] for cell in shown] == ["number"] * 4
  assert "‡: over different numbers of queries" in page.section("means").text


def test_differences_with_their_intervals(page):
  section = page.section("differences")
  [figure] = section.all("figure")
  texts = {text.text.strip() for text in figure.all("text")}
  assert {"mono", "cross", "multi", B, "difference in MAP"} <= texts
  assert "hybrid, mono: +.0450 (-.0050 to +.1075)" in figure.caption
  [rows] = section.tables()
  assert [row["Low"][1] for row in rows] == ["-0.0050000000000000044"] + (
    ["0.05"] * 2
  )
  assert rows[0]["Won / tied / lost"][0] == "1,000 / 20 / 3"
  assert rows[0]["Ahead in"][0] == "2 / 3"


def signed(figure):
  """A map's cells as drawn, row by row."""
  texts = [text.text.strip() for text in figure.all("text")]
  return [text for text in texts if text[-1].isdigit()]


def test_maps_of_both_systems_and_their_difference(page):
  of_a, of_b, change = page.section("maps").all("figure")
  assert of_a.numbers() == [50, 20, 10, 30, 60, 10, 20, 20, 40]
  assert of_b.numbers() == [53, 40, 10, 25, 70, 30, 20, 40, 40]
  # OF_B minus OF_A, by hand.
  minus = "\N{MINUS SIGN}"
  assert signed(change) == (
    ["+3.4", "+20", "0.0", f"{minus}5.0", "+10", "+20", "0.0", "+20", "0.0"]
  )
  assert "Higher in 5 cells, lower in 1" in change.caption
  assert "from -5.0 (en → ar) to +20.0" in change.caption
  assert "Means: 54.5 within a language, 27.5 between two." in of_b.caption


def test_by_language_who_is_best(page):
  section = page.section("languages")
  wins, scores = section.tables()
  assert [[row[name][0] for name in (A, B, "of")] for row in wins] == [
    ["1", "3", "3"],  # mono: th is a tie
    ["0", "3", "3"],
    ["1", "2", "3"],  # cross as passage: ar .25 against .225
    ["1", "2", "3"],  # multi: en .25 against .2
  ]
  row = next(
    row
    for row in scores
    if (row["Language"][0], row["Setting"][0]) == ("en", "cross as query")
  )
  assert float(row[A][1]) == pytest.approx((0.3 + 0.1) / 2)
  assert float(row[B][1]) == pytest.approx((0.25 + 0.3) / 2)


def test_by_script_and_family(page):
  [scripts] = page.section("scripts").tables()
  latin = {row["Setting"][0]: row for row in scripts if "Latn" in row["Script"]}
  assert set(latin) == {
    *("mono", "cross to others", "cross from others", "multi"),
  }
  assert float(latin["cross from others"][B][1]) == pytest.approx(0.4)
  assert "Arab: ar; Latn: en; Thai: th." in page.section("scripts").text
  assert "Indo-European: en" in page.section("families").text


def test_bias_side_by_side(page):
  section = page.section("bias")
  of_a, of_b, own = section.all("figure")
  assert of_a.numbers() == [90, 10, 0, 20, 80, 0, 25, 25, 50]
  assert of_b.numbers()[:9] == [50, 30, 20, 30, 40, 30, 20, 20, 60]
  # A: (.9 + .8) / 2 of (.25 + .25) / 2, th has no queries.
  assert "Own language: 85 % on average, of 25 % in the pool" in of_a.caption
  # B: (.5 + .4 + .6) / 3 of (.25 + .25 + .5) / 3.
  assert "Own language: 50 % on average, of 33 % in the pool" in of_b.caption
  assert own.caption == "before <b>: 85 % on average; hybrid: 50 % on average."
  [rows] = section.tables()
  assert rows[0]["Measure"][0] == "Rank distance"


NONE = ((None,) * 3,) * 3  # as of mono alone: no list of all languages


@pytest.fixture
def with_shares(comparison, parse):
  """The bias section where systems have these shares, and nothing in multi."""

  def with_shares(*shares):
    [one] = comparison.benchmarks
    one = dataclasses.replace(
      one,
      estimates=tuple(e for e in one.estimates if e.setting == "mono"),
      bias=tuple(
        dataclasses.replace(item, top10_language_share=share)
        for item, share in zip(one.bias, shares, strict=True)
      ),
    )
    changed = dataclasses.replace(comparison, benchmarks=(one,))
    files = comparison_files(changed, {}, {})
    return parse(files["compare.html"].decode()).section("bias")

  return with_shares


@pytest.mark.filterwarnings("error")
def test_no_bias_without_the_setting_multi(with_shares):
  section = with_shares(NONE, NONE)
  assert "no run was scored in the setting multi" in section.text
  assert "nan" not in section.text
  assert not list(section.all("figure"))


@pytest.mark.filterwarnings("error")
def test_a_system_without_the_setting_multi_is_left_out(with_shares):
  shares, own = with_shares(NONE, ((0.5, 0.3, 0.2),) * 3).all("figure")
  assert shares.caption.endswith(
    "Own language: 33 % on average, of 33 % in the pool."
  )
  assert own.caption == "hybrid: 33 % on average."


def test_queries_won_and_lost_with_the_texts_that_are_there(page):
  section = page.section("queries")
  titles = [summary.text for summary in section.all("summary")]
  assert titles[2] == (
    "toy_facts, multi: hybrid against before <b> (1,000 won, 20 tied, 3 lost)"
  )
  won, lost, *_ = section.tables()
  assert [row["Query"][0] for row in won] == ["ar:7", "en:3"]
  assert won[0]["Text"][0] == QUERY
  assert won[1]["Text"][0] == ""
  assert (won[0][B][0], won[0][A][0]) == (".9000", ".1250")
  assert won[0]["Difference"][0] == "+.7750"
  assert lost[0]["Text"][0] == "?"
  assert lost[0]["Difference"] == ("-.7500", "-0.75")
  shown = next(section.all("td", lang="ar"))
  assert shown.attributes["dir"] == "auto"


def test_what_both_systems_retrieved_for_a_query_that_one_wins(page):
  cards = list(page.section("queries").all("article"))
  assert len(cards) == 3  # of ar:7 in mono, cross and multi
  for card in cards:
    assert QUERY in card.text
    assert [name.text for name in card.all("h4")] == [B, A]
    hits = list(card.all("span", lang="ar"))
    assert {"ستة", "خمسة"} <= {hit.text for hit in hits}


def test_queries_without_texts(comparison, examples, parse):
  files = comparison_files(comparison, examples, {})
  section = parse(files["compare.html"].decode()).section("queries")
  won, *_ = section.tables()
  assert [row["Query"][0] for row in won] == ["ar:7", "en:3"]
  assert "Text" not in won[0]
  assert not list(section.all("article"))


def test_examples_that_both_systems_have(page):
  section = page.section("examples")
  [card] = section.all("article")
  assert [name.text for name in card.all("h4")] == [A, B]
  hits = list(card.all("span", lang="ar"))
  assert [hit.text for hit in hits] == ["ثلاثة"] * 2
  assert {hit.attributes["dir"] for hit in hits} == {"auto"}


def test_what_was_left_out_is_named(page):
  text = page.section("notes").text
  assert "other: left out" in text
  assert "toy_facts: mrr: left out" in text


def test_a_name_that_figures_cannot_write(comparison):
  name = "نظام"

  def renamed(value):
    return decode(
      Comparison,
      json.loads(json.dumps(value, ensure_ascii=False).replace(B, name)),
      "here",
    )

  files = comparison_files(renamed(dataclasses.asdict(comparison)), {}, {})
  page = files["compare.html"].decode()
  assert f"#2 stands for {name}" in page
  figure = files["figures/difference-toy-facts-map.svg"].decode()
  assert "#2" in figure
  assert name not in figure


def test_without_per_query_values_the_means_stand_alone(comparison, parse):
  one = dataclasses.replace(
    comparison.benchmarks[0], differences=(), bias=(), languages=()
  )
  bare = dataclasses.replace(comparison, benchmarks=(one,))
  files = comparison_files(bare, {}, {})
  assert list(files) == ["compare.html"]
  page = parse(files["compare.html"].decode())
  assert "No tests" in page.section("differences").text
  assert "No maps" in page.section("maps").text
  assert "No queries" in page.section("queries").text
  assert len(list(page.section("means").tables())) == 2


def test_a_grid_has_either_side_of_a_difference(comparison):
  of_a, of_b = grids(comparison.benchmarks[0], "map")
  assert of_a.matrix.tolist() == [list(row) for row in OF_A]
  assert of_b.matrix.tolist() == [list(row) for row in OF_B]
  assert of_b.pooled.tolist() == [b for _, b in POOLED]


@pytest.mark.parametrize(
  ("measure", "values", "best"),
  [
    ("map", [0.5, 0.50001, 0.4], [True, True, False]),
    ("rank_distance", [10.0, 9.0, None], [False, True, False]),
    ("own_language_first", [0.5, 0.7], [False, False]),
    ("map", [0.5, float("nan")], [False, False]),
  ],
)
def test_the_best_of_a_row(measure, values, best):
  assert [cell.best for cell in beside(measure, values)] == best
