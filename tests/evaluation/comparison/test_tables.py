"""The tables' formats, of one comparison that is made by hand."""

import csv
import dataclasses
import io

import pytest

from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  CellDifference,
  Comparison,
  Difference,
  Estimate,
  Run,
  SeedValue,
  System,
)
from hybrid_ir.evaluation.comparison.latex import latex
from hybrid_ir.evaluation.comparison.markdown import markdown
from hybrid_ir.evaluation.comparison.tidy import COLUMNS, tidy

A, B = "x_x 50% & more", "hybrid"


def estimate(system, measure, *values, setting="multi", ends=(None, None)):
  return Estimate(
    *(system, setting, measure),
    value=sum(values) / len(values),
    deviation=0.00125 if len(values) > 1 else None,
    seeds=tuple(SeedValue(i, value) for i, value in enumerate(values)),
    low=ends[0],
    high=ends[1],
  )


def difference(measure, value, *, significant):
  return Difference(
    *(B, A, "multi", measure),
    value=value,
    low=value - 0.5,
    high=value + 0.25,
    p=0.0001,
    p_holm=0.0002 if significant else 0.06,
    significant=significant,
    questions=1190,
    ahead=1,
    behind=1,
    wins=1000,
    ties=20,
    losses=3,
    cells=(
      CellDifference("de", "all", 0.5, 0.25),
      CellDifference("en", "all", 0.5, 0.75),
    ),
    won=(),
    lost=(),
  )


@pytest.fixture
def comparison():
  one = BenchmarkComparison(
    benchmark="xquad_r",
    unit="sentence",
    languages=("de", "en"),
    systems=(A, B),
    measures=("map", "rank_distance", "own_language_first"),
    tests=2,
    estimates=(
      estimate(A, "map", 0.7, setting="mono"),
      estimate(B, "map", 0.7, 0.7, setting="mono"),
      estimate(A, "map", 0.29854),
      estimate(B, "map", 0.58, 0.584, ends=(0.57, 0.6)),
      estimate(A, "mrr", 0.5),
      estimate(B, "mrr", 0.5),
      estimate(A, "rank_distance", 1213.66),
      estimate(B, "rank_distance", 1300.0, 1400.0),
      estimate(A, "own_language_first", 0.9),
      estimate(B, "own_language_first", 0.1, 0.1),
    ),
    differences=(
      difference("map", 0.28346, significant=True),
      difference("rank_distance", 136.34, significant=False),
    ),
    bias=(),
    notes=("mrr: a note | with a bar",),
  )
  systems = (
    System(A, (Run("runs/a", 0),)),
    System(B, (Run("runs/b0", 0), Run("runs/b1", 1))),
  )
  return Comparison(A, 0.95, 10_000, 0, systems, (one,), ("left out",))


def test_markdown(comparison):
  lines = markdown(comparison).splitlines()
  assert lines[:4] == [
    "# Comparison",
    "",
    "- x_x 50% & more: runs/a (seed 0)",
    "- hybrid: runs/b0 (seed 0), runs/b1 (seed 1)",
  ]
  assert lines[5:11] == [
    "## xquad_r",
    "",
    "| system | mono MAP | multi MAP | multi rank distance"
    " | multi own language first | seeds |",
    "|---|---|---|---|---|---|",
    "| x_x 50% & more | **.7000** | .2985 | **1213.7** | .9000 | 1 |",
    "| hybrid | **.7000** ± .0013 | **.5820**† ± .0013 | 1350.0 ± 0.0"
    " | .1000 ± .0013 | 2 |",
  ]
  assert (
    "| hybrid | x_x 50% & more | multi | MAP | +.2835 | -.2165 to +.5335"
    " | 0.0001 | 0.0002 | 1 / 2 | 1,000 / 20 / 3 |"
  ) in lines
  assert r"- mrr: a note \| with a bar" in lines
  assert lines[-1] == "- left out"
  assert lines[12].startswith("Macro means over languages")
  assert "†: differs from x_x 50% & more at p \\<= 0.05" in lines[12]
  assert "10,000 resamples" in lines[12]
  assert "over 2 tests" in lines[12]


