import json
import sys
import types

import pytest

from hybrid_ir.data.fields import Row
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.prefixes import Prefixes
from hybrid_ir.tasks import check_data


@pytest.fixture
def check(make_config, tmp_path, capsys):
  """(changes) -> exit code, what was printed."""

  def check(changes):
    config = make_config({"task": "check_data", **changes})
    code = 0
    try:
      check_data.run(config, tmp_path / "workdir")
    except SystemExit as stop:
      code = stop.code
    return code, capsys.readouterr().out

  return check


@pytest.fixture
def write(tmp_path):
  def write(*records, name="pairs.jsonl"):
    path = tmp_path / name
    path.write_text("\n".join(map(json.dumps, records)))
    return str(path)

  return write


def pair(id, language="en", **fields):
  return {"id": id, "language": language, "query": "?", "passage": id, **fields}


def words(printed):
  return [line.split() for line in printed.splitlines()]


def test_without_faults(check, data, tmp_path):
  code, printed = check({"data.train": (str(data),)})
  lines = words(printed)
  assert code == 0
  assert lines[0] == [str(data)]
  assert ["rows", "180"] in lines
  assert ["3:", "60"] in lines  # ids by languages
  assert ["splits", "dev:", "18", "test:", "18", "train:", "144"] in lines
  assert ["tr", "60", "60", "60"] in lines
  assert "in characters" in printed
  assert lines[-1] == ["no", "faults"]
  assert not (tmp_path / "workdir").exists()


def test_every_fault_and_every_set(check, write):
  one = write(pair("a"), pair("a"), pair("b", query=""), {}, name="1.jsonl")
  two = write(pair("a"), pair("b", languages="en"), name="2.jsonl")
  code, printed = check(
    {"data.train": (one, two, "none.jsonl"), "check_data.faults": 3}
  )
  assert code == 1
  faults = [
    x[7:] for x in map(str.strip, printed.splitlines()) if "fault:" in x
  ]
  assert [fault.partition(": ")[0] for fault in faults] == [
    f"{one}:2",
    f"{one}:3",
    f"{one}:4",
    f"{two}:2",
    "none.jsonl",
  ]
  counts = [line[1] for line in words(printed) if line[0] == "faults:"]
  assert counts == ["6", "1", "1"]
  assert "and 3 more" in printed
  assert [line[1] for line in words(printed) if line[0] == "rows"] == ["1", "1"]


def test_negatives_that_are_none(check, write):
  path = write(
    pair("a", negatives=["a", "b"]),
    pair("b", negatives=["c", "c"]),
    pair("c", negatives=["a", "b"]),
  )
  code, printed = check({"data.train": (path,)})
  assert code == 1
  assert f"fault: {path}:1: negatives[0]: is the record's own" in printed
  assert f"fault: {path}:2: negatives[1]: stands already as" in printed
  assert "faults: 2" in printed


def test_other_languages_are_checked_and_left_out(check, write):
  path = write(pair("a"), pair("a", "de"), pair("b", "tr"), pair("c", "tr"))
  code, printed = check({"data.train": (path,), "data.languages": ("en", "de")})
  assert code == 0
  assert "2 rows in other languages" in printed
  assert ["rows", "2"] in words(printed)
  code, printed = check({"data.train": (path,), "data.languages": ("el",)})
  assert code == 1
  assert 'no record is of split "train" in el' in printed


def test_a_language_that_no_set_has_to_train_on_is_named(check, write):
  one = write(pair("a"), pair("b"), name="1.jsonl")
  two = write(pair("a", "de"), pair("b", "fr", split="test"), name="2.jsonl")
  sets = {"data.train": (one, two)}
  code, _ = check({**sets, "data.languages": ("de", "en")})
  assert code == 0
  with pytest.raises(UserError, match=r"has 'fr', but no .* is de, en; leave"):
    check({**sets, "data.languages": ("de", "en", "fr")})


def test_nothing_to_train_on(check, write):
  code, printed = check({"data.train": (write(pair("a", split="dev")),)})
  assert code == 1
  assert 'no record is of split "train"' in printed


def test_a_set_by_name(check):
  code, printed = check({"data.train": ("world_facts",)})
  assert code == 0
  assert ["splits", "train:"] in [line[:2] for line in words(printed)]
  code, printed = check({"data.train": ("world_fact",)})
  assert code == 1
  assert "fault: unknown data set 'world_fact'" in printed


def test_prefixes_and_lengths_in_tokens(check, write, monkeypatch):
  path = write(
    pair("a", query="one two", passage="a b c"),
    pair("b", query="one", passage="a b c d e f"),
  )

  stub = types.SimpleNamespace(
    # Its tokens are words.
    tokenizer=types.SimpleNamespace(
      encode=lambda texts: [text.split() for text in texts]
    ),
    contract=types.SimpleNamespace(
      prefixes=Prefixes("find: ", "", ""), query_length=8, passage_length=4
    ),
  )
  module = types.ModuleType("model")
  module.open_model = lambda config, workdir, sources: stub
  monkeypatch.setitem(sys.modules, "hybrid_ir.tasks.model", module)
  changes = {"data.train": (path,), "encoder.path": "folder"}
  _, printed = check(changes)
  assert "in tokens of folder" in printed
  assert ["queries", "2", "3", "3", "3", "3", "8", "0.0%"] in words(printed)
  assert ["passages", "3", "6", "6", "6", "6", "4", "50.0%"] in words(printed)
  own = {path: ("a b c d e f g h ", "x ")}
  _, printed = check({**changes, "data.prefixes": own})
  assert ["queries", "9", "10", "10", "10", "10", "8", "100.0%"] in words(
    printed
  )
  assert ["passages", "4", "7", "7", "7", "7", "4", "50.0%"] in words(printed)


def test_a_set_that_breaks_off(check, monkeypatch):
  def rows(name, config):
    yield Row(record("a"), "train")
    yield "it broke off"

  def record(id):
    return Record(id, "en", "?", ".", f"x:{id}")

  monkeypatch.setattr(check_data, "_rows", rows)
  code, printed = check({"data.train": ("world_facts",)})
  assert code == 1
  assert ["rows", "1"] in words(printed)
  assert "fault: it broke off" in printed
