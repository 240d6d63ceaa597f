import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from hybrid_ir.config import SETTINGS
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import query_values, retrieved
from hybrid_ir.evaluation.benchmarks import from_records
from hybrid_ir.evaluation.examples import Example, Hit
from hybrid_ir.evaluation.query_values import QueryValues
from hybrid_ir.evaluation.results import results

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANGUAGES = ("de", "en")


@pytest.fixture(scope="module")
def workdirs(tmp_path_factory):
  """Three runs on 40 invented questions: one system, and two seeds of one."""
  records = [
    Record(str(i), language, f"{language}? {i}", f"{language} {i}", "here")
    for language in LANGUAGES
    for i in range(40)
  ]
  benchmark = from_records("towns", records, records)
  rng = np.random.default_rng(0)
  base = rng.random((80, 3)) / 2
  paths = []
  for system, seed, shift in (
    ("plain", 0, 0.0),
    ("hybrid", 0, 0.1),
    ("hybrid", 1, 0.12),
  ):
    workdir = tmp_path_factory.mktemp(f"{system}{seed}")
    values = base + shift + rng.random((80, 3)) / 50
    values = values.astype(np.float32)
    rows = results(benchmark, {"map": values}, SETTINGS, "exact")
    lines = [json.dumps(row.line(system, seed, 5)) + "\n" for row in rows]
    (workdir / "results.jsonl").write_text("".join(lines))
    query_values.write(
      workdir / "details" / "towns.npz",
      QueryValues(
        *(benchmark.name, benchmark.unit, system, seed, 5),
        languages=benchmark.languages,
        query_ids=benchmark.query_ids,
        query_languages=benchmark.query_languages,
        values={"map": values},
        fingerprint=benchmark.fingerprint,
      ),
    )
    paths.append(str(workdir))
  return paths


def changes(workdirs, **options):
  defaults = {"systems": tuple(workdirs), "measures": ("map",)}
  chosen = {**defaults, "resamples": 500, **options}
  return {
    "task": "compare",
    **{f"compare.{name}": value for name, value in chosen.items()},
  }


def test_what_is_written(run, workdirs, tmp_path, capsys):
  run(tmp_path, changes(workdirs))
  folder = tmp_path / "compare"
  names = [
    *("compare.csv", "compare.html", "compare.md", "compare.tex"),
    *("comparison.json", "figures"),
  ]
  assert set(names) <= {path.name for path in folder.iterdir()}
  assert f"wrote {folder / 'compare.md'}" in capsys.readouterr().out
  assert "| hybrid | **" in (folder / "compare.md").read_text("utf-8")
  assert r"\bottomrule" in (folder / "compare.tex").read_text("utf-8")
  found = json.loads((folder / "comparison.json").read_text("utf-8"))
  assert found["baseline"] == "plain"
  with open(folder / "compare.csv", newline="") as file:
    rows = [row for row in csv.DictReader(file) if row["figure"] == "mean"]
  means = {(row["system"], row["setting"]): float(row["value"]) for row in rows}
  with open(f"{workdirs[0]}/results.jsonl") as file:
    lines = [json.loads(line) for line in file]
  for line in lines:
    if (line["query_language"], line["passage_language"]) == ("*", "*"):
      assert means["plain", line["setting"]] == line["value"]
  assert {tested["significant"] for tested in _differences(folder)} == {True}


def _differences(folder):
  found = json.loads((folder / "comparison.json").read_text("utf-8"))
  return [d for one in found["benchmarks"] for d in one["differences"]]


def test_the_same_again_is_the_same(run, workdirs, tmp_path):
  run(tmp_path, changes(workdirs))
  first = _contents(tmp_path / "compare")
  run(tmp_path, changes(workdirs))
  assert _contents(tmp_path / "compare") == first


def test_examples_of_the_runs_stand_side_by_side(run, workdirs, tmp_path):
  copies = [tmp_path / name for name in ("plain", "hybrid")]
  for path, copy in zip(workdirs, copies, strict=False):
    shutil.copytree(path, copy)
    hit = {
      "rank": 1,
      "passage_id": "de:0",
      "language": "de",
      "text": "Ort",
      "score": 0.5,
      "relevant": True,
    }
    example = {
      "query_id": "en:3",
      "query_language": "en",
      "query": "<i>Where?",
      "hits": [hit],
    }
    details = {
      "benchmark": "towns",
      "step": 5,
      "languages": LANGUAGES,
      "top10_language_share": [[0.5, 0.5], [0.25, 0.75]],
      "pool_language_share": [0.5, 0.5],
      "examples": [example],
    }
    (copy / "details" / "towns.json").write_text(json.dumps(details))
  run(tmp_path, changes(map(str, copies)))
  page = (tmp_path / "compare" / "compare.html").read_text("utf-8")
  assert "towns: 1 query" in page
  assert page.count(">Ort<") == 2
  assert "&lt;i&gt;Where?" in page
  assert (tmp_path / "compare" / "figures" / "own-language-towns.png").exists()


