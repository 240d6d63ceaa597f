"""A dev set and a warm start, over two real processes as over one."""

import pytest

from .several import ALIKE, DEVICES, finish

SHARED = {"mesh.fsdp": 2 * DEVICES}  # each process has a part of the arrays


@pytest.fixture(scope="module")
def changes(data):
  """Of a run whose dev figure is best at step 6, and ends it at step 8."""
  return {
    **ALIKE,
    "train.steps": 10,
    "checkpoint.every": 0,
    "checkpoint.keep": 1,
    "evaluate.dev": str(data),
    "evaluate.every": 2,
    "evaluate.patience": 1,
  }


@pytest.fixture(scope="module")
def alone(run, changes, tmp_path_factory):
  """A workdir of one process with one device."""
  workdir = tmp_path_factory.mktemp("alone")
  run(workdir, {**changes, "mesh.data": 1})
  return workdir


def test_the_dev_set_picks_the_same_best(
  start, alone, changes, tmp_path, steps_of, lines_of, assert_close
):
  workdir = tmp_path / "several"
  finish(start(workdir, {**changes, **SHARED}, 2))
  ours, theirs = (
    [line["dev"] for line in lines_of(path, "metrics.jsonl") if "dev" in line]
    for path in (workdir, alone)
  )
  assert len(theirs) == 4
  assert ours == [pytest.approx(figures, rel=1e-6) for figures in theirs]
  assert max(theirs, key=lambda figures: figures["dev"]) is theirs[2]
  assert steps_of(workdir) == steps_of(alone) == [6, 8]
  assert_close(workdir, alone, 8)


def test_a_warm_start_is_the_same(
  run, start, alone, tmp_path, lines_of, assert_close
):
  one, several = tmp_path / "one", tmp_path / "several"
  warm = {**ALIKE, "train.warm_start": str(alone), "train.steps": 2}
  run(one, {**warm, "mesh.data": 1})
  finish(start(several, {**warm, **SHARED}, 2))
  assert_close(several, one, 2)
  # The same batch, read by parameters that are trained.
  warmed, fresh = (lines_of(x, "metrics.jsonl")[0] for x in (one, alone))
  assert warmed["loss"] < 0.95 * fresh["loss"]
