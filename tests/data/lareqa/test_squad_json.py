import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_ir.data.lareqa import squad_json
from hybrid_ir.errors import UserError

#           0123456789
CONTEXT = "Ab cd.Ef g"  # two sentences, no gap; a space in front of none
FILE = {
  "version": "1.1",
  "data": [
    {
      "title": "Letters",
      "paragraphs": [
        {
          "context": CONTEXT,
          "sentences": ["Ab cd.", "Ef g"],
          "sentence_breaks": [[0, 6], [6, 10]],
          "qas": [
            {
              "id": "q",
              "question": "Which?",
              "answers": [{"text": "d.", "answer_start": 4}],
            }
          ],
        }
      ],
    }
  ],
}


def changed(value, *keys):
  """FILE with the value at a path of keys replaced (None: removed)."""
  file = copy.deepcopy(FILE)
  node = file
  for key in keys[:-1]:
    node = node[key]
  if value is None:
    del node[keys[-1]]
  else:
    node[keys[-1]] = value
  return file


PARAGRAPH = ("data", 0, "paragraphs", 0)
QUESTION = (*PARAGRAPH, "qas", 0)
ANSWER = (*QUESTION, "answers", 0)


@pytest.fixture
def write(tmp_path):
  def write(content):
    path = tmp_path / "xx.json"
    if isinstance(content, bytes):
      path.write_bytes(content)
    else:
      path.write_text(json.dumps(content), encoding="utf-8")
    return path

  return write


@pytest.mark.parametrize(
  ("answer_start", "gold"), [(0, 0), (5, 0), (6, 1), (9, 1)]
)
def test_gold_is_the_sentence_that_holds_the_start(write, answer_start, gold):
  file = changed(answer_start, *ANSWER, "answer_start")
  (paragraph,) = squad_json.read(write(file))
  assert paragraph["questions"][0]["gold_sentence"] == gold


def test_a_paragraph(write):
  (paragraph,) = squad_json.read(write(FILE))
  assert paragraph == {
    "id": "000-00",
    "title": "Letters",
    "context": CONTEXT,
    "sentences": ["Ab cd.", "Ef g"],
    "sentence_breaks": [[0, 6], [6, 10]],
    "questions": [
      {
        "id": "q",
        "question": "Which?",
        "answer": "d.",
        "answer_start": 4,
        "gold_sentence": 0,
      }
    ],
  }


@pytest.mark.parametrize(
  ("file", "parts"),
  [
    (b'{"data":\n [1,}', ["xx.json:2:", "malformed JSON", "column 5"]),
    (b'{"data": "\xff"}', ["not UTF-8", "byte 10"]),
    (b"[" * 100_000, ["malformed JSON"]),
    (b"1" * 5_000, ["malformed JSON"]),
    ([], ["expected a JSON object", "a list"]),
    ({}, ["data", "no such field"]),
    (changed(None, "data", 0, "title"), ["data[0]: title"]),
    (changed(7, *PARAGRAPH, "context"), ["paragraphs[0]: context", "got 7"]),
    (changed(" ", *QUESTION, "question"), ["qas[0]: question"]),
    (changed({}, *PARAGRAPH, "qas"), ["qas", "a list"]),
    (changed(3, *PARAGRAPH, "qas", 0), ["qas[0]", "JSON object, got 3"]),
    (changed(["Ab", 1], *PARAGRAPH, "sentences"), ["sentences[1]", "got 1"]),
    (changed(["Ab"], *PARAGRAPH, "sentences"), ["sentence_breaks", "1 pairs"]),
    (
      changed([[0, 6], [5, 10]], *PARAGRAPH, "sentence_breaks"),
      ["sentence_breaks[1]", "6 <= start"],
    ),
    (
      changed([[0, 6], [6, 11]], *PARAGRAPH, "sentence_breaks"),
      ["sentence_breaks[1]", "end <= 10"],
    ),
    (changed([], *QUESTION, "answers"), ["question q", "one answer", "got 0"]),
    (changed("4", *ANSWER, "answer_start"), ["answer_start", "an integer"]),
    (changed(10, *ANSWER, "answer_start"), ["question q", "answer_start 10"]),
    (changed(-1, *ANSWER, "answer_start"), ["answer_start -1", "outside"]),
    (
      changed([[0, 4], [6, 10]], *PARAGRAPH, "sentence_breaks"),
      ["question q", "answer_start 4", "none of the paragraph's sentences"],
    ),
  ],
)
def test_a_fault_is_named(write, file, parts):
  path = write(file)
  with pytest.raises(UserError) as error:
    list(squad_json.read(path))
  message = str(error.value)
  assert str(path) in message
  assert "\n" not in message
  assert [part for part in parts if part not in message] == []


JSON = st.recursive(
  st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
  lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
  max_leaves=5,
)


@settings(
  max_examples=150,
  deadline=None,
  suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
  st.binary()
  | JSON
  | st.builds(changed, JSON, *map(st.just, (*PARAGRAPH, "sentence_breaks")))
  | st.builds(changed, JSON, *map(st.just, (*PARAGRAPH, "sentences")))
  | st.builds(changed, JSON, *map(st.just, (*QUESTION, "answers")))
  | st.builds(changed, JSON, *map(st.just, (*ANSWER, "answer_start")))
)
def test_anything_else_is_a_user_error(write, file):
  path = write(file)
  paragraphs, message = [], str(path)
  try:
    paragraphs += squad_json.read(path)
  except UserError as e:
    message = str(e)
  assert message.startswith(str(path))
  for paragraph in paragraphs:
    for question in paragraph["questions"]:
      start, end = paragraph["sentence_breaks"][question["gold_sentence"]]
      assert start <= question["answer_start"] < end
