import hashlib
import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_ir.data import jsonl
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


@pytest.fixture
def write(tmp_path):
  def write(*lines, name="pairs.jsonl"):
    path = tmp_path / name
    path.write_bytes(b"\n".join(lines))
    return str(path)

  return write


def test_records(write):
  path = write(
    line(),
    b"",
    line(
      language="zh",
      query="烤炉几点点燃？",
      passage="烤炉四点点燃。",
      negatives=["燕麦用来煮粥。", "黑麦可以保存一周。"],
      group="ovens",
      split="train",
    ),
  )
  assert list(jsonl.read(path, "train")) == [
    Record(**LINE, where=f"{path}:1"),
    Record(
      id="oven",
      language="zh",
      query="烤炉几点点燃？",
      passage="烤炉四点点燃。",
      where=f"{path}:3",
      negatives=("燕麦用来煮粥。", "黑麦可以保存一周。"),
      group="ovens",
    ),
  ]


def test_splits(write):
  path = write(
    line(id="a", split="dev"), line(id="b"), line(id="c", split="train")
  )
  ids = {
    split: [record.id for record in jsonl.read(path, split)]
    for split in ("train", "dev", None)
  }
  assert ids == {"train": ["b", "c"], "dev": ["a"], None: ["a", "b", "c"]}
  with pytest.raises(
    UserError, match=r'split "test"; there is "dev" \(1\), "train" \(2\)'
  ):
    list(jsonl.read(path, "test"))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n \t\n\n"])
def test_bom_and_line_ends(write, end):
  path = write(b"\xef\xbb\xbf" + line(id="a") + b"\r", line(id="b") + end)
  assert [r.where for r in jsonl.read(path, None)] == [
    f"{path}:1",
    f"{path}:2",
  ]


def test_a_line_separator_inside_of_a_text_ends_no_line(write):
  path = write(line(query="one\u2028two\x85three"), line(id="b"))
  assert [r.where for r in jsonl.read(path, None)] == [
    f"{path}:1",
    f"{path}:2",
  ]


def test_a_fault_in_another_split_is_found(write):
  path = write(line(id="a"), line(id="b", split="dev", query=""))
  with pytest.raises(UserError, match=r"pairs.jsonl:2: query: empty"):
    list(jsonl.read(path, "train"))


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
    (line(group=" "), ["group: empty"]),
    (line(id=7), ["id: expected a text, got 7"]),
    (line(query=["x"]), ["query: expected a text, got a list"]),
    (line(split=True), ["split: expected a text, got true"]),
    (line(negatives="x"), ["negatives: expected a list of texts", '"x"']),
    (line(negatives=["x", 1]), ["negatives[1]: expected a text, got 1"]),
    (line(negatives=["x", " "]), ["negatives[1]: empty"]),
    (line(pasage="x"), ['unknown field "pasage"', 'did you mean "passage"?']),
    (line(title="x"), ['unknown field "title"', "expected id, language"]),
    (line(scores=[1]), ['unknown field "scores"']),
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
    list(jsonl.read(path, None))
  message = str(error.value)
  message.encode()
  assert message.startswith(f"{path}:3:")
  assert "\n" not in message
  assert len(message) < len(path) + 200
  assert [part for part in parts if part not in message] == []


def test_an_id_twice_in_a_language(write):
  path = write(line(), line(language="de"), b"", line(split="dev"))
  with pytest.raises(
    UserError, match=r'pairs.jsonl:4: id "oven" in language en.*jsonl:1;'
  ):
    list(jsonl.read(path, None))


def test_a_glob_is_its_files_in_order(write, tmp_path):
  one = write(line(id="a"), name="1.jsonl")
  two = write(line(id="b"), name="2.jsonl")
  pattern = str(tmp_path / "*.jsonl")
  assert [r.where for r in jsonl.read(pattern, None)] == [
    f"{one}:1",
    f"{two}:1",
  ]
  write(line(id="c"), line(id="a"), name="3.jsonl")
  with pytest.raises(UserError, match=r"3.jsonl:2: id.*1.jsonl:1;"):
    list(jsonl.read(pattern, None))


@pytest.mark.parametrize(
  "read", [jsonl.fingerprint, lambda p: list(jsonl.read(p, None))]
)
def test_no_file(tmp_path, read):
  with pytest.raises(UserError, match=r"none.jsonl: no such file"):
    read(str(tmp_path / "none.jsonl"))
  with pytest.raises(UserError, match=r"is a folder.*/\*.jsonl"):
    read(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_no_records(write, content):
  path = write(content)
  with pytest.raises(UserError, match="holds no records"):
    list(jsonl.read(path, "train"))


def test_fingerprint(write, tmp_path):
  one = write(line(id="a"), name="1.jsonl")
  assert jsonl.fingerprint(one) == hashlib.sha256(line(id="a")).hexdigest()
  write(line(id="b"), name="2.jsonl")
  both = write(line(id="a"), line(id="b"), name="both.txt")
  assert jsonl.fingerprint(str(tmp_path / "*.jsonl")) == jsonl.fingerprint(both)


def test_it_streams(write):
  """A passage of 100 kB a line: 20 MB; only digests are kept."""
  path = write(*(line(id=f"{i}", passage="x" * 100_000) for i in range(200)))
  tracemalloc.start()
  assert sum(1 for _ in jsonl.read(path, None)) == 200
  _, peak = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert peak < 2_000_000


VALUES = st.recursive(
  st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
  lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
  max_leaves=4,
)
FIELDS = st.sampled_from([*LINE, "negatives", "group", "split", "idd"])
LINES = st.builds(
  lambda changes: line(**changes), st.dictionaries(FIELDS, VALUES, max_size=2)
)


@settings(
  max_examples=300,
  deadline=None,
  suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
  st.lists(st.binary() | LINES | st.just(line()), max_size=3),
  st.sampled_from([None, "train", "dev"]),
)
def test_anything_else_is_a_user_error(write, lines, split):
  path = write(*lines)
  records, message = [], ""
  try:
    records += jsonl.read(path, split)
  except UserError as e:
    message = str(e)
    message.encode()  # printable
  assert records or message.startswith(path)
  for record in records:
    assert record.query.strip()
    assert record.passage.strip()
    assert all(negative.strip() for negative in record.negatives)
