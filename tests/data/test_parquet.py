import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_ir.data.fields import Fault
from hybrid_ir.data.own_files import open_own, read_rows
from hybrid_ir.errors import UserError

ROWS = [
  {
    "id": "oven",
    "language": "en",
    "query": "When was the oven lit?",
    "passage": "At four.",
    "title": "The oven",
    "negatives": ["Oats are for porridge.", "Rye keeps."],
    "scores": [2.5, 1.0, -0.5],
    "group": "ovens",
    "split": "dev",
  },
  {
    "id": "oven",
    "language": "de",
    "query": "Wann brannte der Ofen?",
    "passage": "Um vier.",
  },
]
TEXTS = {
  "id": ["a", "b"],
  "language": ["en", "de"],
  "query": ["?", "??"],
  "passage": [".", ".."],
}


@pytest.fixture
def path(tmp_path):
  return str(tmp_path / "pairs.parquet")


def save(path, columns, **options):
  pq.write_table(pa.table(columns), path, **options)


def read(path):
  return list(open_own(path, "", ()).read())


def faults(path):
  return [str(row) for row in read_rows(path) if isinstance(row, Fault)]


def without_place(records):
  fields = [f for f in records[0].__slots__ if f != "where"]
  return [[getattr(record, field) for field in fields] for record in records]


def test_as_the_same_rows_in_json(path, tmp_path):
  pq.write_table(pa.Table.from_pylist(ROWS), path)
  lines = tmp_path / "pairs.jsonl"
  lines.write_text("\n".join(map(json.dumps, ROWS)))
  ours, theirs = read(path), read(str(lines))
  assert without_place(ours) == without_place(theirs)
  assert [r.where for r in ours] == [f"{path}, row 1", f"{path}, row 2"]


