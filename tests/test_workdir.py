import errno
import json
import os
import signal
import subprocess
import sys

import pytest

from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.errors import UserError
from hybrid_ir.workdir import CONFIG, open_workdir, write_config


def config(**train):
  made = Config()
  for key, value in train.items():
    setattr(made.train, key, value)
  check(made)
  return made


def start(path, made):
  """A run that gets as far as its config."""
  with open_workdir(str(path), made) as workdir:
    write_config(workdir, made)


def refusal(path, made):
  with pytest.raises(UserError) as caught, open_workdir(str(path), made):
    pass
  assert "\n" not in str(caught.value)
  return str(caught.value)


def test_a_new_folder(tmp_path):
  with open_workdir(str(tmp_path / "runs" / "one"), config()) as workdir:
    assert workdir == tmp_path / "runs" / "one"
    assert os.listdir(workdir) == [".lock"]


def test_home(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  with open_workdir("~/run", config()) as workdir:
    assert workdir == tmp_path / "run"


def test_config_is_written(tmp_path):
  start(tmp_path, config(steps=7))
  stored = json.loads((tmp_path / CONFIG).read_text())
  assert stored["train"]["steps"] == 7
  assert stored["data"]["train"] == ["world_facts"]


def test_the_same_run_again(tmp_path):
  start(tmp_path, config())
  start(tmp_path, config(log_every=3))  # of no consequence for the result
  assert json.loads((tmp_path / CONFIG).read_text())["train"]["log_every"] == 3


def test_another_config(tmp_path):
  start(tmp_path, config())
  assert refusal(tmp_path, config(batch_size=64, steps=10)) == (
    f"--workdir={tmp_path} holds a run of another config (train.batch_size: 128"
    " there, 64 now; train.steps: 1000 there, 10 now); name another folder,"
    " set the keys back, or set --config.checkpoint.allow_changes=True"
  )
  start(tmp_path, config())  # a refusal lets go of it


@pytest.mark.parametrize("content", ["", "{", "\x00"])
def test_damaged_config(tmp_path, content):
  (tmp_path / CONFIG).write_text(content)
  message = refusal(tmp_path, config())
  assert message.startswith(f"{tmp_path / CONFIG}: not JSON: ")


def test_two_runs(tmp_path):
  with open_workdir(str(tmp_path), config()):
    assert refusal(tmp_path, config()).startswith(
      f"--workdir={tmp_path}: another run is using it"
    )
  start(tmp_path, config())


@pytest.mark.parametrize(
  "number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP]
)
def test_a_file_system_without_locks_is_told(
  tmp_path, monkeypatch, capsys, number
):
  """Lustre mounted without flock, NFS without a lock daemon."""

  def flock(*_):
    raise OSError(number, os.strerror(number))

  monkeypatch.setattr("hybrid_ir.workdir.fcntl.flock", flock)
  start(tmp_path, config())
  said = capsys.readouterr().err
  assert f"WARNING: --workdir={tmp_path}: its file system has no locks" in said


def test_a_killed_run_leaves_no_lock(tmp_path):
  script = """
import sys
from hybrid_ir.config import Config
from hybrid_ir.workdir import open_workdir
with open_workdir(sys.argv[1], Config()):
  print("held", flush=True)
  sys.stdin.read()
"""
  with subprocess.Popen(
    [sys.executable, "-c", script, tmp_path],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
  ) as other:
    assert other.stdout.readline() == b"held\n"
    assert "another run is using it" in refusal(tmp_path, config())
    other.send_signal(signal.SIGKILL)
    other.wait()
    start(tmp_path, config())


def test_unwritable(tmp_path):
  (tmp_path / "file").write_text("")
  for path in (tmp_path / "file", tmp_path / "file" / "run"):
    message = refusal(path, config())
    assert message.startswith(f"--workdir={path}: cannot be written (")
    assert message.endswith("name a folder that you may write to")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_rights(tmp_path):
  tmp_path.chmod(0o500)
  assert "Permission denied" in refusal(tmp_path, config())
  assert "Permission denied" in refusal(tmp_path / "run", config())


def test_a_bucket_is_no_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert "gs://runs/one: a bucket cannot be" in refusal(
    "gs://runs/one", config()
  )
  assert not os.listdir(tmp_path)
