import subprocess
import sys

import pytest

from hybrid_ir.hosts import progress
from hybrid_ir.hosts.progress import Progress, from_line


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
  monkeypatch.setattr(progress, "_here", Progress())


def here():
  """Without the time that this test takes."""
  return progress.here(1e9)


def test_what_is_told_is_understood():
  told = Progress(3, 17, True, "an index\n of two words")
  assert told.to_line() == "3 17 1 an index of two words"
  assert from_line(told.to_line()) == Progress(
    3, 17, True, told.name.replace("\n", "")
  )
  assert from_line(Progress().to_line()) == Progress()


def test_turns_count_and_keep_the_last_name():
  assert here() == Progress(0, 0, False, "start")
  progress.arrive("step 1")
  progress.arrive()
  assert here() == Progress(2, 0, False, "step 1")
  progress.tick()
  progress.arrive("step 2")
  assert here() == Progress(3, 1, False, "step 2")


def test_waiting_for_a_user_ends():
  seen = []

  def fails():
    seen.append(here().waits)
    raise ValueError("a fault")

  with pytest.raises(ValueError, match="a fault"), progress.waiting():
    fails()
  assert seen == [True]
  assert not here().waits


# In a process of its own: here, threads of other tests may work, too. Asked by
# a thread, as the watchdog does, whose own time is not counted.
WORKS = """
import threading, time
from hybrid_ir.hosts import progress

told = []

def work(seconds):
  until = time.thread_time() + seconds
  while time.thread_time() < until:
    pass

def ask(busy):
  work(busy)
  told.append(progress.here(10).work)  # 0.2 s of a CPU are some work

def asked(busy=0.0):
  thread = threading.Thread(target=ask, args=(busy,))
  thread.start()
  thread.join()
  return told[-1]

before = asked()
time.sleep(1)
slept = asked(busy=1.0)
work(1.0)
print(slept - before, asked() - slept)
"""


def test_a_cpu_that_works_is_work_and_sleep_is_not():
  done = subprocess.run(
    [sys.executable, "-c", WORKS], capture_output=True, text=True, check=True
  )
  asleep, at_work = map(int, done.stdout.split())
  assert asleep <= 1
  assert at_work >= 4