def test_latex(comparison):
  text = latex(comparison)
  for line in (
    r"    & \multicolumn{1}{c}{mono} & \multicolumn{3}{c}{multi} \\",
    r"    \cmidrule(lr){2-2} \cmidrule(lr){3-5}",
    r"    system & MAP & MAP & rank distance & own language first \\",
    r"    x\_x 50\% \& more & \textbf{.7000} & .2985 & \textbf{1213.7} & .9000"
    r" \\",
    r"    hybrid & \textbf{.7000} $\pm$ .0013 & \textbf{.5820}$^\dagger$ $\pm$"
    r" .0013 & 1350.0 $\pm$ 0.0 & .1000 $\pm$ .0013 \\",
  ):
    assert line in text.splitlines()
  caption = next(line for line in text.splitlines() if "caption" in line)
  assert (
    r"$^\dagger$: differs from x\_x 50\% \& more at p $\le$ 0.05" in caption
  )
  assert text.isascii()
  for name in ("table", "tabular"):
    assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}")
  for rule in ("toprule", "midrule", "bottomrule"):
    assert text.count(rf"\{rule}") == 1


def test_tidy(comparison):
  rows = list(csv.DictReader(io.StringIO(tidy(comparison))))
  assert tuple(rows[0]) == COLUMNS
  assert all(float(row["value"]) is not None for row in rows)
  names = [tuple(row[name] for name in COLUMNS[:-1]) for row in rows]
  assert len(set(names)) == len(names)  # each line is one figure

  def value(**wanted):
    wanted = {"setting": "multi", "measure": "map", **wanted}
    (row,) = (row for row in rows if wanted.items() <= row.items())
    return float(row["value"])

  assert value(system=B, figure="mean") == pytest.approx(0.582)
  assert value(system=B, figure="low", against="") == 0.57
  assert value(system=B, figure="seed", seed="1") == 0.584
  assert value(system=B, against=A, figure="p_holm") == 0.0002
  assert value(system=B, against=A, figure="cell", query_language="en") == -0.25
  assert value(measure="mrr", system=A, figure="mean") == 0.5


def test_without_tests_nothing_is_said_of_them(comparison):
  one = dataclasses.replace(comparison.benchmarks[0], differences=())
  bare = dataclasses.replace(comparison, benchmarks=(one,))
  for text in (markdown(bare), latex(bare)):
    assert "Holm" not in text
    assert "†" not in text
    assert "dagger" not in text


def test_none_is_the_best_of_means_over_other_numbers_of_queries(comparison):
  assert "‡" not in markdown(comparison) + latex(comparison)
  [one] = comparison.benchmarks
  cut = dataclasses.replace(
    one,
    estimates=tuple(
      dataclasses.replace(
        e, seeds=tuple(dataclasses.replace(s, queries=5) for s in e.seeds)
      )
      if (e.system, e.measure) == (A, "rank_distance")
      else e
      for e in one.estimates
    ),
  )
  comparison = dataclasses.replace(comparison, benchmarks=(cut,))
  lines = markdown(comparison).splitlines()
  assert lines[9:11] == [
    "| x_x 50% & more | **.7000** | .2985 | 1213.7‡ | .9000 | 1 |",
    "| hybrid | **.7000** ± .0013 | **.5820**† ± .0013 | 1350.0‡ ± 0.0"
    " | .1000 ± .0013 | 2 |",
  ]
  assert "‡: over different numbers of queries" in lines[12]
  text = latex(comparison)
  assert r"& 1213.7$^\ddagger$ &" in text
  assert r"$^\ddagger$: over different numbers of queries" in text


@pytest.mark.parametrize(
  ("measure", "shown", "text"),
  [
    ("map", 0.79771, ".7977"),
    ("map", 1.0, "1.0000"),
    ("map", 0.99999, "1.0000"),
    ("rank_distance", 0.25, "0.2"),
    ("rank_distance", 1213.66, "1213.7"),
  ],
)
def test_numbers(measure, shown, text):
  assert cells.number(measure, shown) == text
  assert cells.signed(measure, -shown) == f"-{text}"


def test_titles():
  titles = {"map@20": "MAP@20", "ndcg@10": "nDCG@10", "recall@1": "R@1"}
  assert {name: cells.title(name) for name in titles} == titles