def test_texts_of_the_queries_that_one_wins(run, workdirs, tmp_path):
  copies = [tmp_path / name for name in ("plain", "hybrid")]
  for path, copy in zip(workdirs, copies, strict=False):
    shutil.copytree(path, copy)
    ids = query_values.read(copy / "details" / "towns.npz").query_ids
    hits = (Hit(1, "de:0", "de", f"by {copy.name}", 0.5, True),)
    retrieved.write(
      copy / "details" / "towns.queries.jsonl.gz",
      (Example(id, "en", f"What of {id}?", hits) for id in ids),
    )
  run(tmp_path, changes(map(str, copies)))
  page = (tmp_path / "compare" / "compare.html").read_text("utf-8")
  found = json.loads((tmp_path / "compare" / "comparison.json").read_text())
  differences = found["benchmarks"][0]["differences"]
  shown = [x for one in differences for x in (*one["won"], *one["lost"])]
  assert shown
  for query in shown:
    assert f">What of {query['query_id']}?<" in page
  assert page.count(">by plain<") == page.count(">by hybrid<") == len(shown)


def _contents(folder):
  return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_another_seed_draws_others(run, workdirs, tmp_path):
  lows = []
  for seed in (0, 1):
    run(tmp_path / str(seed), {**changes(workdirs), "seed": seed})
    folder = tmp_path / str(seed) / "compare"
    lows.append([found["low"] for found in _differences(folder)])
  assert lows[0] != lows[1]
  assert lows[0] == pytest.approx(lows[1], abs=0.01)


def test_the_keys_are_read(run, workdirs, tmp_path):
  run(tmp_path, changes(workdirs, baseline="hybrid", level=0.6, resamples=123))
  found = json.loads((tmp_path / "compare" / "comparison.json").read_text())
  assert found["systems"][0]["name"] == "hybrid"
  assert (found["level"], found["resamples"]) == (0.6, 123)
  assert {d["against"] for d in _differences(tmp_path / "compare")} == {
    "hybrid"
  }
  with pytest.raises(UserError, match="none of these in common, but map"):
    run(tmp_path, changes(workdirs, measures=("mrr",)))


def test_what_is_no_comparison_is_not_replaced(run, workdirs, tmp_path):
  mine = tmp_path / "compare" / "notes.txt"
  mine.parent.mkdir()
  mine.write_text("mine")
  with pytest.raises(UserError, match="not a comparison; move it"):
    run(tmp_path, changes(workdirs))
  assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["notes.txt", "figures/mine.pdf"])
def test_a_users_file_in_a_comparison_is_not_lost(
  run, workdirs, tmp_path, name
):
  run(tmp_path, changes(workdirs))
  mine = tmp_path / "compare" / name
  mine.write_text("mine")
  before = _contents(tmp_path / "compare")
  with pytest.raises(UserError, match=f"lose '{name}', which is not"):
    run(tmp_path, changes(workdirs))
  assert _contents(tmp_path / "compare") == before
  mine.unlink()
  run(tmp_path, changes(workdirs[:2]))


def test_a_failure_leaves_the_older_comparison(run, workdirs, tmp_path):
  run(tmp_path, changes(workdirs))
  first = _contents(tmp_path / "compare")
  with pytest.raises(UserError, match="none of the systems"):
    run(tmp_path, changes(workdirs, baseline="zzz"))
  assert _contents(tmp_path / "compare") == first
  assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".tmp")] == []


def test_stopped_while_it_is_replaced_a_comparison_is_whole(
  run, workdirs, tmp_path, stop_replacing
):
  run(tmp_path, changes(workdirs))
  first = _contents(tmp_path / "compare")
  stop_replacing(
    tmp_path / "compare", lambda: run(tmp_path, changes(workdirs[:2]))
  )
  assert _contents(tmp_path / "compare") == first
  run(tmp_path, changes(workdirs[:2]))


def test_by_the_command(write_config_file, workdirs, tmp_path):
  config = write_config_file({}, tmp_path / "config.py")

  def command(systems):
    return subprocess.run(
      [
        *(sys.executable, "-m", "hybrid_ir.main", f"--config={config}"),
        *(f"--workdir={tmp_path / 'w'}", "--config.task=compare"),
        f"--config.compare.systems={systems}",
        "--config.compare.resamples=100",
      ],
      cwd=ROOT,
      env={**os.environ, "PYTHONPATH": str(ROOT)},
      capture_output=True,
      text=True,
    )

  done = command(",".join(workdirs))
  assert done.returncode == 0, done.stderr
  assert (tmp_path / "w" / "compare" / "compare.md").exists()
  wrong = command(f"{workdirs[0]},{tmp_path / 'none'}")
  assert wrong.returncode == 2
  assert wrong.stderr.count("\n") == 1
  assert "no such workdir" in wrong.stderr
