import json
import time

import pytest
from tensorboard.backend.event_processing.event_accumulator import (
  EventAccumulator,
)

from hybrid_ir.training.metrics import FILE, MetricsLog


def write(workdir, start, lines):
  with MetricsLog(workdir, start) as log:
    for step, values in lines:
      log.write(step, values)


def lines(workdir):
  return [json.loads(x) for x in (workdir / FILE).read_text().splitlines()]


def test_a_line_a_step(tmp_path):
  write(tmp_path, 0, [(2, {"loss": 0.5, "kind": "mono"}), (4, {"loss": 0.25})])
  assert lines(tmp_path) == [
    {"step": 2, "loss": 0.5, "kind": "mono"},
    {"step": 4, "loss": 0.25},
  ]


def test_what_was_logged_beyond_the_checkpoint_goes(tmp_path):
  write(tmp_path, 0, [(step, {"loss": 1.0}) for step in (1, 2, 3)])
  write(tmp_path, 2, [(step, {"loss": 2.0}) for step in (3, 4)])
  found = [(line["step"], line["loss"]) for line in lines(tmp_path)]
  assert found == [(1, 1), (2, 1), (3, 2), (4, 2)]


@pytest.mark.parametrize("cut", ["", "{", '{"step": 2', '{"step": 2, "loss": '])
def test_a_line_that_a_kill_cut_off_goes(tmp_path, cut):
  write(tmp_path, 0, [(1, {"loss": 1.0})])
  with (tmp_path / FILE).open("a") as file:
    file.write(cut)
  write(tmp_path, 5, [(6, {"loss": 2.0})])
  assert [line["step"] for line in lines(tmp_path)] == [1, 6]


def test_lines_are_there_at_once(tmp_path):
  with MetricsLog(tmp_path, 0) as log:
    log.write(1, {"loss": 1.0})
    assert len(lines(tmp_path)) == 1


def test_tensorboard_has_the_numbers(tmp_path, monkeypatch):
  first = [(1, {"loss": 0.5, "kind": "mono"}), (2, {"loss": 0.4})]
  write(tmp_path, 0, first)  # killed after step 2, its checkpoint is of step 1
  # TensorBoard reads files in the order of their names, which begin with the
  # second: no run is killed and started again within one.
  later = time.time() + 60
  monkeypatch.setattr(time, "time", lambda: later)
  write(tmp_path, 1, [(2, {"loss": 0.3, "dev": {"dev": 0.75, "map": 0.5}})])
  events = EventAccumulator(str(tmp_path / "tensorboard"))
  events.Reload()
  assert sorted(events.Tags()["scalars"]) == ["dev", "loss", "map"]
  losses = [(e.step, round(e.value, 6)) for e in events.Scalars("loss")]
  assert losses == [(1, 0.5), (2, 0.3)]
