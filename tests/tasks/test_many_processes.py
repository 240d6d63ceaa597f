"""Several real processes train as one does, save together, and go on as one."""

import shutil
import signal

import numpy as np
import pytest
import safetensors.numpy

from .several import ALIKE, DEVICES, finish


@pytest.fixture(scope="module")
def alone(run, tmp_path_factory):
  """A workdir of one process with one device."""
  workdir = tmp_path_factory.mktemp("alone")
  run(workdir, {**ALIKE, "mesh.data": 1, "train.steps": 4})
  return workdir


@pytest.mark.parametrize(
  ("count", "fsdp", "chunks"), [(2, 1, 1), (2, 4, 2), (4, 2, 1)]
)
def test_processes_train_as_one(
  start, alone, tmp_path, assert_close, count, fsdp, chunks
):
  workdir = tmp_path / "several"
  changes = {
    **ALIKE,
    "train.steps": 4,
    "mesh.fsdp": fsdp,
    "train.chunks": chunks,
  }
  outputs = finish(start(workdir, changes, count))
  assert f"{count * DEVICES} cpu devices" in outputs[0][0]
  assert [out for out, _ in outputs[1:]] == [""] * (count - 1)
  if fsdp == 1:
    assert "step 4/4" in outputs[0][0]
  assert_close(workdir, alone, 4)


def test_four_processes_go_on_as_two(start, alone, tmp_path, assert_close):
  workdir = tmp_path / "fewer"
  finish(start(workdir, {**ALIKE, "train.steps": 2}, 4))
  finish(start(workdir, {**ALIKE, "train.steps": 4, "mesh.fsdp": 2}, 2))
  assert_close(workdir, alone, 4)


def test_processes_evaluate_as_one(run, start, trained, tmp_path, lines_of):
  changes = {"task": "train_and_evaluate", "train.steps": 6, "system": "tiny"}
  one, two = (
    shutil.copytree(trained, tmp_path / name) for name in ("one", "two")
  )
  run(one, changes)
  several = {**changes, "mesh.data": -1, "mesh.timeout_s": 120}
  (_, _), (out, _) = finish(start(two, several, 2))
  assert out == ""
  for written in ("details/*", "runs/*", "figures/*", "report.*"):
    names = [{path.name for path in x.glob(written)} for x in (one, two)]
    assert names[0] == names[1] != set()
  ours, theirs = (lines_of(x, "results.jsonl") for x in (one, two))
  values = [[line.pop("value") for line in x] for x in (ours, theirs)]
  assert ours == theirs
  # Ranks are the same; scores differ by rounding, and no two are that near.
  np.testing.assert_allclose(values[0], values[1], rtol=1e-6)


def test_a_sigterm_to_one_saves_all(start, tmp_path, steps_of):
  workdir = tmp_path / "told"
  changes = {**ALIKE, "train.steps": 100_000, "checkpoint.every": 0}
  first, second = start(workdir, changes, 2)
  for line in first.stdout:
    if line.startswith("step 3/"):
      second.send_signal(signal.SIGTERM)
      break
  outputs = finish([first, second], 75)
  (step,) = steps_of(workdir)
  for _, errors in outputs:
    assert f"stopped by SIGTERM, saved after step {step};" in errors


@pytest.mark.parametrize(
  ("own", "named"),
  [
    (lambda n: {"train.steps": 4 + n}, "config key 'train.steps'"),
    (lambda n: {"text.query_length": 32 - n}, "'text.query_length'"),
  ],
)
def test_another_config_is_refused(start, tmp_path, own, named):
  processes = start(tmp_path / "other", ALIKE, 2, own)
  for _, errors in finish(processes, 2):
    (line,) = [x for x in errors.splitlines() if named in x]
    assert "process 0" in line
    assert "process 1" in line


def test_a_dead_one_ends_the_other(start, tmp_path):
  changes = {**ALIKE, "train.steps": 100_000}
  first, second = start(tmp_path / "dead", changes, 2)
  for line in first.stdout:
    if line.startswith("step 3/"):
      second.kill()
      break
  ((_, errors),) = finish([first], 76)
  assert "process 1" in errors


def test_another_encoder_is_refused(start, run, tmp_path):
  """The same path, and other weights there: no key tells."""
  workdir = tmp_path / "trained"
  run(workdir)
  run(workdir, {"task": "export"})
  for number in range(2):
    encoder = tmp_path / str(number) / "encoder"
    shutil.copytree(workdir / "export", encoder)
    path = encoder / "model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    name = next(name for name in tensors if "word_embeddings" in name)
    tensors[name][5] += number
    safetensors.numpy.save_file(tensors, path, {"format": "pt"})
  changes = {**ALIKE, "encoder.path": "encoder"}
  processes = start(
    tmp_path / "run", changes, 2, folder=lambda number: tmp_path / str(number)
  )
  for _, errors in finish(processes, 2):
    assert "the model's weights is" in errors
    assert "process 1" in errors
    assert "encoder.revision" in errors


def test_other_data_is_refused(start, tmp_path, data):
  """The same name, and other lines under it: no key tells."""
  lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
  for number in range(2):
    folder = tmp_path / str(number)
    folder.mkdir()
    (folder / "towns.jsonl").write_text(
      "".join(lines[: len(lines) - 3 * number]), encoding="utf-8"
    )
  changes = {**ALIKE, "data.train": ("towns.jsonl",)}
  processes = start(
    tmp_path / "data", changes, 2, folder=lambda number: tmp_path / str(number)
  )
  for _, errors in finish(processes, 2):
    assert "training data" in errors
    assert "process 1" in errors
