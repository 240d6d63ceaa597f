import contextlib
import dataclasses
import errno
import os
import pathlib
import resource
import types
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir import processes
from hybrid_ir.errors import UserError
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.checkpoint import Checkpoints, Progress
from hybrid_ir.training.step import State
from hybrid_ir.training.unreadable import DamagedError, UnreadError

PROGRESS = Progress(best_step=4, best_value=0.1 + 0.2, without_gain=3)
CONTRACT = {"pooling": "mean", "architecture": {"layers": 2}, "data": ["ab"]}


@pytest.fixture(scope="module")
def state():
  rng = np.random.default_rng(0)
  params = {
    "encoder": {"tokens": jnp.asarray(rng.normal(size=(8, 3)), jnp.float32)},
    "log_inverse_temperature": jnp.float32(1 / 3),
  }
  moments = jax.tree.map(lambda x: x / 7, params)
  return State(
    step=jnp.int32(5), params=params, optimizer=(moments, jnp.int32(5))
  )


@pytest.fixture
def save(tmp_path, state):
  """(keep, dev by step) -> the folder of the checkpoints."""

  def save(keep, dev):
    checkpoints = Checkpoints(str(tmp_path), keep)
    for step, value in dev.items():
      checkpoints.save(state, step, CONTRACT, PROGRESS, value)
    checkpoints.close()
    return str(tmp_path)

  return save


def test_nothing_is_saved_in_a_workdir_that_another_run_has(
  tmp_path, state, monkeypatch
):
  folder = tmp_path / "checkpoints"
  monkeypatch.setattr(processes, "_marks", {tmp_path: "ours"})
  (tmp_path / ".shared").write_text("another's")
  checkpoints = Checkpoints(str(folder), 1)
  with pytest.raises(UserError, match="another run was started in this"):
    checkpoints.save(state, 1, CONTRACT, PROGRESS, None)
  assert checkpoints.steps == []
  (tmp_path / ".shared").write_text("ours")
  checkpoints.save(state, 1, CONTRACT, PROGRESS, None)
  checkpoints.close()
  assert steps(str(folder)) == [1]


def steps(folder):
  checkpoints = Checkpoints(folder)
  try:
    return checkpoints.steps
  finally:
    checkpoints.close()


def equal(one, other):
  return jax.tree.structure(one) == jax.tree.structure(other) and all(
    jax.tree.leaves(
      jax.tree.map(
        lambda x, y: x.dtype == y.dtype and np.array_equal(x, y), one, other
      )
    )
  )


@pytest.mark.parametrize("devices", [1, 8])
def test_a_round_trip_is_bitwise(save, state, devices):
  folder = save(1, {5: None})
  mesh = mesh_lib.make_mesh(devices)
  checkpoints = Checkpoints(folder)
  like = jax.eval_shape(lambda: state)
  restored = checkpoints.restore(5, like, mesh)
  assert equal(restored, state)
  for array in jax.tree.leaves(restored):
    assert array.sharding.mesh == mesh
  checkpoints.close()


def test_parameters_alone(save, state):
  folder = save(1, {5: None})
  mesh = mesh_lib.make_mesh(2)
  checkpoints = Checkpoints(folder)
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    params = checkpoints.restore_params(5, mesh)
  assert equal(params, state["params"])
  assert params["encoder"]["tokens"].sharding.mesh == mesh
  checkpoints.close()


def test_contract_and_progress_travel_with_it(save):
  checkpoints = Checkpoints(save(1, {5: None}))
  assert checkpoints.metadata(5) == (CONTRACT, PROGRESS)
  checkpoints.close()


@pytest.mark.parametrize(
  ("keep", "dev", "kept"),
  [
    (1, dict.fromkeys((2, 4, 6)), [6]),
    (2, dict.fromkeys((2, 4, 6)), [4, 6]),
    (1, {2: 0.5, 4: 0.9, 6: 0.1, 8: 0.3}, [4, 8]),
    (1, {2: 0.5, 3: None, 4: 0.9, 5: None, 6: None}, [4, 6]),
    (1, {2: 0.5, 4: 0.5, 6: 0.4}, [2, 6]),  # of equals the first
    (1, {2: 0.0, 4: -0.5, 6: None}, [2, 6]),
  ],
)
def test_the_latest_and_the_best_are_kept(save, keep, dev, kept):
  assert steps(save(keep, dev)) == kept


def test_the_best_is_of_those_that_can_be_compared(save, state):
  """Figures on another dev set stand before, whatever they were."""
  folder = save(1, {2: 0.9, 4: 0.8})
  later = dataclasses.replace(PROGRESS, since=4)
  checkpoints = Checkpoints(folder, 1)
  for step, value in {6: 0.3, 8: 0.2}.items():
    checkpoints.save(state, step, CONTRACT, later, value)
  checkpoints.close()
  assert steps(folder) == [6, 8]


def test_a_run_that_goes_on_keeps_the_best_of_before(save):
  save(1, {2: 0.9, 4: 0.1})
  assert steps(save(1, {6: 0.3, 8: 0.2})) == [2, 8]


