import threading
import time

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


def test_a_cpu_that_works_is_work_and_sleep_is_not():
  """Asked by a thread, as the watchdog does, whose own time is not counted."""
  told = []

  def ask(busy):
    until = time.thread_time() + busy
    while time.thread_time() < until:
      pass
    told.append(progress.here(10).work)  # 0.2 s of a CPU are some work

  def asked(busy=0.0):
    thread = threading.Thread(target=ask, args=(busy,))
    thread.start()
    thread.join()
    return told[-1]

  before = asked()
  time.sleep(1)
  assert asked(busy=1.0) - before <= 1
  before = told[-1]
  until = time.thread_time() + 1.0
  while time.thread_time() < until:
    pass
  assert asked() - before >= 4
