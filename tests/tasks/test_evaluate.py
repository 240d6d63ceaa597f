import dataclasses
import json
import math
import pathlib
import re
import shutil

import numpy as np
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import query_values, retrieved
from hybrid_ir.evaluation.catalog import open_benchmark

KEYS = [
  *("system", "seed", "benchmark", "unit", "setting"),
  *("query_language", "passage_language", "measure", "value", "queries"),
  *("dropped", "candidates", "step", "search"),
]
EVALUATE = {"task": "evaluate", "train.steps": 6, "system": "tiny"}


@pytest.fixture(scope="module")
def evaluated(run, trained, tmp_path_factory):
  workdir = tmp_path_factory.mktemp("evaluated") / "run"
  shutil.copytree(trained, workdir)
  run(
    workdir,
    {**EVALUATE, "evaluate.run_depth": 7, "evaluate.runs": ("mono", "multi")},
  )
  return workdir


@pytest.fixture(scope="module")
def figures(evaluated, lines_of):
  return lines_of(evaluated, "results.jsonl")


def test_lists_of_an_earlier_evaluation_do_not_stay(run, evaluated, tmp_path):
  workdir = tmp_path / "run"
  shutil.copytree(evaluated, workdir)
  assert (workdir / "runs" / "towns.mono.trec").exists()
  run(workdir, {**EVALUATE, "evaluate.run_depth": 7})
  found = sorted(path.name for path in (workdir / "runs").iterdir())
  assert found == ["towns.multi.trec", "towns.qrels"]


def test_every_line_has_the_keys_in_order(figures):
  for line in figures:
    assert list(line) == KEYS
    assert math.isfinite(line["value"])
  head = {tuple(line[key] for key in KEYS[:4]) for line in figures}
  assert head == {("tiny", 0, "towns", "passage")}
  assert {(line["step"], line["search"]) for line in figures} == {(6, "exact")}


def test_every_cell_has_a_line_and_only_one(figures):
  cells = [
    (line["setting"], line["query_language"], line["passage_language"])
    for line in figures
    if line["measure"] == "map"
  ]
  languages = ("de", "en", "tr")
  assert sorted(cells) == sorted(
    [
      *(("mono", x, x) for x in (*languages, "*")),
      *(("multi", x, "all") for x in (*languages, "*", "micro")),
      *((setting, "micro", "*") for setting in ("mono", "cross")),
      *(
        ("cross", x, y)
        for x in (*languages, "*")
        for y in (*languages, "*")
        if x != y or x == "*"
      ),
    ]
  )


def test_counts_and_macro_means(figures):
  by_cell = {
    (line["setting"], line["query_language"], line["passage_language"]): line
    for line in figures
    if line["measure"] == "map"
  }
  # 6 test ids are asked, and the passages of all 60 are searched.
  counts = ("queries", "dropped", "candidates")

  def found(*cell):
    return tuple(by_cell[cell][name] for name in counts)

  assert found("mono", "de", "de") == (6, 0, 60)
  assert found("mono", "*", "*") == (18, 0, 180)
  assert found("cross", "de", "tr") == (6, 0, 60)
  assert found("cross", "de", "*") == (12, 0, 120)
  assert found("cross", "*", "tr") == (12, 0, 60)
  assert found("cross", "*", "*") == (36, 0, 180)
  assert found("multi", "de", "all") == (6, 0, 180)
  assert found("multi", "*", "all") == (18, 0, 180)
  for setting, last in (("mono", None), ("multi", "all")):
    mean = sum(
      by_cell[setting, x, last or x]["value"] for x in ("de", "en", "tr")
    )
    macro = by_cell[setting, "*", last or "*"]["value"]
    assert macro == pytest.approx(mean / 3)


def test_measures(figures):
  at_cutoffs = ("recall", "precision", "f1", "success", "ndcg")
  assert {line["measure"] for line in figures} == {
    *("map", "map@20", "mrr", "rank_distance", "language_divergence@10"),
    *("own_language_share@10", "own_language_first", "peer_nonrelevant@20"),
    *(f"{name}@{k}" for name in at_cutoffs for k in (1, 5, 10, 100)),
  }


