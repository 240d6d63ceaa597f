import json

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.studies import state
from hybrid_ir.studies.estimate import (
  Duration,
  Speeds,
  said,
  steps_left,
  total,
)
from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.state import State


@pytest.fixture
def cells(make_study, tmp_path):
  """A trained run, one as the encoder came, one of larger batches."""
  axes = {
    "kind": {
      "trained": {},
      "untrained": {"train.steps": 0},
      "larger": {"train.batch_size": 16},
    }
  }
  config = make_study(
    axes,
    seeds=(0,),
    train__steps=100,
    train__batch_size=8,
    evaluate__benchmarks=("a.jsonl", "xquad_r:context"),
  )
  return make_cells(config, tmp_path)


def score(cell, *rows):
  cell.folder.mkdir(parents=True, exist_ok=True)
  with (cell.folder / "results.jsonl").open("a") as file:
    for benchmark, step in rows:
      file.write(json.dumps({"benchmark": benchmark, "step": step}) + "\n")


def finish(cell, step, seconds=(3.0, 5.0)):
  score(cell, ("a", step), ("xquad_r_context", step))
  state.add_evaluation(cell, "a.jsonl", "a", seconds[0], "f")
  state.add_evaluation(
    cell, "xquad_r:context", "xquad_r_context", seconds[1], "f"
  )


def save(cell, step):
  (cell.folder / "checkpoints" / str(step)).mkdir(parents=True)


def test_a_run_is_done_when_it_is_scored(cells):
  trained, untrained, _ = cells
  assert state.lacking(trained) == ("a.jsonl", "xquad_r:context")
  assert not state.is_done(untrained)
  finish(untrained, 0)
  assert state.is_done(untrained)
  finish(trained, 100)
  assert state.is_done(trained)


def test_a_run_that_is_trained_again_stays_done(cells):
  """Its checkpoints were deleted, and another study needs them."""
  cell = cells[0]
  finish(cell, 100)
  before = state.read(cell.folder)
  state.write(cell.folder, State(False, before.evaluated))
  save(cell, 50)
  assert state.is_done(cell)
  assert state.to_train(cell) == ()
  assert not state.is_trained(cell)


def test_figures_that_are_gone_are_lacking(cells):
  _, cell, _ = cells
  finish(cell, 0)
  (cell.folder / "results.jsonl").unlink()
  score(cell, ("a", 0), ("xquad_r_context", 7))  # of another step
  assert state.lacking(cell) == ("xquad_r:context",)


def test_a_setting_more_is_lacking(cells, make_study, tmp_path):
  _, cell, _ = cells
  finish(cell, 0)
  path = cell.folder / state.FILE
  path.write_text(path.read_text().replace('"multi"', '"mono"'))
  assert state.lacking(cell) == ("a.jsonl", "xquad_r:context")


def test_settings_that_have_figures_are_scored_again(make_study, tmp_path):
  """All figures of a benchmark are written at once."""

  def asking(*settings):
    [cell] = make_cells(
      make_study(
        {"kind": {"any": {}}},
        seeds=(0,),
        evaluate__benchmarks=("a.jsonl", "xquad_r:context"),
        evaluate__settings=settings,
      ),
      tmp_path,
    )
    return cell

  first, second = asking("multi", "mono"), asking("cross", "mono")
  assert first.key == second.key
  assert state.settings_to_score(first, "a.jsonl") == ("multi", "mono")
  finish(first, 0)
  assert state.lacking(second) == ("a.jsonl", "xquad_r:context")
  every = ("multi", "mono", "cross")
  assert state.settings_to_score(second, "a.jsonl") == every
  finish(second, 0)
  assert state.is_done(first)
  assert state.is_done(second)


def test_a_file_of_an_earlier_version_is_read(cells):
  cell = cells[1]
  finish(cell, 0)
  path = cell.folder / state.FILE
  stored = json.loads(path.read_text())
  for each in (stored, *stored["evaluated"].values()):
    del each["date"], each["devices"]
  path.write_text(json.dumps(stored))
  assert state.is_done(cell)
  assert state.read(cell.folder).date == ""