@pytest.mark.parametrize(
  "kind",
  [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
)
def test_other_kinds_of_texts(path, kind):
  save(path, {name: pa.array(texts, kind) for name, texts in TEXTS.items()})
  assert [(r.id, r.passage) for r in read(path)] == [("a", "."), ("b", "..")]


@pytest.mark.parametrize(
  ("negatives", "scores"),
  [
    (pa.list_(pa.string()), pa.list_(pa.float64())),
    (pa.large_list(pa.large_string()), pa.list_(pa.float32())),
    (pa.list_(pa.string(), 1), pa.list_(pa.int64(), 2)),
  ],
)
def test_kinds_of_lists(path, negatives, scores):
  lists = {
    "negatives": pa.array([["x"], None], negatives),
    "scores": pa.array([[1, 2], None], scores),
  }
  save(path, TEXTS | lists)
  assert [(r.negatives, r.scores) for r in read(path)] == [
    (("x",), (1.0, 2.0)),
    ((), ()),
  ]


@pytest.mark.parametrize(
  "kind", [pa.null(), pa.float64(), pa.string(), pa.list_(pa.binary())]
)
def test_a_column_of_nulls_of_whatever_type_is_no_field(path, kind):
  names = ("title", "negatives", "scores", "group")
  save(path, TEXTS | {name: pa.nulls(2, kind) for name in names})
  assert [(r.negatives, r.scores, r.group) for r in read(path)] == [
    ((), (), ""),
    ((), (), ""),
  ]


def test_a_wrong_column_is_named_though_its_first_rows_are_null(path):
  n = 1000
  columns = {name: [f"{name} {i}" for i in range(n)] for name in TEXTS}
  title = pa.array([None] * (n - 1) + [1.5], pa.float64())
  save(path, columns | {"language": ["en"] * n, "title": title})
  problem = "column title: of type double; expected string"
  assert faults(path) == [f"{path}: {problem}"]


@pytest.mark.parametrize(
  ("changes", "problem"),
  [
    ({"id": [1, 2]}, "column id: of type int64; expected string"),
    ({"group": [b"x", b"y"]}, "column group: of type binary; expected string"),
    ({"negatives": ["x", "y"]}, "of type string; expected list<string>"),
    ({"negatives": [[1], [2]]}, "expected list<string>"),
    ({"scores": [1.0, 2.0]}, "of type double; expected list<double>"),
    ({"scores": [["1"], ["2"]]}, "expected list<double>"),
    ({"pasage": ["x", "y"]}, 'unknown field "pasage"; did you mean "passage"?'),
    ({"passage": None}, "column passage: missing"),
  ],
)
def test_wrong_columns_are_named(path, changes, problem):
  columns = {k: v for k, v in (TEXTS | changes).items() if v is not None}
  save(path, columns)
  [fault] = faults(path)
  assert fault.startswith(f"{path}: column")
  assert problem in fault
  with pytest.raises(UserError, match="column"):
    read(path)


def test_a_column_twice(path):
  names = [*TEXTS, "query"]
  table = pa.table([*TEXTS.values(), ["?", "?"]], names=names)
  pq.write_table(table, path)
  assert faults(path) == [
    f"{path}: column query: stands 2 times; expected once"
  ]


def test_every_fault_of_the_rows(path):
  save(
    path,
    {
      "id": ["a", "b", "a", "c"],
      "language": ["en", "xx", "en", "de"],
      "query": [None, "?", "?", "?"],
      "passage": [".", " ", ".", "."],
      "negatives": [["x", None], None, None, []],
      "scores": [None, None, [float("inf")], [1.0, 2.0]],
    },
  )
  starts = [
    "1: query: missing",
    "1: negatives[1]: expected a text, got null",
    "2: passage: empty",
    '2: language: unknown code "xx"',
    "3: scores[0]: expected a finite number",
    f'3: id "a" in language en stands already at {path}, row 1;',
    "4: scores: 2 numbers, expected 1",
  ]
  for fault, start in zip(faults(path), starts, strict=True):
    assert fault.startswith(f"{path}, row {start}")


def test_not_utf8(path):
  broken = pa.array([b"a", b"\xff"]).view(pa.string())
  save(path, TEXTS | {"id": broken})
  rows = list(read_rows(path))
  assert rows[0].record.id == "a"
  assert str(rows[1]).startswith(f"{path}, row 2: not UTF-8")


def test_many_row_groups(path):
  ids = [f"{i}" for i in range(1000)]
  columns = dict.fromkeys(TEXTS, ids) | {"language": ["en"] * 1000}
  save(path, columns, row_group_size=300)
  records = read(path)
  assert [r.id for r in records] == ids
  assert records[-1].where == f"{path}, row 1000"


def test_no_rows(path):
  save(path, {name: pa.array([], pa.string()) for name in TEXTS})
  with pytest.raises(UserError, match="holds no records"):
    read(path)


def test_it_streams(path):
  """One row group of 60 MB is read a page at a time."""
  texts = [f"{i} " + "x" * 2_000 for i in range(10_000)]
  columns = {"id": texts, "language": ["en"] * 10_000, "query": texts}
  save(path, columns | {"passage": texts}, compression="none")
  before = pa.total_allocated_bytes()
  most = 0
  for _ in read_rows(path):
    most = max(most, pa.total_allocated_bytes() - before)
  assert 0 < most < 30_000_000


@settings(
  max_examples=60,
  deadline=None,
  suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
  cut=st.integers(0, 2000), flips=st.lists(st.integers(0, 2000), max_size=4)
)
def test_a_damaged_file_is_one_line(path, cut, flips):
  pq.write_table(pa.Table.from_pylist(ROWS), path)
  with open(path, "rb") as file:
    whole = np.frombuffer(file.read(), np.uint8).copy()
  for flip in flips:
    whole[flip % len(whole)] ^= 0x55
  if not flips:
    whole = whole[: cut % len(whole)]
  with open(path, "wb") as file:
    file.write(whole.tobytes())
  records, message = [], ""
  try:
    records = read(path)
  except UserError as error:
    message = str(error)
  # A flipped bit inside of a text is a text still: nothing can tell.
  assert (records and flips) or message.startswith(path)
  assert "\n" not in message


def test_a_split_that_there_is_not(path):
  save(path, {**TEXTS, "split": ["dev", "eval"]})
  assert faults(path) == [
    f'{path}, row 2: split: "eval"; expected one of train, dev, test'
  ]
