"""Damaged files: one clear line that names the place, and nothing written."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.report import write_report
from hybrid_ir.evaluation.report.decode import decode
from hybrid_ir.evaluation.report.load import Details, Score, load_workdir

SCORE = {
  "system": "s",
  "seed": 0,
  "benchmark": "b",
  "unit": "u",
  "setting": "mono",
  "query_language": "en",
  "passage_language": "en",
  "measure": "map",
  "value": 1,
  "queries": 3,
  "dropped": 0,
  "candidates": 9,
  "step": 0,
  "search": "exact",
}


def replace_line(path, number, text):
  lines = path.read_text(encoding="utf-8").split("\n")
  lines[number - 1] = text
  path.write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
  ("name", "line", "expected"),
  [
    ("results.jsonl", '{"system": "tiny", "se', "not valid JSON"),
    ("results.jsonl", "[1, 2]", "expected a JSON object"),
    ("results.jsonl", json.dumps(SCORE | {"value": "x"}), "'value' is 'x'"),
    ("results.jsonl", json.dumps(SCORE | {"value": None}), "'value' is None"),
    (
      "results.jsonl",
      json.dumps(SCORE | {"system": "tiny", "seed": 7, "value": float("nan")}),
      "'value' is nan",
    ),
    ("results.jsonl", json.dumps(SCORE), "a workdir holds one"),
    ("results.jsonl", json.dumps(SCORE | {"step": True}), "'step' is True"),
    ("metrics.jsonl", '{"step": 3}', "expected the key 'loss' or 'dev'"),
    ("metrics.jsonl", '{"step": 3, "loss": 1}', "'learning_rate' is missing"),
    ("metrics.jsonl", '{"step": 3, "dev": {"map": []}}', "'dev.map' is []"),
  ],
)
def test_a_damaged_line_is_named_and_nothing_is_written(
  workdir, name, line, expected
):
  replace_line(workdir / name, 3, line)
  with pytest.raises(UserError) as error:
    write_report(workdir)
  assert f"{name}:3: " in str(error.value)
  assert expected in str(error.value)
  assert "\n" not in str(error.value)
  assert not (workdir / "report.html").exists()
  assert not (workdir / "figures").exists()


def test_a_line_that_is_not_utf8_is_refused(workdir):
  (workdir / "metrics.jsonl").write_bytes(b'{"step": 1, "kind": "\xff"}')
  with pytest.raises(UserError, match=r"metrics\.jsonl: not UTF-8 at byte 21"):
    load_workdir(workdir)


@pytest.mark.parametrize(
  ("key", "value", "expected"),
  [
    ("languages", [], "'languages' is empty"),
    ("languages", ["ar", "en"], "is not 2 x 2"),
    ("top10_language_share", [[1.0]], "is not 3 x 3"),
    ("first_language", [[1.0]], "'first_language' is not 3 x 3"),
    ("pool_language_share", [0.5, 0.5], "has 2 numbers; expected 3"),
    ("examples", [{"query_id": "q"}], r"'examples\[0\]\.query_language'"),
  ],
)
def test_details_that_do_not_fit_are_refused(workdir, key, value, expected):
  path = workdir / "details" / "toy_facts.json"
  details = json.loads(path.read_text(encoding="utf-8"))
  path.write_text(json.dumps(details | {key: value}), encoding="utf-8")
  with pytest.raises(UserError, match=rf"toy_facts\.json: .*{expected}"):
    load_workdir(workdir)


def test_null_stands_for_what_is_no_number(workdir):
  path = workdir / "details" / "toy_facts.json"
  details = json.loads(path.read_text(encoding="utf-8"))
  details["top10_language_share"][2] = [None] * 3
  details["examples"][0]["hits"][0]["score"] = None
  path.write_text(json.dumps(details), encoding="utf-8")
  (found,) = load_workdir(workdir).details
  assert found.top10_language_share[2] == (None, None, None)
  assert found.examples[0].hits[0].score is None
  write_report(workdir)
  page = (workdir / "report.html").read_text(encoding="utf-8")
  assert "–</span>" in page
  assert "What fills the top 10: toy_facts" in page


def test_a_workdir_that_is_not_there_is_refused(tmp_path):
  with pytest.raises(UserError, match="is not a folder"):
    load_workdir(tmp_path / "nowhere")


def test_a_workdir_that_cannot_be_written_to_is_named(workdir):
  (workdir / "figures").write_text("a file where a folder should be")
  with pytest.raises(UserError, match=r"workdir: cannot write .*figures"):
    write_report(workdir)
  assert not (workdir / "report.html").exists()


def test_a_step_that_was_trained_twice_counts_once(workdir):
  path = workdir / "metrics.jsonl"
  again = json.loads(path.read_text().split("\n")[4]) | {"loss": 0.125}
  with path.open("a") as file:
    file.write(json.dumps(again) + "\n")
  points = load_workdir(workdir).training
  assert [point.step for point in points] == list(range(1, 41))
  assert points[again["step"] - 1].loss == 0.125


def test_a_text_with_a_line_separator_stays_one_line(workdir):
  path = workdir / "results.jsonl"
  lines = [json.loads(line) for line in path.read_text().splitlines()]
  text = "".join(
    json.dumps(line | {"system": "a\u2028b"}, ensure_ascii=False) + "\n"
    for line in lines
  )
  path.write_text(text, encoding="utf-8")
  assert load_workdir(workdir).scores[0].system == "a\u2028b"


def test_decode_keeps_every_value_and_leaves_unknown_keys_alone():
  score = decode(Score, SCORE | {"later": [1]}, "here")
  assert {name: getattr(score, name) for name in SCORE} == SCORE
  assert isinstance(score.value, float)


@given(
  key=st.sampled_from(sorted(SCORE)),
  value=st.one_of(
    st.none(), st.booleans(), st.lists(st.integers()), st.just({})
  ),
)
def test_no_field_takes_a_value_of_another_kind(key, value):
  with pytest.raises(UserError, match=f"here: '{key}' is "):
    decode(Score, SCORE | {key: value}, "here")


json_values = st.recursive(
  st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
  lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
  max_leaves=8,
)


@given(json_values, st.sampled_from(["languages", "examples", "benchmark"]))
def test_decode_refuses_or_decodes_but_never_crashes(value, key):
  given = {
    "benchmark": "b",
    "step": 1,
    "languages": [],
    "top10_language_share": [],
    "pool_language_share": [],
    "examples": [],
  } | {key: value}
  fits = isinstance(value, str) if key == "benchmark" else value == []
  if key == "languages" and isinstance(value, list):
    fits = all(isinstance(code, str) for code in value)
  with (
    contextlib.nullcontext()
    if fits
    else pytest.raises(UserError, match=f"^here: .*'{key}")
  ):
    decode(Details, given, "here")