def test_runs_have_the_depth(evaluated):
  for setting in ("mono", "multi"):
    text = (evaluated / "runs" / f"towns.{setting}.trec").read_text()
    lines = [line.split() for line in text.splitlines()]
    assert len(lines) == 18 * 7
    assert [int(line[3]) for line in lines[:7]] == [1, 2, 3, 4, 5, 6, 7]
    assert {line[5] for line in lines} == {"tiny"}
    scores = [float(line[4]) for line in lines[:7]]
    assert scores == sorted(scores, reverse=True)
  qrels = (evaluated / "runs" / "towns.qrels").read_text().splitlines()
  assert len(qrels) == 18 * 3


def test_details_for_the_report(evaluated):
  details = json.loads((evaluated / "details" / "towns.json").read_text())
  assert details["step"] == 6
  assert details["languages"] == ["de", "en", "tr"]
  for row in details["top10_language_share"]:
    assert sum(row) == pytest.approx(1)
  assert len(details["examples"]) == 10
  for row in details["first_language"]:
    assert sum(row) == pytest.approx(1)


def test_what_every_query_retrieved(evaluated):
  values = query_values.read(evaluated / "details" / "towns.npz")
  path = evaluated / "details" / "towns.queries.jsonl.gz"
  found = retrieved.read(path, values.query_ids)
  assert list(found) == list(values.query_ids)
  details = json.loads((evaluated / "details" / "towns.json").read_text())
  for example in details["examples"]:
    same = found[example["query_id"]]
    assert same.query == example["query"]
    ids = [hit["passage_id"] for hit in example["hits"]]
    assert [hit.passage_id for hit in same.hits] == ids[:3]


def test_every_query_has_its_values(evaluated, figures):
  stored = query_values.read(evaluated / "details" / "towns.npz")
  assert (stored.system, stored.step, len(stored.query_ids)) == ("tiny", 6, 18)
  for line in figures:
    if line["setting"] == "mono" and line["query_language"] == "de":
      here = stored.values[line["measure"]][stored.query_languages == 0, 0]
      assert np.nanmean(here) == pytest.approx(line["value"])


def test_what_it_was_scored_on_is_kept(evaluated, data, make_config):
  stored = query_values.read(evaluated / "details" / "towns.npz")
  config = make_config()
  cache_dir = pathlib.Path(config.cache_dir)
  benchmark = open_benchmark(str(data), config.data, cache_dir)
  assert stored.fingerprint == benchmark.fingerprint


def by_benchmark(lines):
  """Benchmark -> its lines without its name."""
  found = {}
  for line in lines:
    name = line.pop("benchmark")
    found.setdefault(name, []).append(line)
  return found


def test_a_benchmark_is_read_with_its_own_prefixes(
  run, trained, prefixed, tmp_path, lines_of
):
  """As one that has them in its texts is."""
  workdir = shutil.copytree(trained, tmp_path / "run")
  paths, keys = prefixed
  run(workdir, {**EVALUATE, **keys, "evaluate.benchmarks": paths})
  found = by_benchmark(lines_of(workdir, "results.jsonl"))
  assert found["towns"] == found["written"]
  assert found["towns"] != found["bare"]


def test_queries_carry_their_instructions(run, copy_data, tmp_path, lines_of):
  """As those of a benchmark that are written out in full."""
  ways = {
    "without": lambda record: record,
    "carried": lambda record: {**record, "instruction": record["language"]},
    "written": lambda record: {
      **record,
      "query": f"Instruct: {record['language']}\nQuery: {record['query']}",
    },
  }
  paths = [
    copy_data(tmp_path / f"{name}.jsonl", change)
    for name, change in ways.items()
  ]
  changes = {
    "train.steps": 0,
    "text.query_length": 64,  # that nothing is cut
    "evaluate.benchmarks": tuple(paths),
  }
  workdir = tmp_path / "run"
  run(workdir, changes)
  run(workdir, {**changes, "task": "evaluate"})
  found = by_benchmark(lines_of(workdir, "results.jsonl"))
  assert found["carried"] == found["written"]
  assert found["carried"] != found["without"]


