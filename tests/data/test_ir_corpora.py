import sys

import pytest

from hybrid_ir.config import Data
from hybrid_ir.data import ir_corpora, ir_sets
from hybrid_ir.data.passages import Passage
from hybrid_ir.errors import UserError

FILES = {  # MIRACL's Hindi passages stand in two files
  "docs-0.jsonl.gz": [
    {"docid": "5#0", "title": "पहाड़ी", "text": "वह 90 मीटर ऊँची है।"},
    {"docid": "5#1", "title": "", "text": "90 मीटर।"},
    {"docid": "5#2", "title": "", "text": " "},
  ],
  "docs-1.jsonl.gz": [
    {"docid": "6#0", "title": "सूरज", "text": "धूप तेज़ है।"},
  ],
}
PASSAGES = {
  "5#0": "पहाड़ी\n\nवह 90 मीटर ऊँची है।",
  "5#1": "90 मीटर।",
  "6#0": "सूरज\n\nधूप तेज़ है।",
}


@pytest.fixture(autouse=True)
def home(ir_home):
  """A home of ir_datasets with FILES in it."""
  return ir_home({f"miracl/v1.0/hi/docs/{n}": f for n, f in FILES.items()})


def read(cache_dir, runner="", name="ir_datasets:miracl/hi"):
  data = Data(beam_runner=runner)
  return list(ir_corpora.passages(name, data, cache_dir))


def test_a_part_a_file():
  assert ir_sets.passage_parts("miracl/hi") == 2
  ids = [
    [id for id, _ in ir_sets.passages("miracl/hi", part)] for part in range(2)
  ]
  assert ids == [["5#0", "5#1", "5#2"], ["6#0"]]


def test_every_passage_that_has_a_text(tmp_path):
  found = read(tmp_path)
  assert {p.id: p.text for p in found} == PASSAGES
  where = "ir_datasets:miracl/hi, 6#0"
  assert Passage("6#0", "hi", PASSAGES["6#0"], where) in found


def test_built_once(tmp_path, home):
  first = read(tmp_path)
  for path in home.rglob("*.gz"):
    path.unlink()
  assert read(tmp_path) == first


def test_beam_gives_the_same_passages_in_the_same_order(tmp_path):
  pytest.importorskip("apache_beam", reason="extra `beam`")
  here = read(tmp_path / "here")
  by_beam = read(tmp_path / "beam", runner="DirectRunner")
  assert by_beam == here


def test_a_runner_without_beam(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, "apache_beam", None)
  with pytest.raises(UserError, match=r"'data.beam_runner' needs Apache Beam"):
    read(tmp_path, runner="DirectRunner")
  assert not list(tmp_path.glob("tfds/ir_corpus/*/*"))


def test_a_damaged_file(tmp_path, home):
  (home / "miracl/v1.0/hi/docs/docs-1.jsonl.gz").write_bytes(b"\x1f\x8b cut")
  with pytest.raises(UserError, match="miracl/hi: cannot be read through ir_d"):
    read(tmp_path)
  assert not list(tmp_path.glob("tfds/ir_corpus/*/*/dataset_info.json"))


@pytest.mark.parametrize(
  ("name", "message"),
  [
    ("miracl/sv", "unknown data set 'ir_datasets:miracl/sv'.*miracl"),
    ("miracl", "'ir_datasets:miracl' has no docs; expected an id with docs"),
  ],
)
def test_refused(tmp_path, name, message):
  with pytest.raises(UserError, match=message):
    read(tmp_path, name=f"ir_datasets:{name}")
