import json

import pytest

from hybrid_ir.data.beir import collection
from hybrid_ir.errors import UserError

CORPUS = [
  {"_id": "d1", "language": "en", "title": "Hill", "text": "90 m tall."},
  {"_id": "d2", "language": "de", "title": "", "text": "90 m hoch."},
  {"_id": "d3", "language": "de", "title": "Hügel", "text": "", "metadata": {}},
]
QUERIES = [
  {"_id": "q1", "language": "en", "text": "How tall?"},
  {"_id": "q2", "language": "de", "text": "Wie hoch?"},
  {"_id": "q3", "language": "de", "text": "Wer?"},
]
HEADER = "query-id\tcorpus-id\tscore\n"


def write(folder, corpus=CORPUS, queries=QUERIES, **qrels):
  for name, lines in (("corpus", corpus), ("queries", queries)):
    text = "\n".join(json.dumps(fields) for fields in lines)
    (folder / f"{name}.jsonl").write_text(text)
  for name, content in qrels.items():
    path = folder / ("qrels.tsv" if name == "qrels" else f"qrels/{name}.tsv")
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEADER + content)
  return folder


def test_one_file_of_judgements(tmp_path):
  found = collection(write(tmp_path, qrels="q1\td1\t2\nq1\td2\t0\n"), "test")
  assert found.passages.ids == ["d1", "d2", "d3"]
  assert found.passages.texts == ["Hill\n\n90 m tall.", "90 m hoch.", "Hügel"]
  assert found.passages.languages == ["en", "de", "de"]
  assert found.queries.ids == ["q1", "q2", "q3"]  # q2: without gold, a fault
  assert found.queries.where(2) == f"{tmp_path}/queries.jsonl:3"
  assert found.judgements == [
    ("q1", "d1", 2, f"{tmp_path}/qrels.tsv:2"),
    ("q1", "d2", 0, f"{tmp_path}/qrels.tsv:3"),
  ]


@pytest.mark.parametrize(
  ("split", "queries"),
  [
    ("test", ["q1", "q3"]),  # q3 is in no split: to be told of
    ("dev", ["q2", "q3"]),
    ("", ["q1", "q2", "q3"]),
  ],
)
def test_queries_of_other_splits_are_left_out(tmp_path, split, queries):
  write(tmp_path, test="q1\td1\t1\n", dev="q2\td2\t1\n")
  found = collection(tmp_path, split)
  assert found.queries.ids == queries
  assert [found.queries.where(i)[-1] for i in range(len(queries))] == [
    id[1] for id in queries
  ]
  assert {j.query for j in found.judgements} == set(queries) - {"q3"}


def fields(**changed):
  return [CORPUS[0], {**CORPUS[1], **changed}]


@pytest.mark.parametrize(
  ("corpus", "message"),
  [
    (
      [CORPUS[0], {"_id": "d2", "text": "x"}],
      r'corpus.jsonl:2: language: missing; add "language": "de"',
    ),
    (fields(language="xx"), r'corpus.jsonl:2: language: unknown code "xx"'),
    (fields(text=3), r"corpus.jsonl:2: text: expected a text, got 3"),
    (fields(titel="x"), r'corpus.jsonl:2: unknown field "titel"; expected _id'),
    ([{"text": "x", "language": "de"}], r"corpus.jsonl:1: _id: missing"),
    ([{"_id": "x", "language": "de"}], r"corpus.jsonl:1: text: missing"),
    (fields(_id="\ud800"), r"corpus.jsonl:2: _id: .* half of a .u surrogate"),
  ],
)
def test_a_bad_line(tmp_path, corpus, message):
  write(tmp_path, corpus=corpus, qrels="q1\td1\t1\n")
  with pytest.raises(UserError, match=message) as caught:
    collection(tmp_path, "test")
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  ("content", "message"),
  [
    ("q1\td1\t1\n", r'qrels.tsv:1: "q1.*"; expected the header query-id corp'),
    (HEADER + "q1 d1 1\n", r"qrels.tsv:2: 1 columns between tabs; expected 3"),
    (
      HEADER + "q1\td1\t0.5\n",
      r'qrels.tsv:2: score: .* whole number, got "0.5',
    ),
  ],
)
def test_bad_judgements(tmp_path, content, message):
  write(tmp_path)
  (tmp_path / "qrels.tsv").write_text(content)
  with pytest.raises(UserError, match=message):
    collection(tmp_path, "test")


def test_missing_files(tmp_path):
  with pytest.raises(
    UserError, match=r"qrels.tsv: no such file, nor .*SPLIT.t"
  ):
    collection(tmp_path, "test")
  write(tmp_path, dev="q1\td1\t1\n")
  with pytest.raises(UserError, match=r"qrels/test.tsv: no such file.*are dev"):
    collection(tmp_path, "test")
  (tmp_path / "corpus.jsonl").unlink()
  with pytest.raises(UserError, match=r"corpus.jsonl: no such file; expected"):
    collection(tmp_path, "dev")


def test_two_kinds_of_judgements(tmp_path):
  write(tmp_path, qrels="", test="")
  with pytest.raises(UserError, match=r"qrels.tsv: stands beside"):
    collection(tmp_path, "test")
