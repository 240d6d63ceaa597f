import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.data.fields import (
  FIELDS,
  Fault,
  is_language,
  make_row,
  problems,
  unknown_field,
)

LEAST = {"id": "a", "language": "sr-Latn", "query": "?", "passage": "."}


def test_the_least_record():
  assert not list(problems(LEAST))
  row = make_row(LEAST, "x:1")
  assert row.split == "train"
  assert (row.record.negatives, row.record.scores) == ((), ())
  assert (row.record.group, row.record.instruction) == ("", "")
  assert row.record.passage == "."


def test_everything_that_is_wrong_comes_at_once():
  wrong = {
    "query": 1,
    "passage": "",
    "negatives": [2],
    "scores": 3,
    "lang": "en",
  }
  assert [problem.partition(":")[0] for problem in problems(wrong)] == [
    'unknown field "lang"; did you mean "language"?',
    "id",
    "language",
    "query",
    "passage",
    "negatives[0]",
    "scores",
  ]


@pytest.mark.parametrize("name", FIELDS)
def test_a_letter_left_out(name):
  assert f'did you mean "{name}"?' in unknown_field(name[:2] + name[3:] or "i")


@pytest.mark.parametrize("value", [None, 1, [], "xx", "EN", "zh_Hant", ""])
def test_no_languages(value):
  assert not is_language(value)


def test_a_fault_as_a_line():
  assert str(Fault("a.jsonl:3", "id: missing")) == "a.jsonl:3: id: missing"


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_splits(split):
  fields = {**LEAST, "split": split}
  assert not list(problems(fields))
  assert make_row(fields, "x:1").split == split


@pytest.mark.parametrize("split", ["valid", "Test", "dev ", "training"])
def test_no_splits(split):
  [problem] = problems({**LEAST, "split": split})
  assert problem == f'split: "{split}"; expected one of train, dev, test'


def test_a_negative_is_another_text():
  fields = {**LEAST, "passage": "it is", "negatives": ["no", "it is", "no"]}
  assert list(problems(fields)) == [
    "negatives[1]: is the record's own passage; leave it out",
    "negatives[2]: stands already as negatives[0]; expected each once",
  ]
  # The passage is encoded with its title, a negative as it stands.
  titled = {**fields, "title": "Tower", "negatives": ["it is", "no"]}
  assert not list(problems(titled))
  titled["negatives"] = ["no", make_row(titled, "x:1").record.passage]
  [problem] = problems(titled)
  assert problem.startswith("negatives[1]: is the record's own passage")


@given(
  st.lists(st.text("ab", min_size=1), unique=True),
  st.lists(
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9)
  ),
)
def test_a_score_for_the_passage_and_each_negative(negatives, scores):
  fields = {**LEAST, "negatives": negatives, "scores": scores}
  found = list(problems(fields))
  if len(scores) == 1 + len(negatives):
    assert not found
    record = make_row(fields, "x:1").record
    assert record.scores == tuple(map(float, scores))
    assert all(type(score) is float for score in record.scores)
  else:
    [problem] = found
    assert problem.startswith(f"scores: {len(scores)} numbers, expected")
