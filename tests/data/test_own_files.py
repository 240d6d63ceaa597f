import hashlib
import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_ir.data.fields import Fault, Row
from hybrid_ir.data.own_files import is_own, open_own, read_rows
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError

LINE = {
  "id": "oven",
  "language": "en",
  "query": "When was the oven lit?",
  "passage": "The oven was lit at four.",
}


def line(**changes):
  """LINE with fields replaced (None: left out), as bytes."""
  fields = {k: v for k, v in (LINE | changes).items() if v is not None}
  return json.dumps(fields, ensure_ascii=False).encode()


def read(path, split="", languages=()):
  return list(open_own(path, split, languages).read())


def faults(path):
  return [str(row) for row in read_rows(path) if isinstance(row, Fault)]


@pytest.fixture
def write(tmp_path):
  def write(*lines, name="pairs.jsonl"):
    path = tmp_path / name
    path.write_bytes(b"\n".join(lines))
    return str(path)

  return write


def test_own_names():
  names = [
    "a.jsonl",
    "b/*.parquet",
    "~/c.jsonl",
    "world_facts",
    "jsonl",
    "a.tsv",
  ]
  assert [is_own(name) for name in names] == [True] * 3 + [False] * 3


def test_records(write):
  path = write(
    line(),
    b"",
    line(
      language="zh",
      query="烤炉几点点燃？",
      title="烤炉",
      passage="烤炉四点点燃。",
      negatives=["燕麦用来煮粥。", "黑麦可以保存一周。"],
      scores=[3, 0.5, -1e-3],
      group="ovens",
      split="train",
    ),
  )
  assert read(path, "train") == [
    Record(**LINE, where=f"{path}:1"),
    Record(
      id="oven",
      language="zh",
      query="烤炉几点点燃？",
      passage="烤炉\n\n烤炉四点点燃。",
      where=f"{path}:3",
      negatives=("燕麦用来煮粥。", "黑麦可以保存一周。"),
      scores=(3.0, 0.5, -1e-3),
      group="ovens",
    ),
  ]


def test_the_home_folder(write, tmp_path, monkeypatch):
  write(line())
  monkeypatch.setenv("HOME", str(tmp_path))
  source = open_own("~/pairs.jsonl", "train", ())
  assert source.name == "~/pairs.jsonl"
  assert [r.id for r in source.read()] == ["oven"]


def test_splits(write):
  path = write(
    line(id="a", split="dev"), line(id="b"), line(id="c", split="train")
  )
  ids = {
    split: [record.id for record in read(path, split)]
    for split in ("train", "dev", "")
  }
  assert ids == {"train": ["b", "c"], "dev": ["a"], "": ["a", "b", "c"]}
  with pytest.raises(
    UserError, match=r'split "test"; there is "dev" \(1\), "train" \(2\)'
  ):
    read(path, "test")


def test_languages(write):
  path = write(line(), line(language="de"), line(language="el", split="dev"))
  assert [r.language for r in read(path, "train", ["de", "tr"])] == ["de"]
  with pytest.raises(
    UserError, match=r'language of el, tr .* is "de" \(1\), "en" \(1\)$'
  ):
    read(path, "train", ["tr", "el"])


def test_a_language_left_out_is_checked_still(write):
  path = write(line(), line(language="de", query=""))
  with pytest.raises(UserError, match=r"pairs.jsonl:2: query: empty"):
    read(path, "train", ["en"])


def test_a_split_that_there_is_not(write):
  path = write(line(id="a"), line(id="b", split="valid"))
  message = f'{path}:2: split: "valid"; expected one of train, dev, test'
  with pytest.raises(UserError) as caught:
    read(path, "train")
  assert str(caught.value) == message
  assert faults(path) == [message]


def test_a_fault_in_another_split_is_found(write):
  path = write(line(id="a"), line(id="b", split="dev", query=""))
  with pytest.raises(UserError, match=r"pairs.jsonl:2: query: empty"):
    read(path, "train")