@pytest.mark.parametrize(
  "text", ["{", "{}", "[]", '{"trained": true, "evaluated": 3}']
)
def test_a_damaged_file_is_named(cells, text):
  cell = cells[0]
  cell.folder.mkdir(parents=True)
  (cell.folder / state.FILE).write_text(text)
  with pytest.raises(UserError, match=r"cell\.json: damaged"):
    state.is_done(cell)


def test_damaged_results_are_named(cells):
  cell = cells[0]
  score(cell, ("a", 1))
  with (cell.folder / "results.jsonl").open("a") as file:
    file.write('{"benchmark":')
  with pytest.raises(UserError, match=r"results\.jsonl:2: damaged"):
    state.scored(cell.folder)


def test_times_are_those_of_runs_before(cells):
  trained, untrained, larger = cells
  assert Speeds(cells).whole(trained, [trained]) is None
  finish(untrained, 0)
  assert Speeds(cells).training(trained) is None
  assert Speeds(cells).evaluation(trained) == Duration(8.0, False)
  # What is known of a run is the least that it takes.
  assert Speeds(cells).whole(trained, [trained]) == Duration(8.0, True)
  assert Speeds(cells).whole(untrained, []) == Duration(0.0, False)
  save(trained, 20)
  (trained.folder / "checkpoints/30.orbax-tmp").mkdir()
  lines = [{"step": s, "pairs_per_s": 40.0} for s in (10, 20)]
  text = "".join(json.dumps(line) + "\n" for line in lines)
  (trained.folder / "metrics.jsonl").write_text(text + '{"step": 30, "pa')
  speeds = Speeds(cells)
  assert speeds.training(trained) == Duration(80 * 8 / 40, False)
  assert speeds.whole(larger, [larger]) == Duration(100 * 16 / 40 + 8, False)
  state.write(trained.folder, State(True, {}))
  assert Speeds(cells).training(trained) == Duration(0.0, False)


def test_a_run_on_other_data_takes_at_least_what_the_fastest_took(
  make_study, tmp_path
):
  axes = {"data": {"a": {}, "b": {"data.train": ("dolly",)}}}
  known, other = make_cells(
    make_study(axes, seeds=(0,), train__steps=10, train__batch_size=8), tmp_path
  )
  known.folder.mkdir(parents=True)
  lines = [{"step": s, "pairs_per_s": 8.0} for s in (5, 10)]
  (known.folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
  speeds = Speeds([known, other])
  assert speeds.training(known) == Duration(10.0, False)
  assert speeds.training(other) == Duration(10.0, True)


def test_what_has_to_be_trained(make_study, tmp_path):
  axes = {
    "order": {"first": {}, "second": {"train.warm_start": "@order=first"}}
  }
  first, second = make_cells(
    make_study(
      axes, seeds=(0,), train__steps=9, evaluate__benchmarks=("a.jsonl",)
    ),
    tmp_path,
  )
  assert state.to_train(second) == (first, second)
  for cell in (first, second):
    save(cell, 9)
    state.write(cell.folder, State(True, {}))
  # Trained, and a benchmark is lacking.
  assert state.to_train(first) == state.to_train(second) == ()
  assert steps_left(first) == 0
  (first.folder / "checkpoints/9").rmdir()
  assert state.to_train(first) == (first,)
  assert steps_left(first) == 9
  score(first, ("a", 9))
  state.add_evaluation(first, "a.jsonl", "a", 1.0, "f")
  assert state.to_train(first) == ()  # it is done without its parameters
  (second.folder / "checkpoints/9").rmdir()
  assert state.to_train(second) == (first, second)
  # Half trained, it goes on from its own checkpoint.
  save(second, 4)
  state.write(second.folder, State(False, {}))
  assert state.to_train(second) == (second,)


def test_durations():
  seconds = (12.4, 125.0, 3600.0, 7290.0)
  assert [said(Duration(x, False)) for x in seconds] == [
    *("12 s", "2 min", "1 h 00 min", "2 h 02 min"),
  ]
  assert said(None) == "unknown"
  assert said(Duration(60.0, True)) == "at least 1 min"
  minute = Duration(60.0, False)
  assert total([minute, minute]) == "2 min"
  assert total([minute, None]) == "at least 1 min (1 cells were never measured)"
  assert total([None]) == "unknown (1 cells were never measured)"
