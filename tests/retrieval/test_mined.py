import json
import os
import re
from collections import Counter

import numpy as np
import pytest

from hybrid_ir import files
from hybrid_ir.data.own_files import open_own
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval.mined import Mined

PLAN = {"mine": {"depth": 5, "by": "bm25"}, "data": "f00d"}
RECORDS = [
  Record("a", "de", "rot?", 'Sehr "rot".\n\nJa.', "toy:1", ("alt",), "g"),
  Record("b", "zh", "红\u2028?", "红。", "toy:2", scores=(1.0,)),
  Record("c", "en", "red?", "{query}", "toy:3"),
]
NEGATIVES = [["blau.", "grün."], [], ["blue."]]
COUNTS = [
  Counter(queries=2, looked_at=8, in_group=2, kept=2, kept_in_de=2),
  Counter(queries=1, looked_at=2, kept=1, first=1, kept_in_zh=1),
]


@pytest.fixture
def mined(tmp_path):
  return Mined(tmp_path / "mined", "toy")


def write_all(mined):
  mined.begin(PLAN)
  mined.write(1, RECORDS[2:], NEGATIVES[2:], COUNTS[1])
  mined.write(0, RECORDS[:2], NEGATIVES[:2], COUNTS[0])
  return mined.finish(2, PLAN, {"data": "toys", "passages": 4})


def test_training_reads_what_was_written(mined):
  write_all(mined)
  found = list(open_own(str(mined.path), "train", ()).read())
  assert len(found) == len(RECORDS)
  for record, before, negatives in zip(found, RECORDS, NEGATIVES, strict=True):
    for field in ("id", "language", "query", "passage", "group"):
      assert getattr(record, field) == getattr(before, field)
    assert record.negatives == tuple(negatives)
    assert record.scores == ()
  lines = [json.loads(line) for line in mined.path.open(encoding="utf-8")]
  assert "negatives" not in lines[1]
  assert {line["split"] for line in lines} == {"train"}


def test_instructions_stay(mined):
  told = Record("a", "en", "red?", "Red.", "toy:1", instruction="Find it.")
  mined.begin(PLAN)
  mined.write(0, [told], [["Blue."]], Counter(queries=1))
  mined.finish(1, PLAN, {})
  (found,) = open_own(str(mined.path), "train", ()).read()
  assert found.instruction == "Find it."


def test_figures(mined):
  figures = write_all(mined)
  assert figures == {
    "data": "toys",
    "passages": 4,
    "queries": 3,
    "looked_at": 10,
    "positives": 0,
    "left_out": {"in_group": 2, "over_cut": 0, "repeated": 0},
    "kept": 3,
    "kept_per_query": 1.0,
    "without": 0,
    "kept_by_language": {"de": 2, "zh": 1},
    "false_by_group": {"looked_at": 0.2, "first": 0.0, "after_cut": 0.0},
    "plan": PLAN,
  }
  assert mined.figures() == figures
  assert sorted(p.name for p in mined.folder.iterdir()) == [
    "toy.json",
    "toy.jsonl",
  ]


def test_a_run_that_was_killed_at_any_time_can_go_on(mined):
  assert mined.figures() is None
  mined.check(PLAN)
  mined.begin(PLAN)
  mined.check(PLAN)
  mined.write(0, RECORDS[:2], NEGATIVES[:2], COUNTS[0])
  assert (mined.has(0), mined.has(1)) == (True, False)
  mined.write(1, RECORDS[2:], NEGATIVES[2:], COUNTS[1])
  mined.path.write_text("of a run killed before the figures")
  mined.check(PLAN)
  assert mined.figures() is None
  figures = mined.finish(2, PLAN, {})
  whole = mined.path.read_bytes()
  mined.begin(PLAN)  # as if killed while the parts were being removed
  mined.check(PLAN)
  assert mined.figures() == figures
  assert mined.path.read_bytes() == whole
  assert not (mined.folder / "toy.parts").exists()


def test_embeddings_are_kept_bit_for_bit(mined):
  assert mined.embeddings() is None
  mined.begin(PLAN)
  values = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
  mined.keep_embeddings(values)
  stored = mined.embeddings()
  assert stored.dtype == np.float32
  assert stored.tobytes() == values.tobytes()


@pytest.mark.parametrize("complete", [False, True])
def test_another_plan_is_refused(mined, complete):
  if complete:
    write_all(mined)
  else:
    mined.begin(PLAN)
  other = {"mine": {"depth": 9, "by": "bm25"}, "data": "cafe"}
  message = (
    r"mined in another way \(data: 'f00d' there, 'cafe' now; mine.depth: 5"
    r" there, 9 now\); set that back, or remove .*mined/toy\.\*"
  )
  with pytest.raises(UserError, match=message):
    mined.check(other)


def test_a_file_of_unknown_origin_is_not_replaced(mined):
  mined.folder.mkdir()
  mined.path.write_text("by hand\n")
  with pytest.raises(UserError, match=r"toy.jsonl: stands there already"):
    mined.check(PLAN)


def test_a_data_set_that_is_gone_is_said(mined):
  write_all(mined)
  mined.path.unlink()
  with pytest.raises(UserError, match=r"toy.jsonl: gone, though .*toy.json"):
    mined.figures()


@pytest.mark.parametrize("text", ["{", "[]", '"a"', "{}"])
def test_damaged_figures_are_one_line(mined, text):
  write_all(mined)
  path = mined.folder / "toy.json"
  path.write_text(text)
  with pytest.raises(UserError, match=re.escape(str(path))) as error:
    mined.check(PLAN)
  assert "\n" not in str(error.value)


def test_embeddings_on_a_full_disk(mined):
  path = mined.folder / "toy.parts" / "passages.npy"
  path.parent.mkdir(parents=True)
  aside = path.with_name(f".passages.npy.{files._HOST}.{os.getpid()}.tmp")
  aside.symlink_to("/dev/full")
  with pytest.raises(OSError, match="No space left") as caught:
    mined.keep_embeddings(np.ones((2, 3), np.float32))
  assert files.is_full(caught.value)
  assert caught.value.filename == str(path)