@pytest.mark.parametrize(
  ("bad", "parts"),
  [
    (b'{"id": "a",}', ["malformed JSON at column 12"]),
    (b"[" * 100_000, ["malformed JSON"]),
    (b'{"id": %s}' % (b"1" * 5_000), ["malformed JSON"]),
    (b'{"id": "a", "id": "b"}', ['the field "id" stands twice']),
    (b'["a"]', ["expected a JSON object", "a list"]),
    (b"null", ["expected a JSON object", "null"]),
    (line(query=None), ["query: missing"]),
    (line(id=""), ["id: empty"]),
    (line(passage=" \t\u3000"), ["passage: empty"]),
    (line(title=""), ["title: empty"]),
    (line(group=" "), ["group: empty"]),
    (line(id=7), ["id: expected a text, got 7"]),
    (line(query=["x"]), ["query: expected a text, got a list"]),
    (line(language=["en"]), ["language: expected a text, got a list"]),
    (line(split=True), ["split: expected a text, got true"]),
    (line(instruction=1), ["instruction: expected a text, got 1"]),
    (line(negatives="x"), ["negatives: expected a list of texts", '"x"']),
    (line(negatives=["x", 1]), ["negatives[1]: expected a text, got 1"]),
    (line(negatives=["x", " "]), ["negatives[1]: empty"]),
    (line(scores=1), ["scores: expected a list of numbers, got 1"]),
    (line(scores=["1"]), ['scores[0]: expected a finite number, got "1"']),
    (line(scores=[True]), ["scores[0]: expected a finite number, got true"]),
    (line(scores=[float("nan")]), ["scores[0]", "finite", "NaN"]),
    (line(scores=[10**400]), ["scores[0]: expected a finite number, got 10"]),
    (line(scores=[]), ["scores: 0 numbers, expected 1"]),
    (line(scores=[1, 2]), ["scores: 2 numbers, expected 1"]),
    (line(scores=[1], negatives=["x", "y"]), ["expected 3", "2 negatives"]),
    (line(pasage="x"), ['unknown field "pasage"', 'did you mean "passage"?']),
    (line(score=[1]), ['unknown field "score"', 'did you mean "scores"?']),
    (line(url="x"), ['unknown field "url"', "expected id, language"]),
    (line(language="xx"), ['language: unknown code "xx"']),
    (line(language="english"), ['language: unknown code "english"']),
    (line().replace(b"four", b"\xe9"), ["not UTF-8", "0xe9"]),
    (line().decode().encode("utf-16"), ["not UTF-8 at byte 1", "0xff"]),
    (line().replace(b"four", rb"\ud83d"), ["passage", "surrogate"]),
    (b'{"\\ud83d": 1}', ["unknown field"]),
  ],
)
def test_a_fault_is_named(write, bad, parts):
  path = write(line(id="first"), b"", bad)
  with pytest.raises(UserError) as error:
    read(path)
  message = str(error.value)
  message.encode()
  assert message.startswith(f"{path}:3:")
  assert "\n" not in message
  assert len(message) < len(path) + 200
  assert [part for part in parts if part not in message] == []
  assert faults(path)[0] == message


def test_every_fault_is_found(write):
  path = write(
    b"{",
    line(id="a", pasage="x", query="", scores=[1, None]),
    line(id="b"),
    line(id="a"),
    b"\xff",
    line(id="b"),
  )
  rows = list(read_rows(path))
  assert [row.record.id for row in rows if isinstance(row, Row)] == ["b"]
  starts = [
    f"{path}:1: malformed JSON",
    f'{path}:2: unknown field "pasage"',
    f"{path}:2: query: empty",
    f"{path}:2: scores[1]: expected a finite number, got null",
    f"{path}:2: scores: 2 numbers, expected 1",
    f'{path}:4: id "a" in language en stands already at {path}:2;',
    f"{path}:5: not UTF-8",
    f'{path}:6: id "b" in language en stands already at {path}:3;',
  ]
  for fault, start in zip(faults(path), starts, strict=True):
    assert fault.startswith(start)


def test_an_id_twice_in_a_language(write):
  path = write(line(), line(language="de"), b"", line(split="dev"))
  with pytest.raises(
    UserError, match=r'pairs.jsonl:4: id "oven" in language en.*jsonl:1;'
  ):
    read(path)


def test_instructions_are_in_all_records_or_in_none(write):
  task = "Name the hour."
  path = write(line(id="a", instruction=task), line(id="b", instruction=task))
  assert [r.instruction for r in read(path)] == [task, task]
  some = write(line(id="a", instruction=task), line(id="b"), name="1.jsonl")
  with pytest.raises(
    UserError, match=r"1.jsonl:2: instruction: there is none here, .*jsonl:1;"
  ):
    read(some)
  late = write(line(id="a"), b"", line(id="b", instruction=task))
  with pytest.raises(
    UserError, match=r"jsonl:3: instruction: there is one here, .*jsonl:1;"
  ):
    read(late)