BM25 = {"task": "evaluate", "system": "bm25", "evaluate.by": "bm25"}


def test_the_same_ids_with_other_judgements_are_not_compared(
  run, data, tmp_path
):
  run(tmp_path / "a", BM25)
  other = tmp_path / "towns.jsonl"
  lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
  first, last = (json.loads(line) for line in (lines[0], lines[-3]))
  first["passage"], last["passage"] = last["passage"], first["passage"]
  lines[0], lines[-3] = (json.dumps(line) + "\n" for line in (first, last))
  other.write_text("".join(lines), encoding="utf-8")
  changes = {"system": "other", "evaluate.benchmarks": (str(other),)}
  run(tmp_path / "b", {**BM25, **changes})
  systems = (str(tmp_path / "a"), str(tmp_path / "b"))
  with pytest.raises(UserError, match="different texts or judgements"):
    run(tmp_path / "c", {"task": "compare", "compare.systems": systems})


@pytest.fixture
def on_own(run, copy_data, tmp_path):
  """(ending of the queries) -> scores a file of one name; as of a step."""
  path, results = tmp_path / "towns.jsonl", tmp_path / "w" / "results.jsonl"

  def on_own(ending, as_step=0):
    copy_data(
      path, lambda record: {**record, "query": record["query"] + ending}
    )
    run(tmp_path / "w", {**BM25, "evaluate.benchmarks": (str(path),)})
    text = results.read_text()
    results.write_text(text.replace('"step": 0', f'"step": {as_step}'))

  return on_own


def test_steps_are_scored_on_the_same_or_not_at_all(on_own, tmp_path, lines_of):
  workdir = tmp_path / "w"
  on_own("")
  on_own("?", as_step=3)  # of an only step, what is new takes its place
  on_own("?")
  lines = lines_of(workdir, "results.jsonl")
  assert {line["step"] for line in lines} == {0, 3}
  with pytest.raises(UserError) as info:
    on_own("!")
  said = str(info.value)
  assert said.startswith("benchmark 'towns': its texts or judgements are not")
  assert "those on which step 3 was scored" in said
  fingerprint = query_values.read(workdir / "details/towns.npz").fingerprint
  assert f"{fingerprint} in {workdir / 'details/towns.npz'}" in said
  assert f"remove the lines of 'towns' from {workdir / 'results.jsonl'}" in said
  assert lines_of(workdir, "results.jsonl") == lines
  kept = [line for line in lines if line["step"] == 0]
  text = "".join(json.dumps(line) + "\n" for line in kept)
  (workdir / "results.jsonl").write_text(text)
  on_own("!")


def without_fingerprint(path):
  values = query_values.read(path)
  query_values.write(path, dataclasses.replace(values, fingerprint=""))


@pytest.mark.parametrize(
  "change",
  [
    without_fingerprint,  # as an earlier version wrote it
    lambda path: path.write_bytes(path.read_bytes()[:100]),
    lambda path: path.unlink(),
  ],
)
def test_what_other_steps_were_scored_on_need_not_be_known(
  on_own, tmp_path, change
):
  on_own("", as_step=3)
  change(tmp_path / "w" / "details" / "towns.npz")
  on_own("?")


def test_a_language_without_queries_is_null(run, data, tmp_path):
  part = tmp_path / "towns.jsonl"
  lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
  kept = [
    line
    for line in lines
    if (json.loads(line)["language"], json.loads(line)["split"])
    != ("tr", "test")
  ]
  part.write_text("".join(kept), encoding="utf-8")
  run(tmp_path / "w", {**BM25, "evaluate.benchmarks": (str(part),)})
  text = (tmp_path / "w" / "details" / "towns.json").read_text("utf-8")
  details = json.loads(text, parse_constant=pytest.fail)
  assert details["languages"] == ["de", "en", "tr"]
  assert details["top10_language_share"][2] == [None] * 3
  assert details["first_language"][2] == [None] * 3
  run(tmp_path / "w", {"task": "report"})


