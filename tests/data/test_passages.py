import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data.passages import (
  Passage,
  holds_pairs,
  open_file,
  read_again,
  survey,
)
from hybrid_ir.errors import UserError


@pytest.fixture
def write(tmp_path):
  """(name, content) -> the path of a file with it."""

  def write(name, content):
    path = tmp_path / name
    if isinstance(content, str):
      content = content.encode()
    path.write_bytes(content)
    return str(path)

  return write


def read(path, language=""):
  return [(p.id, p.language, p.text) for p in open_file(path, language).read()]


def test_json_lines(write):
  path = write(
    "c.jsonl",
    '\ufeff{"id": "a", "text": "Es regnet.", "language": "de"}\r\n\n'
    '{"id": "b", "text": "It rains.", "title": "Weather"}\n'
    '{"id": "c", "text": "It snows.", "title": ""}',
  )
  assert read(path, "en") == [
    ("a", "de", "Es regnet."),
    ("b", "en", "Weather\n\nIt rains."),
    ("c", "en", "It snows."),
  ]
  corpus = open_file(path, "en")
  assert corpus.languages == {"de": 1, "en": 2}
  assert len(corpus) == 3
  assert [p.where for p in corpus.read()] == [f"{path}:{n}" for n in (1, 3, 4)]


def test_a_file_is_read_again_and_edited_meanwhile(write):
  corpus = open_file(write("c.tsv", "a\train\nb\tsnow\n"), "en")
  assert [*read_again(corpus, "do")] == [*corpus.read()]
  write("c.tsv", "a\train\nb\tsnew\n")
  again = read_again(corpus, "read it anew")
  assert [next(again).text, next(again).text] == ["rain", "snew"]
  with pytest.raises(UserError, match=r"c.tsv: was changed .*; read it anew"):
    next(again)


def test_beir_s_corpus(write):
  path = write(
    "corpus.jsonl",
    '{"_id": "1", "title": "Rain", "text": "", "metadata": {"url": "x"}}\n'
    '{"_id": "2", "title": "", "text": "It snows.", "metadata": {}}\n',
  )
  assert read(path, "en") == [("1", "en", "Rain"), ("2", "en", "It snows.")]


def test_tab_separated(write):
  path = write("c.tsv", '\ufeff7\tIt "rains".\r\n\n8\tIt snows. \n')
  assert read(path, "en") == [
    ("7", "en", 'It "rains".'),
    ("8", "en", "It snows. "),
  ]


@pytest.mark.parametrize(
  ("line", "message"),
  [
    ('{"id": "b"}', "text: missing"),
    ('{"text": "x"}', "id: missing"),
    ('{"id": "b", "text": ""}', "text: empty"),
    ('{"id": "b", "text": "", "title": ""}', "text: empty"),
    ('{"id": "b", "text": "  ", "title": "x"}', "text: empty"),
    ('{"id": " ", "text": "x"}', "id: empty"),
    ('{"id": 1, "text": "x"}', "id: expected a text, got 1"),
    ('{"id": "b", "text": ["x"]}', "text: expected a text, got a list"),
    ('{"id": "b", "text": "x", "title": 3}', "title: expected a text, got 3"),
    ('{"id": "b", "_id": "b", "text": "x"}', 'unknown field "_id"'),
    ('{"id": "b", "txt": "x"}', 'unknown field "txt"; did you mean "text"?'),
    ('{"id": "b", "text": "x", "language": "xx"}', 'unknown code "xx"'),
    ('{"id": "b", "text": "x", "language": ""}', "language: empty"),
    ('{"id": "b", "text": "x", "language": null}', "expected a text, got null"),
    ('{"id": "b", "id": "c", "text": "x"}', 'field "id" stands twice'),
    (r'{"id": "b", "text": "\ud800"}', "surrogate"),
    ('["b", "x"]', "expected a JSON object, got a list"),
    ('{"id": "b", "text": "x"', "malformed JSON at column"),
    ("[" * 100_000, "malformed JSON"),
    (b'{"id": "b", "text": "\xff"}', "not UTF-8 at byte 22"),
    ('{"id": "a", "text": "another"}', 'id "a" stands already at'),
  ],
)
def test_a_fault_names_its_line(write, line, message):
  first = '{"id": "a", "text": "x"}\n\n'
  line = line if isinstance(line, bytes) else line.encode()
  path = write("c.jsonl", first.encode() + line + b"\n")
  with pytest.raises(UserError) as error:
    open_file(path, "en")
  assert str(error.value).startswith(f"{path}:3: ")
  assert message in str(error.value)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize(
  ("line", "message"),
  [
    ("b", "got 0 tabs"),
    ("b\tx\ty", "got 2 tabs"),
    ("b\t", "text: empty"),
    ("\tx", "id: empty"),
    ("a\ty", 'id "a" stands already at'),
    (b"b\t\xff", "not UTF-8 at byte 3"),
  ],
)
def test_a_fault_of_tab_separated_text(write, line, message):
  line = line if isinstance(line, bytes) else line.encode()
  path = write("c.tsv", b"a\tx\n" + line + b"\n")
  with pytest.raises(UserError) as error:
    open_file(path, "en")
  assert str(error.value).startswith(f"{path}:2: ")
  assert message in str(error.value)


