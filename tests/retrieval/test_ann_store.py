import json

import numpy as np
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import ann, ann_parameters, ann_searcher, ann_store
from hybrid_ir.retrieval.ann_store import Source

SOURCE = Source("f00d", 90, 8, part=0, parts=1, languages=("de",))


@pytest.fixture
def tool(monkeypatch):
  """Partitions and hashing over 90 passages."""
  pytest.importorskip("scann")
  monkeypatch.setattr(ann_parameters, "_BRUTE_FORCE_BELOW", 10)
  monkeypatch.setattr(ann_parameters, "_TREE_FROM", 30)
  rng = np.random.default_rng(0)
  return ann.build(rng.normal(size=(90, 8)).astype(np.float32), 5, sample=40)


@pytest.fixture
def folder(tmp_path, tool):
  path = tmp_path / "all" / "00000"
  ann_store.save(path, SOURCE, tool)
  return path


def test_a_round_trip_gives_the_same_bits(folder, tool):
  searcher, build_s = ann_store.open_index(folder, SOURCE)
  assert searcher.parameters == tool.searcher.parameters
  assert build_s == tool.build_s
  tuned = ann_store.read_tuned(folder, 5)
  assert tuned == tool.tuned
  queries = np.random.default_rng(1).normal(size=(7, 8)).astype(np.float32)
  opened = ann.Tool(searcher, build_s, 5, tuned)
  for ours, theirs in zip(opened(queries), tool(queries), strict=True):
    assert ours.tobytes() == theirs.tobytes()


def test_it_may_be_moved(folder, tmp_path):
  folder.parent.rename(tmp_path / "moved")
  assert ann_store.open_index(tmp_path / "moved" / "00000", SOURCE)


def test_nothing_there(tmp_path):
  assert ann_store.open_index(tmp_path / "00000", SOURCE) is None


def test_other_depths_are_not_tuned(folder):
  assert ann_store.read_tuned(folder, 6) is None


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"fingerprint": "beef"}, "fingerprint is 'f00d', not 'beef'"),
    ({"passages": 91}, "passages is 90, not 91"),
    ({"languages": ("en",)}, r"languages is \['de'\], not \['en'\]"),
    ({"part": 1, "parts": 3}, "one of 1 parts, but 3 processes search"),
  ],
)
def test_what_is_stale_is_refused_and_stays(folder, change, message):
  other = Source(**{**vars(SOURCE), **change})
  with pytest.raises(UserError, match=message) as error:
    ann_store.open_index(folder, other)
  assert f"delete {folder.parent}" in str(error.value)
  assert ann_store.open_index(folder, SOURCE)


def test_another_scann_is_refused(folder, monkeypatch):
  monkeypatch.setattr(ann_searcher, "version", lambda: "9.9")
  with pytest.raises(UserError, match=r"scann is '.*', not '9.9'"):
    ann_store.open_index(folder, SOURCE)


def test_another_format_is_refused(folder):
  path = folder / "manifest.json"
  path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
  with pytest.raises(UserError, match="format is 2, not 1"):
    ann_store.open_index(folder, SOURCE)


@pytest.mark.parametrize(
  ("name", "content"),
  [
    ("manifest.json", "{"),
    ("manifest.json", "[]"),
    ("scann_assets.pbtxt", "nonsense"),
    ("dataset.npy", ""),
  ],
)
def test_what_is_damaged_is_named(folder, name, content):
  (folder / name).write_text(content)
  with pytest.raises(UserError, match=r"damaged .*; delete .*, it is built"):
    ann_store.open_index(folder, SOURCE)


@pytest.mark.parametrize("content", ["{", '{"setting": 3}', "{}"])
def test_damaged_tuning_is_named(folder, content):
  (folder / "tuned-5.json").write_text(content)
  with pytest.raises(UserError, match=r"tuned-5.json: damaged"):
    ann_store.read_tuned(folder, 5)


def test_stopped_in_the_middle_leaves_nothing(tool, tmp_path, monkeypatch):
  path = tmp_path / "00000"

  def stop(folder, tuned):
    raise KeyboardInterrupt

  monkeypatch.setattr(ann_store, "write_tuned", stop)
  with pytest.raises(KeyboardInterrupt):
    ann_store.save(path, SOURCE, tool)
  assert list(tmp_path.iterdir()) == []
  assert ann_store.open_index(path, SOURCE) is None


def test_what_a_killed_run_left_goes_with_the_next(tool, tmp_path):
  (tmp_path / ".00000.host.7.tmp").mkdir()
  (tmp_path / ".00000.host.7.tmp" / "dataset.npy").write_text("half")
  (tmp_path / ".00001.host.8.tmp").mkdir()  # another part's, going on
  assert ann_store.open_index(tmp_path / "00000", SOURCE) is None
  ann_store.save(tmp_path / "00000", SOURCE, tool)
  names = {path.name for path in tmp_path.iterdir()}
  assert names == {"00000", ".00001.host.8.tmp"}
