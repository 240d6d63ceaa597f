import os
import pathlib
import signal
import subprocess
import time

import pytest

from .conftest import LAUNCH, wait_for, write_script

# Each process does what its number's file says: a line of bash.
_PYTHON = """#!/bin/bash
echo "$JAX_PROCESS_ID $JAX_NUM_PROCESSES $JAX_COORDINATOR_ADDRESS"
echo "$JAX_PLATFORMS"
echo "$XLA_FLAGS"
echo "$*"
eval "$(cat "$STUB/$JAX_PROCESS_ID")"
"""
SAVES = """trap 'echo saved; exit 75' TERM
echo ready; echo >"$STUB/up$JAX_PROCESS_ID"; while :; do sleep .1; done"""
# The others listen, and so are asked to save.
UP = "until [ -e $STUB/up0 ] && [ -e $STUB/up2 ]; do sleep .1; done"
DEAF = "trap '' TERM; echo $$ >$STUB/pid; while :; do sleep .1; done"


class Local:
  """local.sh with a python that follows a script."""

  def __init__(self, folder: pathlib.Path) -> None:
    self.folder = folder
    self.workdir = folder / "a run"
    self.started: list[subprocess.Popen[str]] = []
    (folder / "bin").mkdir()
    write_script(folder / "bin" / "python", _PYTHON)

  def start(self, *scripts: str, flags=()) -> subprocess.Popen[str]:
    for i, script in enumerate(scripts):
      (self.folder / str(i)).write_text(script)
    process = subprocess.Popen(
      [
        # Whoever runs the tests in the background has SIGINT ignored, which
        # a script inherits and cannot take back.
        *("env", "--default-signal=INT"),
        *(str(LAUNCH / "local.sh"), str(len(scripts)), "configs/x.py"),
        *(f"--workdir={self.workdir}", *flags),
      ],
      env={
        **os.environ,
        "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        "STUB": str(self.folder),
        "XLA_FLAGS": "--xla_mine=1",
      },
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    self.started.append(process)
    return process

  def run(self, *scripts: str, flags=()) -> tuple[int, str, str]:
    process = self.start(*scripts, flags=flags)
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err

  def all_up(self) -> bool:
    return all((self.folder / f"up{i}").exists() for i in (0, 1))

  def log(self, number: int) -> str:
    return (self.workdir / "logs" / f"process_{number}.log").read_text()


@pytest.fixture
def local(tmp_path):
  """Yields it; nothing outlives the test."""
  local = Local(tmp_path)
  yield local
  for process in local.started:
    process.terminate()
    process.communicate(timeout=30000)


def alive(pid: int) -> bool:
  shown = subprocess.run(
    ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
  )
  # A killed process stays as a zombie until somebody asks for its exit code.
  return shown.stdout.strip()[:1] not in ("", "Z")


def test_each_process_is_told_the_others(local):
  code, out, _ = local.run(
    "", "", "", flags=("--devices=4", "--config.train.steps=3")
  )
  assert code == 0
  outputs = [out, local.log(1), local.log(2)]
  addresses = set()
  for i, shown in enumerate(outputs):
    environment, platform, xla, arguments = shown.splitlines()
    number, count, address = environment.split()
    assert (number, count, platform) == (str(i), "3", "cpu")
    addresses.add(address)
    assert xla == "--xla_mine=1 --xla_force_host_platform_device_count=4"
    assert arguments == (
      "-m hybrid_ir.main --config=configs/x.py"
      f" --workdir={local.workdir} --config.train.steps=3"
    )
  (address,) = addresses
  assert address.startswith("127.0.0.1:")


def test_the_first_failure_ends_the_others_and_is_the_exit_code(local):
  late = f"{SAVES}; exit 9"
  code, out, err = local.run(SAVES, f"echo why; {UP}; exit 7", late)
  assert code == 7
  assert out.endswith("ready\nsaved\n")
  assert "saved" in local.log(2)
  assert "process 1 ended with exit code 7" in err
  assert "why" in err  # the end of its log


def test_a_process_that_does_not_end_is_killed(local):
  code, _, err = local.run(
    "until [ -s $STUB/pid ]; do sleep .1; done; exit 3",
    DEAF,
    flags=("--grace=1",),
  )
  assert code == 3
  assert "killing them" in err


@pytest.mark.parametrize("main", [SAVES, "sleep 1; exit 4", "sleep 1"])
def test_what_a_process_started_ends_with_it(local, main):
  child = f'sleep 100 & echo $! >"$STUB/child"; {main}'
  fails = "until [ -s $STUB/child ]; do sleep .1; done; sleep 1; exit 5"
  local.run(fails, child)
  wait_for(lambda: not alive(int((local.folder / "child").read_text())))


def test_ctrl_c_lets_all_save(local):
  process = local.start(SAVES, SAVES)
  wait_for(local.all_up)
  process.send_signal(signal.SIGINT)
  out, err = process.communicate(timeout=30)
  assert process.returncode == 130
  assert out.endswith("saved\n")
  assert local.log(1).endswith("saved\n")
  assert "may take 60 s to save" in err


def test_a_second_ctrl_c_kills(local):
  process = local.start("exit 0", DEAF)
  wait_for(lambda: (local.folder / "pid").exists())
  process.send_signal(signal.SIGINT)
  time.sleep(2.5)  # looked at once a second

  def ends():
    process.send_signal(signal.SIGINT)
    return process.poll() is not None

  wait_for(ends)
  assert process.returncode == 130
  wait_for(lambda: not alive(int((local.folder / "pid").read_text())))


def test_sigterm_ends_with_the_code_of_those_that_saved(local):
  process = local.start(SAVES, SAVES)
  wait_for(local.all_up)
  process.terminate()
  process.communicate(timeout=30)
  assert process.returncode == 75


def test_one_that_stays_behind_is_late(local):
  code, _, err = local.run("", SAVES, flags=("--late=1",))
  assert code == 76
  assert "another was not 1 s later" in err


def test_others_may_take_longer_to_end_well(local):
  code, out, _ = local.run("sleep 2; echo report", "")
  assert code == 0
  assert out.endswith("report\n")


def test_a_dry_run_starts_nothing(local):
  code, out, _ = local.run(
    "touch $STUB/ran", "", flags=("--dry_run", "--config.a=b c")
  )
  assert code == 0
  first, second = out.splitlines()
  assert "JAX_PROCESS_ID=0" in first
  assert "JAX_PROCESS_ID=1" in second
  assert "--config.a=b\\ c" in first
  assert not (local.folder / "ran").exists()
  assert not local.workdir.exists()


def test_a_tilde_that_bash_leaves_alone_is_the_home(local, monkeypatch):
  monkeypatch.setenv("HOME", str(local.folder / "home"))
  monkeypatch.setattr(local, "workdir", "~/runs/a")
  code, out, _ = local.run("", flags=("--dry_run",))
  assert code == 0
  assert f" --workdir={local.folder}/home/runs/a" in out


def test_what_outlives_a_process_that_ended_well_is_ended(local):
  script = 'sleep 100 >/dev/null 2>&1 & echo $! >"$STUB/child"'
  code, _, _ = local.run(script)
  assert code == 0
  wait_for(lambda: not alive(int((local.folder / "child").read_text())))


@pytest.mark.parametrize(
  ("arguments", "shown"),
  [
    (("2",), "expected launch/local.sh N CONFIG"),
    (("two", "c.py", "--workdir=w"), "N=two: expected a whole number"),
    (("0", "c.py", "--workdir=w"), "N=0: at least one"),
    (("2", "c.py"), "--workdir is missing"),
    (("2", "c.py", "d.py", "--workdir=w"), "unexpected argument 'd.py'"),
    (("2", "c.py", "--workdir=w", "--devices=x"), "--devices=x: expected"),
  ],
)
def test_a_mistake_is_one_line(arguments, shown):
  done = subprocess.run(
    [str(LAUNCH / "local.sh"), *arguments], capture_output=True, text=True
  )
  assert done.returncode == 2
  assert shown in done.stderr
  assert done.stderr.count("\n") == 1