def test_reading_leaves_another_runs_unfinished_save_alone(save):
  folder = save(1, {5: None})
  unfinished = pathlib.Path(folder) / "6.orbax-checkpoint-tmp"
  unfinished.mkdir()
  assert steps(folder) == [5]
  assert unfinished.exists()
  save(1, {7: None})
  assert not unfinished.exists()
  assert steps(folder) == [7]


def test_a_run_that_saved_nothing_leaves_no_folder(tmp_path):
  Checkpoints(str(tmp_path / "new"), 1).close()
  assert not (tmp_path / "new").exists()
  (tmp_path / "others").mkdir()
  Checkpoints(str(tmp_path / "others")).close()  # only to read
  assert (tmp_path / "others").exists()


def test_the_state_may_be_donated_at_once(tmp_path, state):
  checkpoints = Checkpoints(str(tmp_path), 1)
  copy = jax.tree.map(jnp.copy, state)
  checkpoints.save(copy, 5, CONTRACT, PROGRESS, None)
  jax.block_until_ready(
    jax.jit(lambda s: jax.tree.map(lambda x: x * 0, s), donate_argnums=0)(copy)
  )
  checkpoints.close()
  checkpoints = Checkpoints(str(tmp_path))
  params = checkpoints.restore_params(5, mesh_lib.make_mesh(1))
  assert equal(params, state["params"])
  checkpoints.close()


def test_a_relative_path(save, state, tmp_path, monkeypatch):
  save(1, {5: None})
  monkeypatch.chdir(tmp_path.parent)
  checkpoints = Checkpoints(tmp_path.name)
  params = checkpoints.restore_params(5, mesh_lib.make_mesh(1))
  assert equal(params, state["params"])
  assert checkpoints.directory == tmp_path.name  # as messages name it
  checkpoints.close()


# Which reading needs a file of a checkpoint.
DAMAGES = {
  "_CHECKPOINT_METADATA": "metadata",
  "params/_METADATA": "restore_params",
  "params/manifest.ocdbt": "restore_params",
  "params/d/*": "restore_params",
  "optimizer/d/*": "restore",
}


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("file", DAMAGES)
def test_a_damaged_checkpoint_is_one_line(
  save, state, file, missing, caplog, capfd
):
  folder = save(2, {5: None})
  for path in pathlib.Path(folder, "5").glob(file):
    path.unlink() if missing else path.write_bytes(b"")
  checkpoints = Checkpoints(folder)
  mesh = mesh_lib.make_mesh(1)
  like = jax.eval_shape(lambda: state)
  read = {
    "metadata": lambda: checkpoints.metadata(5),
    "restore_params": lambda: checkpoints.restore_params(5, mesh),
    "restore": lambda: checkpoints.restore(5, like, mesh),
  }[DAMAGES[file]]
  with pytest.raises(UserError) as caught:
    read()
  checkpoints.close()
  message = str(caught.value)
  assert message.startswith(f"{folder}/5: the checkpoint is damaged (")
  assert message.endswith("; delete the folder to start again")
  assert "Traceback" not in capfd.readouterr().err
  assert "asyncio" not in {record.name for record in caplog.records}
  assert "\n" not in message


@pytest.mark.parametrize(
  ("change", "said"),
  [
    (
      {"log_inverse_temperature": None},
      r"params/log_inverse_temperature is \(\), and would be left out;",
    ),
    (
      {"bias": np.zeros(2, np.float32)},
      r"params/bias is not there, and would be \(2,\);",
    ),
    (
      {"encoder": {"tokens": np.zeros((8, 4), np.float32)}},
      r"params/encoder/tokens is \(8, 3\), and would be \(8, 4\);",
    ),
  ],
  ids=["fewer", "more", "wider"],
)
def test_a_state_of_another_config_is_not_called_damaged(
  save, state, change, said
):
  folder = save(2, {5: None})
  params = {**state["params"], **change}
  params = {name: value for name, value in params.items() if value is not None}
  checkpoints = Checkpoints(folder)
  with pytest.raises(UserError, match=f"/5: sound, but .*: {said}") as caught:
    checkpoints.restore(
      5,
      jax.eval_shape(lambda: State(**{**state, "params": params})),
      mesh_lib.make_mesh(1),
    )
  checkpoints.close()
  assert not isinstance(caught.value, DamagedError)
  assert "delete" not in str(caught.value)


@pytest.mark.parametrize(
  ("damaged", "mend"),
  [
    (6, "delete the folder to go on from the one before it"),
    (4, "put it back from a copy, or train again in another workdir"),
  ],
)
def test_what_to_do_without_a_checkpoint(save, damaged, mend):
  folder = save(2, {4: None, 6: None})
  pathlib.Path(folder, str(damaged), "params", "_METADATA").unlink()
  checkpoints = Checkpoints(folder)
  with pytest.raises(UserError, match=f"/{damaged}: .*; {mend}$"):
    checkpoints.restore_params(damaged, mesh_lib.make_mesh(1))
  checkpoints.close()


