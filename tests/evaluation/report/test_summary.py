"""The summary: every macro figure, to the letter."""

import json

import pytest


def test_the_summary_holds_the_macro_figures_of_the_latest_step(workdir, page):
  rows, search, _ = page.section("summary").tables()
  assert [(row["Setting"][0], row["Model"][0]) for row in rows] == [
    ("mono", "step 200"),
    ("cross", "step 200"),
    ("multi", "before training"),
    ("multi", "step 200"),
  ]
  columns = {
    "mAP": "map",
    "MRR": "mrr",
    "R@1": "recall@1",
    "R@5": "recall@5",
    "R@10": "recall@10",
    "nDCG@10": "ndcg@10",
    "Rank distance": "rank_distance",
  }
  results = (workdir / "results.jsonl").read_text(encoding="utf-8")
  latest = {
    (line["setting"], line["measure"]): line["value"]
    for line in map(json.loads, results.splitlines())
    if line["query_language"] == "*"
    and line["passage_language"] in ("*", "all")
    and line["step"] == 200
    and line["search"] == "exact"
  }
  shown = 0
  for row in rows:
    if row["Model"][0] != "step 200":
      continue
    for column, measure in columns.items():
      text, value = row[column]
      expected = latest.get((row["Setting"][0], measure))
      if expected is None:
        assert (text, value) == ("–", None)
        continue
      assert float(value) == expected
      digits = 1 if measure == "rank_distance" else 4
      assert text == f"{expected:,.{digits}f}"
      shown += 1
    assert row["Queries"] == ("1,234", "1234")
    assert row["Dropped"] == ("5", "5")
    assert row["Candidates"] == ("13,014", "13014")
  assert shown == len(latest)
  assert rows[2]["mAP"] == ("0.0100", "0.01")
  [found] = search
  assert found["Exact top 10 found"] == ("0.9876", "0.9876")
  assert found["R@10 exact"][0] == "0.7000"
  assert found["R@10 ScaNN"][0] == "0.6954"
  assert found["nDCG@10 ScaNN"][0] == "–"


def test_every_measure_stands_with_macro_and_micro_means(page):
  summary = page.section("summary")
  *_, rows = summary.tables()
  by_measure = {row["Measure"][0]: row for row in rows}
  assert by_measure["map"]["multi macro"][0] == "0.4322"
  assert by_measure["map"]["multi micro"] == ("0.4567", "0.4567")
  assert by_measure["map"]["mono micro"] == ("–", None)
  assert by_measure["rank_distance"]["multi macro"][0] == "1,213.7"
  assert "token_f1" in by_measure
  assert "ann_recall@10" not in by_measure
  assert "toy_facts, left out: 2 queries without text" in summary.text


def test_a_run_that_was_read_has_its_figures_too(workdir, read_page):
  path = workdir / "results.jsonl"
  text = path.read_text(encoding="utf-8")
  lines = [
    line for line in text.splitlines() if json.loads(line)["search"] == "exact"
  ]
  there = [line.replace('"exact"', '"run"') for line in lines]
  path.write_text("\n".join(there), encoding="utf-8")
  rows, *_ = read_page(workdir).section("summary").tables()
  assert rows[-1]["mAP"][0] == "0.4322"


@pytest.mark.parametrize(
  ("trains", "state"), [(True, "before training"), (False, "as it is")]
)
def test_step_0_is_before_training_only_where_the_workdir_trained(
  workdir, read_page, trains, state
):
  path = workdir / "results.jsonl"
  lines = path.read_text(encoding="utf-8").splitlines()
  at_0 = [line for line in lines if json.loads(line)["step"] == 0]
  path.write_text("\n".join(at_0), encoding="utf-8")
  if not trains:
    (workdir / "metrics.jsonl").unlink()
  page = read_page(workdir)
  rows, *_ = page.section("summary").tables()
  assert {row["Model"][0] for row in rows} == {state}
  assert ("before training" in page.text) == trains


def test_a_micro_mean_is_no_language(page):
  assert "micro" not in page.section("languages").text
  assert "micro" not in page.section("matrix").text