def test_what_was_left_out_is_kept(run, tmp_path):
  run(tmp_path / "bm25", {**BM25, "evaluate.run_depth": 180})
  run_file = tmp_path / "runs" / "towns.multi.trec"
  run_file.parent.mkdir()
  lines = (
    (tmp_path / "bm25" / "runs" / "towns.multi.trec")
    .read_text()
    .splitlines(True)
  )
  kept = [line for line in lines if not line.startswith("de:t54 ")]
  run_file.write_text("".join(kept))
  changes = {
    "evaluate.by": "runs",
    "evaluate.path": str(run_file.parent),
    "evaluate.allow_faults": True,
  }
  run(tmp_path / "w", {**BM25, **changes})
  details = json.loads((tmp_path / "w" / "details" / "towns.json").read_text())
  left_out, *_ = details["left_out"]
  assert left_out == "queries without a line in towns.multi.trec: 1 (de:t54)"


def test_prints_counts_time_and_memory(run, evaluated, capsys):
  run(evaluated, EVALUATE)
  printed = capsys.readouterr().out
  assert "towns, step 6: 18 queries, 180 candidates" in printed
  assert re.search(r"cross +map .*\(36 scored\)", printed)
  assert re.search(
    r"in [\d.]+ s; peak memory of the process [\d.]+ GB", printed
  )


def test_evaluating_again_replaces_the_lines(run, evaluated, figures, lines_of):
  run(evaluated, EVALUATE)
  assert lines_of(evaluated, "results.jsonl") == figures


def test_lines_of_other_steps_and_benchmarks_stay(
  run, evaluated, figures, lines_of
):
  path = evaluated / "results.jsonl"
  others = [{**figures[0], "step": 3}, {**figures[0], "benchmark": "villages"}]
  text = "".join(json.dumps(line) + "\n" for line in (*others, *figures))
  path.write_text(text)
  run(evaluated, EVALUATE)
  assert lines_of(evaluated, "results.jsonl") == [*others, *figures]
  path.write_text(text.splitlines()[2] + "\n{")
  with pytest.raises(UserError, match=r"results.jsonl:2: not JSON"):
    run(evaluated, EVALUATE)


def test_devices_do_not_change_the_figures(run, evaluated, figures, lines_of):
  (evaluated / "results.jsonl").unlink()
  run(evaluated, {**EVALUATE, "mesh.data": 8})
  found = [line["value"] for line in lines_of(evaluated, "results.jsonl")]
  expected = [line["value"] for line in figures]
  assert found == pytest.approx(expected, abs=0.02)  # ranks of near ties


def test_scann_stands_beside_exact(run, evaluated, lines_of):
  pytest.importorskip("scann")
  run(evaluated, {**EVALUATE, "evaluate.ann": True})
  lines = lines_of(evaluated, "results.jsonl")
  measures = {line["measure"] for line in lines if line["search"] == "scann"}
  assert {"ann_recall@10", "recall@10", "ndcg@10"} <= measures


def test_without_a_model_it_says_what_to_do(run, tmp_path):
  message = r"holds no checkpoint; train first .*'encoder.path'"
  with pytest.raises(UserError, match=message):
    run(tmp_path, EVALUATE)
  assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_changed_tokenizer_is_refused(run, evaluated):
  path = evaluated / "tokenizer.json"
  before = path.read_text(encoding="utf-8")
  path.write_text(before + "\n", encoding="utf-8")
  try:
    with pytest.raises(UserError, match=r"is not the tokenizer that this run"):
      run(evaluated, EVALUATE)
  finally:
    path.write_text(before, encoding="utf-8")


def test_an_unknown_benchmark_is_refused(run, evaluated):
  changes = {**EVALUATE, "evaluate.benchmarks": ("nosuch",)}
  with pytest.raises(UserError, match="unknown benchmark 'nosuch'"):
    run(evaluated, changes)
