import signal
import subprocess
import sys
import time

import pytest

from hybrid_ir import stopping


@pytest.fixture(autouse=True)
def listening():
  """SIGTERM ends the command, as `main` has it."""
  before = signal.getsignal(signal.SIGTERM)
  stopping.listen()
  yield
  signal.signal(signal.SIGTERM, before)


def test_what_garbage_collection_swallows_is_sent_again():
  """JAX has a callback there; what a handler raises in one goes nowhere."""
  script = """
import gc, os, signal, time
from hybrid_ir import stopping
stopping.listen()
def callback(phase, info):
  gc.callbacks.remove(callback)
  os.kill(os.getpid(), signal.SIGTERM)
  sum(range(1000))
gc.callbacks.append(callback)
gc.collect()
time.sleep(20)
"""
  done = subprocess.run(
    [sys.executable, "-c", script], capture_output=True, text=True
  )
  assert done.returncode == stopping.STOPPED
  assert "Exception ignored" not in done.stderr


def test_within_ends_what_takes_longer(capsys):
  before = signal.getsignal(signal.SIGALRM)
  with pytest.raises(SystemExit) as caught, stopping.within(0.5):
    time.sleep(60)
  assert caught.value.code == stopping.STOPPED
  assert "the same command goes on" in capsys.readouterr().err
  assert signal.getsignal(signal.SIGALRM) is before


def test_within_lets_go_of_what_is_done():
  with stopping.within(60):
    pass
  assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_within_waits_where_sigterm_is_deferred():
  asked = []

  def work():
    with stopping.within(0.5), stopping.deferred() as is_to_stop:
      while not is_to_stop(1):
        time.sleep(0.01)
      asked.append("in order")

  with pytest.raises(SystemExit):
    work()
  assert asked == ["in order"]
