"""A run that was stopped ends as one that was not, bit by bit."""

import os
import signal
import subprocess
import sys

# The command, killed right after it has logged its fifth step.
KILLED = """
import os, signal
from hybrid_ir import main
from hybrid_ir.training.metrics import MetricsLog

write = MetricsLog.write

def write_and_die(self, step, values):
  write(self, step, values)
  if step == 5:
    os.kill(os.getpid(), signal.SIGKILL)

MetricsLog.write = write_and_die
main.main()
"""


def test_six_steps_are_three_and_three(
  run, trained, tmp_path, steps_of, lines_of, assert_bitwise
):
  run(tmp_path, {"train.steps": 3})
  assert steps_of(tmp_path) == [3]
  run(tmp_path, {"train.steps": 6})
  assert_bitwise(trained, tmp_path, 6)
  losses = [
    [(line["step"], line["loss"]) for line in lines_of(path, "metrics.jsonl")]
    for path in (trained, tmp_path)
  ]
  assert losses[0] == losses[1]
  assert [step for step, _ in losses[0]] == [1, 2, 3, 4, 5, 6]


def test_a_killed_run_goes_on(
  run, trained, write_config_file, tmp_path, steps_of, lines_of, assert_bitwise
):
  changes = {"train.steps": 6, "checkpoint.every": 2}
  workdir = tmp_path / "run"
  config = write_config_file(changes, tmp_path / "config.py")
  done = subprocess.run(
    [
      *(sys.executable, "-c", KILLED),
      *(f"--config={config}", f"--workdir={workdir}"),
    ],
    env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == -signal.SIGKILL, done.stderr
  logged = [line["step"] for line in lines_of(workdir, "metrics.jsonl")]
  assert logged == [1, 2, 3, 4, 5]
  run(workdir, changes)
  assert max(steps_of(workdir)) == 6
  assert_bitwise(trained, workdir, 6)
  logged = [line["step"] for line in lines_of(workdir, "metrics.jsonl")]
  assert logged == [1, 2, 3, 4, 5, 6]


def test_a_run_that_is_done_is_left_alone(run, trained, assert_bitwise):
  metrics = (trained / "metrics.jsonl").read_bytes()
  run(trained, {"train.steps": 6})
  assert (trained / "metrics.jsonl").read_bytes() == metrics
  assert_bitwise(trained, trained, 6)