@pytest.mark.parametrize("at", ["save_checkpointables_async", "close"])
def test_a_full_disk_is_one_line(save, state, at, monkeypatch):
  folder = save(2, {4: None})
  checkpoints = Checkpoints(folder, 2)

  def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")

  def save_and_close():
    checkpoints.save(state, 6, CONTRACT, PROGRESS, None)
    checkpoints.close()

  with monkeypatch.context() as patch:
    patch.setattr(checkpoints._checkpointer, at, full)
    with pytest.raises(UserError) as caught:
      save_and_close()
  message = str(caught.value)
  assert message.startswith(f"{folder}: the disk is full (")
  assert "the checkpoints of steps [4] are whole" in message
  assert message.endswith("run the same command again")
  checkpoints.close()
  assert 4 in steps(folder)


def test_a_step_that_found_no_room_is_not_called_whole(
  save, state, monkeypatch
):
  """The disk is full where a step written in the background gets its name."""
  folder = save(2, {2: None, 4: None})
  checkpoints = Checkpoints(folder, 2)
  rename = os.rename

  def full(old, new, **keywords):
    if os.path.basename(os.fspath(new)) == "6":
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    rename(old, new, **keywords)

  with monkeypatch.context() as patch:
    patch.setattr(os, "rename", full)
    patch.setattr(os, "replace", full)
    checkpoints.save(state, 6, CONTRACT, PROGRESS, None)
    with pytest.raises(UserError) as caught:
      checkpoints.close()
  assert checkpoints.steps == [4]  # orbax's list is no witness
  message = str(caught.value)
  assert "the checkpoints of steps [2, 4] are whole" in message
  assert "all but the newest and the best may be deleted" in message
  assert "checkpoint.keep" not in message


@pytest.fixture
def no_more_files():
  """While a block runs, no file can be opened: the system's own limit."""

  @contextlib.contextmanager
  def no_more_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    # 0 to 2 are taken, and no thread closes these; what is open goes on.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
      yield
    finally:
      resource.setrlimit(resource.RLIMIT_NOFILE, before)

  return no_more_files


@pytest.mark.parametrize("reading", ["metadata", "restore_params", "restore"])
def test_a_sound_one_that_is_kept_from_being_read(
  save, state, no_more_files, reading
):
  folder = save(2, {4: None, 6: None})
  checkpoints = Checkpoints(folder)
  mesh = mesh_lib.make_mesh(1)
  like = jax.eval_shape(lambda: state)
  read = {
    "metadata": lambda: checkpoints.metadata(6),
    "restore_params": lambda: checkpoints.restore_params(6, mesh),
    "restore": lambda: checkpoints.restore(6, like, mesh),
  }[reading]
  read()
  with no_more_files(), pytest.raises(UnreadError) as caught:
    read()
  message = str(caught.value)
  assert message.startswith(f"{folder}/6: the checkpoint was not read (")
  assert "Too many open files" in message
  assert "ulimit -n" in message
  assert "delete" not in message
  read()  # nothing was wrong with it
  checkpoints.close()


def test_devices_without_room_damage_nothing(save, state, monkeypatch):
  folder = save(2, {4: None, 6: None})
  checkpoints = Checkpoints(folder)

  def full(*_):
    raise jax.errors.JaxRuntimeError(
      "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."
    )

  monkeypatch.setattr(checkpoints._checkpointer, "load_checkpointables", full)
  like = jax.eval_shape(lambda: state)
  with pytest.raises(UnreadError, match=r"RESOURCE_EXHAUSTED.*nvidia-smi"):
    checkpoints.restore(6, like, mesh_lib.make_mesh(1))
  checkpoints.close()


def test_a_hiccup_that_orbax_hides_is_read_over(save, monkeypatch):
  checkpoints = Checkpoints(save(1, {5: None}))
  mesh = mesh_lib.make_mesh(1)
  read = checkpoints._checkpointer.checkpointables_metadata
  nothing = types.SimpleNamespace(custom_metadata=None, metadata={})
  answers = iter([lambda _: nothing, read] * 2)
  monkeypatch.setattr(
    checkpoints._checkpointer,
    "checkpointables_metadata",
    lambda step: next(answers)(step),
  )
  assert checkpoints.metadata(5) == (CONTRACT, PROGRESS)
  assert checkpoints.restore_params(5, mesh)["encoder"]["tokens"].any()
  checkpoints.close()


def test_what_was_set_aside_before_stays(save):
  folder = save(2, {4: None, 6: None})
  aside = pathlib.Path(f"{folder}_damaged")
  for number, name in enumerate(("6", "6.1", "6.2")):
    checkpoints = Checkpoints(folder, 2)
    pathlib.Path(folder, "6", "which").write_text(str(number))
    assert checkpoints.set_aside(6) == str(aside / name)
    assert checkpoints.steps == [4]
    checkpoints.close()
    save(2, {6: None})
  assert [
    (aside / name / "which").read_text() for name in ("6", "6.1", "6.2")
  ] == ["0", "1", "2"]
