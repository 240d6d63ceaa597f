import os
import signal
import subprocess
import sys
import threading

import pytest

from hybrid_ir import watchdog
from hybrid_ir.errors import ABSENT
from hybrid_ir.watchdog import watch

from .free_ports import free_port

# What a process does when it has counted to 2; the others wait for it.
SCRIPT = """
import os, sys, time
from hybrid_ir import processes, stopping, watchdog
from hybrid_ir.errors import UserError
from hybrid_ir.stopping import STOPPED

what, who, timeout_s = sys.argv[1], sys.argv[2], int(sys.argv[3])
try:
  processes.join(False, 60)
  mine = who in (str(processes.index()), "all")
  with watchdog.watch(timeout_s):
    if "listen" in sys.argv:
      stopping.listen()
      processes.wait("all")
      print("here", flush=True)
    for step in range(4):
      if mine and step == 2:
        print("now", flush=True)
        if what == "kill":
          os.kill(os.getpid(), 9)
        if what == "stop":
          os.kill(os.getpid(), 19)
        if what == "hang":
          time.sleep(1000)
        if what == "busy":  # for longer than the others may wait
          until = time.monotonic() + 2 * timeout_s
          while time.monotonic() < until:
            pass
        if what == "ticks":
          for _ in range(8):
            time.sleep(timeout_s / 4)
            processes.tick()
        if what == "user":
          with processes.waiting():
            time.sleep(2 * timeout_s)
        if what == "mistake":
          raise UserError("a mistake")
        if what == "full":
          raise OSError(28, "a full disk")  # which main prints, and ends with 2
        if what == "error":
          raise ValueError("an error")
        if what == "stopped":
          sys.exit(STOPPED)
        if what == "abort":
          os.abort()
        if what in ("ready", "last"):
          break
      watchdog.move(step)
      if what == "ready":
        time.sleep(0.5)
      elif what != "last" or step < 2:
        processes.wait(f"barrier {step}")
    if what == "last" and not mine:
      time.sleep(1000)
  print("left", flush=True)
except UserError as error:
  print("error:", error, file=sys.stderr)
  sys.exit(2)
"""
# The same with sums over all devices: a lost process breaks the collective.
SUMS = """
import os, sys
from hybrid_ir import processes, watchdog
processes.join(False, 60)
with watchdog.watch(int(sys.argv[3])):
  import jax, numpy as np
  from jax.sharding import NamedSharding
  from hybrid_ir.training.mesh import ROWS, WHOLE, make_mesh
  mesh = make_mesh(-1)
  ones = processes.place(np.ones(8), NamedSharding(mesh, ROWS))
  total = jax.jit(lambda x: x.sum(), out_shardings=NamedSharding(mesh, WHOLE))
  for step in range(1000):
    assert float(total(ones)) == 8
    if step == 2 and sys.argv[2] == str(processes.index()):
      os.kill(os.getpid(), 9)
"""


@pytest.fixture
def start():
  """Starts processes of two devices each, and ends them after the test."""
  running = []

  def start(count, *arguments, script=SCRIPT):
    port = free_port()
    environment = os.environ | {
      "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
      "JAX_NUM_PROCESSES": str(count),
      "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    for index in range(count):
      process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=environment | {"JAX_PROCESS_ID": str(index)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
      )
      running.append(process)
    return running

  yield start
  for process in running:
    process.kill()
    process.communicate()


def ends(running):
  """Exit codes, and what they said in the end."""
  said = [process.communicate(timeout=1200)[1] for process in running]
  return [process.returncode for process in running], said


def test_all_end_in_time(start):
  assert ends(start(4, "nothing", "all", 60))[0] == [0] * 4


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("script", [SCRIPT, SUMS])
def test_a_killed_process_ends_the_others(start, victim, script):
  codes, said = ends(start(2, "kill", victim, 60, script=script))
  expected = [ABSENT] * 2
  expected[victim] = -signal.SIGKILL
  assert codes == expected, said
  assert f"error: process {victim} (" in said[1 - victim]
  assert "ended without a word" in said[1 - victim]


def test_of_four_the_dead_one_is_named_by_all(start):
  codes, said = ends(start(4, "kill", 2, 60, script=SUMS))
  assert codes == [76, 76, -signal.SIGKILL, 76], said
  for index in (0, 1, 3):
    assert "error: process 2 (" in said[index]
    assert f"Process {index} ends with code 76" in said[index]


@pytest.mark.parametrize("victim", [0, 1])
def test_a_stopped_process_ends_the_others(start, victim):
  running = start(2, "stop", victim, 10)
  other = running[1 - victim]
  assert other.communicate(timeout=1200)[0] == ""
  running[victim].send_signal(signal.SIGCONT)
  codes, said = ends(running[victim : victim + 1])
  assert (codes, other.returncode) == ([76], 76)
  # Gone on, it learns why the others are not there.
  assert f"process {victim} (" in said[0]
  assert "no sign of life" in said[0]


@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_hangs_is_late(start, victim):
  codes, said = ends(start(3, "hang", victim, 5))
  assert codes == [76] * 3
  for one in said:
    assert f"error: process {victim} (" in one
    assert "has been at 'barrier 1' and done nothing since" in one
    assert "others are at 'barrier 2'" in one


def test_a_process_that_hangs_when_the_others_have_ended_is_late(start):
  codes, said = ends(start(2, "last", 0, 5))
  assert codes == [76, 76]
  assert "error: process 1 (" in said[0]
  assert "while others have left" in said[0]


@pytest.mark.parametrize("what", ["busy", "ticks", "user"])
def test_who_works_or_waits_for_a_user_is_not_late(start, what):
  codes, said = ends(start(2, what, 1, 6))
  assert codes == [0, 0], said


@pytest.mark.parametrize("who", [0, 1])
def test_sigterm_to_one_ends_all_whatever_they_wait_for(start, who):
  running = start(3, "hang", who, 60, "listen")
  for process in running:
    assert process.stdout.readline() == "here\n"
  running[who].send_signal(signal.SIGTERM)
  codes, said = ends(running)
  assert codes == [75] * 3, said
  for one in said:
    assert "hybrid_ir: stopped by SIGTERM; the same command goes on" in one


@pytest.mark.parametrize(
  ("what", "code", "who"),
  [("mistake", 2, 1), ("error", 1, 0), ("full", 2, 1)],
)
def test_an_error_in_one_process(start, what, code, who):
  codes, said = ends(start(2, what, who, 60))
  assert (codes[who], codes[1 - who]) == (code, 76), said
  assert f"a{'n' * (what == 'error')} {what}" in said[who]
  assert f"process {who} (" in said[1 - who]
  assert "stopped with an error" in said[1 - who]


@pytest.mark.parametrize(
  ("what", "code"), [("mistake", 2), ("error", 1), ("stopped", 75)]
)
def test_the_same_end_in_all_is_that_end(start, what, code):
  codes, said = ends(start(2, what, "all", 60))
  assert codes == [code] * 2, said
  assert not any("ends with code" in one for one in said)


@pytest.mark.parametrize("who", [0, 1])
def test_who_is_ready_first_trips_nobody(start, who):
  codes, said = ends(start(2, "ready", who, 60))
  assert codes == [0, 0], said


def test_an_abort_of_its_own_stays_one(start):
  codes, said = ends(start(2, "abort", 1, 60))
  assert codes == [76, -signal.SIGABRT], said


def test_alone_nothing_is_watched():
  before = threading.active_count()
  with watch(1):
    watchdog.move(1)
    assert threading.active_count() == before
