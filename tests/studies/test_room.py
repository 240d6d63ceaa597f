"""Checkpoints go when no run of the study needs them any more."""

import collections

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.studies import state
from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.room import check_room, delete_checkpoints
from hybrid_ir.studies.state import State

Usage = collections.namedtuple("Usage", "total used free")


@pytest.fixture
def cells(make_study, tmp_path):
  """A run, and one that starts from it; both with a checkpoint."""
  axes = {
    "order": {"first": {}, "second": {"train.warm_start": "@order=first"}}
  }
  config = make_study(axes, seeds=(0,), evaluate__benchmarks=("a.jsonl",))
  found = make_cells(config, tmp_path)
  for cell in found:
    (cell.folder / "checkpoints/9").mkdir(parents=True)
    (cell.folder / "checkpoints/9/params").write_bytes(bytes(3 << 20))
    (cell.folder / "vocabulary").mkdir()
    (cell.folder / "vocabulary/base.npy").touch()
  return found


def finish(cell):
  (cell.folder / "results.jsonl").write_text('{"benchmark": "a", "step": 9}\n')
  state.write(cell.folder, State(True))
  state.add_evaluation(cell, "a.jsonl", "a", 1.0, "f")


def test_what_another_run_waits_for_is_kept(cells):
  first, second = cells
  assert delete_checkpoints(cells) == []
  finish(first)
  assert delete_checkpoints(cells) == []
  assert (first.folder / "vocabulary/base.npy").exists()
  finish(second)
  assert delete_checkpoints(cells) == [first, second]
  assert delete_checkpoints(cells) == []
  for cell in cells:
    assert state.is_done(cell)
    assert sorted(path.name for path in cell.folder.iterdir()) == [
      *("cell.json", "results.jsonl"),
    ]


def test_a_chain_that_is_trained_again_is_kept(make_study, tmp_path):
  """The last of three waits for a benchmark: all are trained again."""
  order = [{}, *({"train.warm_start": f"@order={n}"} for n in "01")]
  config = make_study(
    {"order": {str(n): keys for n, keys in enumerate(order)}},
    seeds=(0,),
    evaluate__benchmarks=("a.jsonl",),
  )
  first, second, third = make_cells(config, tmp_path)
  for cell in (first, second):
    cell.folder.mkdir(parents=True)
    finish(cell)
  (first.folder / "checkpoints/9").mkdir(parents=True)
  assert delete_checkpoints([first, second, third]) == []
  (second.folder / "checkpoints/9").mkdir(parents=True)
  assert delete_checkpoints([first, second, third]) == [first]


def test_what_a_kill_left_is_deleted(cells):
  first, second = cells
  finish(first)
  finish(second)
  (first.folder / "checkpoints").rename(first.folder / ".checkpoints.deleted")
  assert delete_checkpoints(cells) == [second]
  assert not (first.folder / ".checkpoints.deleted").exists()


@pytest.mark.parametrize(
  ("free", "refused"), [(2 << 20, True), (3 << 20, False)]
)
def test_a_full_disk_is_told_before_anything_runs(
  cells, monkeypatch, tmp_path, free, refused
):
  monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(9, 9, free))
  if not refused:
    check_room(cells, tmp_path)
    return
  with pytest.raises(UserError, match=r"2 MiB left .* takes 3 MiB") as caught:
    check_room(cells, tmp_path)
  assert "\n" not in str(caught.value)
  for cell in cells:  # what is done needs no room
    finish(cell)
  check_room(cells, tmp_path)
