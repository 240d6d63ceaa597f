import pytest

from hybrid_ir.data.fields import Row
from hybrid_ir.data.findings import Lengths, Repeats
from hybrid_ir.data.records import Record
from hybrid_ir.data.survey import Survey


def row(id, language, passage, split="train", line=1, **fields):
  where = f"pairs.jsonl:{line}"
  fields = {"query": f"{language} {id}?", **fields}
  return Row(
    Record(id, language, passage=passage, where=where, **fields), split
  )


def found(rows, limit=None):
  survey = Survey()
  for each in rows:
    record = each.record
    survey.add(each, len(record.query), len(record.passage))
  return survey.findings(limit, limit)


ROWS = [
  row("a", "en", "one", line=1),
  row("a", "de", "eins", line=2),
  row("a", "tr", "bir", line=4),
  row("b", "en", "two", line=5, group="pair"),
  row("b", "de", "one", line=7),  # a's passage, in another language
  row("c", "en", "six", line=8, group="pair", split="test"),
  row("d", "tr", "bir", line=9, split="dev", negatives=("x", "y")),
  row("e", "en", "ten", line=10, scores=(1.0,), instruction="Count."),
  row("f", "en", "ten", line=11, negatives=("x",)),
  row("g", "fi", "yksi", line=12),
]


def test_by_hand():
  figures = found(ROWS, limit=3)
  assert (figures.rows, figures.ids) == (10, 7)
  assert figures.languages == {"de": 2, "en": 5, "fi": 1, "tr": 2}
  assert figures.splits == {"dev": 1, "test": 1, "train": 8}
  assert figures.shared.tolist() == [
    [2, 2, 0, 1],
    [2, 5, 0, 1],
    [0, 0, 1, 0],
    [1, 1, 0, 2],
  ]
  assert figures.ids_by_languages == {1: 5, 2: 1, 3: 1}
  # a-b ("one"), b-c ("pair"), a-d ("bir"); e-f ("ten"); g.
  assert figures.group_sizes == {1: 1, 2: 1, 4: 1}
  assert figures.groups_across == 1
  assert figures.query_repeats == Repeats(0, 0, 1, "pairs.jsonl:1")
  assert figures.passage_repeats == Repeats(2, 4, 2, "pairs.jsonl:4")
  assert figures.passage_lengths == Lengths((3, 4, 4, 4, 4), 3, 0.2)
  assert figures.query_lengths == Lengths((5, 5, 5, 5, 5), 3, 1.0)
  assert (figures.with_negatives, figures.negatives) == (2, 3)
  assert (figures.with_scores, figures.with_instruction) == (1, 1)


def test_nothing():
  assert Survey().findings(None, None) is None


def test_no_limit_cuts_nothing():
  assert found(ROWS).passage_lengths == Lengths((3, 4, 4, 4, 4), None, 0.0)


def test_the_place_of_what_repeats():
  survey = Survey()
  for where, text in (
    ("a.jsonl:3", "x"),
    ("a.jsonl:12", "y"),
    ("b.parquet, row 7", "z"),
    ("no number", "w"),
    ("b.parquet, row 7", "z"),
    ("no number", "w"),
    ("no number", "w"),
  ):
    survey.add(Row(Record("i", "en", "q", text, where), "train"), 1, 1)
  figures = survey.findings(None, None)
  assert figures.passage_repeats == Repeats(2, 5, 3, "no number")
  assert figures.query_repeats == Repeats(1, 7, 7, "a.jsonl:3")


@pytest.mark.parametrize(
  "where",
  [
    "x.json, question 0a1b2c0012",
    "x.json, question 0",
    "x.json, question 00",
    "x.json, question 12",
    "12",
    f"x.json, question {2**63 - 1}",
    f"x.json, question {2**63}",
    "x.json, question " + "9" * 6000,
    "x.json, question ٣",
    "x.json, question 7\n",
    "",
  ],
)
def test_a_place_comes_back_as_it_was(where):
  survey = Survey()
  other = "x.json, question 5"
  for text, place in (("once", other), ("twice", where), ("twice", other)):
    survey.add(Row(Record("i", "en", "q", text, place), "train"), 1, 1)
  assert survey.findings(None, None).passage_repeats.where == where