def test_a_glob_is_its_files_in_order(write, tmp_path):
  one = write(line(id="a"), name="1.jsonl")
  two = write(line(id="b"), name="2.jsonl")
  pattern = str(tmp_path / "*.jsonl")
  assert [r.where for r in read(pattern)] == [f"{one}:1", f"{two}:1"]
  write(line(id="c"), line(id="a"), name="3.jsonl")
  with pytest.raises(UserError, match=r"3.jsonl:2: id.*1.jsonl:1;"):
    read(pattern)


def test_a_glob_of_folders_in_folders(write, tmp_path):
  for folder in ("a", "a/b"):
    (tmp_path / folder).mkdir()
    write(line(id=folder), name=f"{folder}/1.jsonl")
  write(line(id="top"), name="1.jsonl")
  found = read(str(tmp_path / "**" / "*.jsonl"))
  assert sorted(record.id for record in found) == ["a", "a/b", "top"]


def test_no_file(tmp_path):
  for opened in (lambda path: open_own(path, "", ()), faults):
    with pytest.raises(UserError, match=r"none.jsonl: no such file"):
      opened(str(tmp_path / "none.jsonl"))
    with pytest.raises(UserError, match=r"is a folder.*/\*.jsonl"):
      opened(str(tmp_path))
    (tmp_path / "part.parquet").touch()
    with pytest.raises(UserError, match=r"is a folder.*/\*.parquet"):
      opened(str(tmp_path))
    (tmp_path / "part.parquet").unlink()


def test_a_file_that_is_gone(write, tmp_path):
  source = open_own(write(line()), "", ())
  (tmp_path / "pairs.jsonl").unlink()
  with pytest.raises(UserError, match=r"pairs.jsonl: no such file"):
    list(source.read())


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_no_records(write, content):
  path = write(content)
  with pytest.raises(UserError, match="holds no records"):
    read(path, "train")
  assert len(faults(path)) == 1


def test_fingerprint_is_of_content_split_and_languages(write, tmp_path):
  def fingerprint(path, split="train", languages=()):
    return open_own(path, split, languages).fingerprint

  one = write(line(id="a"), name="1.jsonl")
  digest = hashlib.sha256(line(id="a")).hexdigest()
  assert fingerprint(one) == f"{digest}/train"
  write(line(id="b"), name="2.jsonl")
  both = write(line(id="a"), line(id="b"), name="both.txt")
  assert fingerprint(str(tmp_path / "*.jsonl")) == fingerprint(both)
  assert (
    len(
      {
        fingerprint(one),
        fingerprint(one, "dev"),
        fingerprint(one, languages=["de"]),
        fingerprint(one, languages=["de", "en"]),
      }
    )
    == 4
  )
  assert fingerprint(one, languages=["en", "de", "en"]) == fingerprint(
    one, languages=["de", "en"]
  )


def test_it_streams(write):
  """A passage of 100 kB a line: 20 MB; only digests are kept."""
  path = write(*(line(id=f"{i}", passage="x" * 100_000) for i in range(200)))
  tracemalloc.start()
  assert sum(1 for _ in read_rows(path)) == 200
  _, peak = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert peak < 2_000_000


VALUES = st.recursive(
  st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
  lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
  max_leaves=4,
)
FIELDS = st.sampled_from(
  [
    *LINE,
    "title",
    "negatives",
    "scores",
    "group",
    "split",
    "instruction",
    "idd",
  ]
)
LINES = st.builds(
  lambda changes: line(**changes), st.dictionaries(FIELDS, VALUES, max_size=3)
)


@settings(
  max_examples=300,
  deadline=None,
  suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
  st.lists(st.binary() | LINES | st.just(line()), max_size=3),
  st.sampled_from(["", "train", "dev"]),
)
def test_anything_else_is_a_fault(write, lines, split):
  path = write(*lines)
  records, message = [], ""
  try:
    records += read(path, split)
  except UserError as e:
    message = str(e)
    message.encode()  # printable
    assert "\n" not in message.removeprefix(path)
  assert records or message.startswith(path)
  for record in records:
    assert record.query.strip()
    assert record.passage.strip()
    assert all(negative.strip() for negative in record.negatives)
    assert len(record.scores) in (0, 1 + len(record.negatives))
  found = faults(path)
  "".join(found).encode()
  # The reader stops at the first of them.
  assert found[0] == message if found else not message or "split" in message