def test_a_language_that_nobody_names(write):
  with pytest.raises(UserError) as error:
    open_file(write("c.tsv", "a\tx\n"), "")
  assert str(error.value).endswith(
    "c.tsv:1: a .tsv line has no language; name that of all lines in config"
    " key 'encode.language'"
  )
  line = json.dumps({"id": "a", "text": "x"})
  with pytest.raises(UserError, match=r"c.jsonl:1: .* every line, .*language'"):
    open_file(write("c.jsonl", line), "")


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file(write, content):
  with pytest.raises(UserError, match="holds no passages"):
    open_file(write("c.jsonl", content), "en")


def test_no_file(tmp_path):
  for path in (tmp_path / "no.tsv", tmp_path):
    with pytest.raises(UserError, match=r"'encode.corpus' is .*cannot be read"):
      open_file(str(path), "en")


def test_files_of_pairs_are_told_apart(write):
  pair = {"id": "a", "language": "en", "query": "q", "passage": "p"}
  assert holds_pairs(write("pairs.jsonl", "\n" + json.dumps(pair)))
  assert not holds_pairs(write("c.jsonl", '{"id": "a", "text": "p"}'))
  assert not holds_pairs(write("bad.jsonl", '{"query": '))
  assert not holds_pairs(write("empty.jsonl", ""))


def passages(*rows):
  return [Passage(*row) for row in rows]


def test_the_fingerprint_is_the_content_s():
  a, b = ("1", "en", "x"), ("2", "en", "y")
  base = survey("name", lambda: iter(passages(a, b))).fingerprint
  assert survey("other", lambda: iter(passages(a, b))).fingerprint == base
  for other in (
    [b, a],
    [a],
    [a, ("2", "de", "y")],
    [a, ("3", "en", "y")],
    [a, ("2", "en", "y ")],
    [("1", "en", "xy"), ("2", "en", "")],
  ):
    found = survey("name", lambda other=other: iter(passages(*other)))
    assert found.fingerprint != base


def test_numbers_of_ids_that_clash_are_no_fault(monkeypatch):
  from hybrid_ir.data import passages as module

  monkeypatch.setattr(module, "_number", lambda id: 7)
  corpus = survey(
    "c", lambda: iter(passages(("1", "en", "x"), ("2", "en", "")))
  )
  assert len(corpus) == 2
  with pytest.raises(UserError, match='id "1" stands already'):
    survey("c", lambda: iter(passages(("1", "en", "x"), ("1", "en", "y"))))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([".jsonl", ".tsv"]))
def test_whatever_a_file_holds_it_is_read_or_refused(
  tmp_path_factory, content, suffix
):
  path = tmp_path_factory.getbasetemp() / f"fuzz{suffix}"
  path.write_bytes(content)
  problem = None
  try:
    for passage in open_file(str(path), "en").read():
      assert passage.id.strip()
      assert passage.text.strip()
  except UserError as error:
    problem = str(error)
  assert problem is None or (str(path) in problem and "\n" not in problem)
