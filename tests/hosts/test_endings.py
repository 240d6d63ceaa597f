import signal
import subprocess
import sys


def run(script):
  done = subprocess.run(
    [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
  )
  return done.returncode, done.stdout


START = """
import atexit, os, sys, threading, time
atexit.register(lambda: print("cleaned up"))
from hybrid_ir.hosts.endings import on_abort, skip_clean_up
"""


def test_an_abort_can_be_made_an_end():
  script = """
with on_abort(lambda: os._exit(76)):
  threading.Thread(target=os.abort).start()
  time.sleep(60)
"""
  assert run(START + script) == (76, "")


def test_otherwise_it_stays_an_abort():
  script = """
with on_abort(lambda: os.write(1, b"called")):
  os.abort()
"""
  assert run(START + script) == (-signal.SIGABRT, "called")


def test_after_the_block_nothing_is_called():
  script = """
with on_abort(lambda: os._exit(76)):
  pass
os.abort()
"""
  assert run(START + script) == (-signal.SIGABRT, "")


def test_clean_up_is_skipped():
  script = """
skip_clean_up(2)
print("said")
sys.exit(1)
"""
  assert run(START + script) == (2, "said\n")
