"""kill -9 to one of two processes: the other ends, and two go on, bit by bit.

The moments are drawn by chance, by turns in a step and in a save.
HYBRID_IR_MANY_KILLS asks for more than two.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys

from hybrid_ir.errors import ABSENT

from .several import environment

KILLS = int(os.environ.get("HYBRID_IR_MANY_KILLS", "2"))
STEPS = 12
TIMEOUT_S = 60
# JAX's own patience is longer: 2 * TIMEOUT_S + 60.
SLACK_S = 60
PARENT = """
import json, pathlib, random, sys, time
from forking import end_of, fork, kill
from free_ports import free_port
from several import place

config, folder, kills, steps, patience = json.loads(sys.argv[1])
rng = random.Random(0)

def start(workdir):
  port = free_port()
  command = ["hybrid_ir", f"--config={config}", f"--workdir={workdir}"]
  return [
    fork(command, f"{workdir}.{number}", place(port, 2, number))
    for number in range(2)
  ]

def ends_of(children):
  return [end_of(child, 300) for child in children]

def is_saving(workdir):
  return any(workdir.glob("checkpoints/*tmp*"))

def steps_done(workdir):
  file = workdir / "metrics.jsonl"
  return file.read_text().count("\\n") if file.exists() else 0

def wait_for(condition):
  until = time.monotonic() + 300
  while not condition() and time.monotonic() < until:
    time.sleep(0.001)

def kill_one(workdir, stage, victim):
  '''Gives both ends, the victim's first.'''
  step, delay = rng.randrange(1, steps // 2), rng.uniform(0, 0.05)
  children = start(workdir)
  wait_for(lambda: steps_done(workdir) >= step)
  if stage == "save":
    wait_for(lambda: is_saving(workdir))
  time.sleep(delay)
  other = children.pop(1 - victim)
  return [kill(*children), end_of(other, patience)]

print(json.dumps(ends_of(start(pathlib.Path(folder) / "whole"))))
killed = 0
for number in range(3 * kills):  # some come too late
  if killed == kills:
    break
  workdir = pathlib.Path(folder) / f"run{number}"
  stage = ("save", "step")[killed % 2]
  victim = (killed + killed // 2) % 2
  ends = kill_one(workdir, stage, victim)
  cut = is_saving(workdir)
  killed += ends[0] == -9 and ends[1] != 0 and (cut or stage == "step")
  again = ends_of(start(workdir))
  print(json.dumps([str(workdir), victim, ends, again]))
print(killed)
"""


def test_one_is_killed_and_two_go_on(
  write_config_file, tmp_path, steps_of, assert_bitwise
):
  changes = {
    "train.steps": STEPS,
    "checkpoint.every": 2,
    "layout.packing": False,  # batches of one shape: compiled once
    "mesh.data": 1,
    "mesh.fsdp": 2,  # so that each has a part of a checkpoint
    "mesh.timeout_s": TIMEOUT_S,
  }
  config = write_config_file(changes, tmp_path / "config.py")
  patience = TIMEOUT_S + SLACK_S
  arguments = [str(config), str(tmp_path), KILLS, STEPS, patience]
  done = subprocess.run(
    [sys.executable, "-c", PARENT, json.dumps(arguments)],
    env=environment(devices=1),
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  logs = {p.name: p.read_text() for p in tmp_path.glob("*.[01]")}
  uninterrupted, *lives, killed = map(json.loads, done.stdout.splitlines())
  assert uninterrupted == [0, 0], logs
  assert killed == KILLS, lives
  whole = tmp_path / "whole"
  for folder, victim, ends, again in lives:
    workdir = pathlib.Path(folder)
    said = logs[f"{workdir.name}.{1 - victim}"]
    if ends[1] != 0:  # else the kill came when the run was done
      assert ends == [-signal.SIGKILL, ABSENT], said
      assert f"error: process {victim} (" in said
      assert "ended without a word" in said
    assert again == [0, 0], logs
    assert steps_of(workdir) == steps_of(whole)
    assert_bitwise(whole, workdir, STEPS)
