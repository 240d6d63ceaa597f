"""For scripts that tests start: a process that has imported all, and forks.

So a life of the command costs what it does, not the imports.
"""

import importlib
import mmap
import os
import signal
import sys
import threading
import time

from hybrid_ir import main

for name in (
  *("tasks.encode", "tasks.train_and_evaluate", "data.pipeline"),
  *("allocator", "watchdog"),
):
  importlib.import_module(f"hybrid_ir.{name}")

# Shared with the process forked last: the files its main thread is in.
STACK = mmap.mmap(-1, 1 << 16)


def fork(command, log, environment=()):
  """Starts a command that writes to `log`; gives the process's number."""
  STACK[:] = bytes(len(STACK))
  child = os.fork()
  if not child:
    threading.Thread(target=tell, daemon=True).start()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.update(environment)
    sys.argv = command
    main.main()
    os._exit(3)  # main never returns
  return child


def tell():
  """Writes to STACK, again and again, what the main thread is in.

  From a thread, which has the interpreter's lock: a handler of a signal would
  read frames while they are made.
  """
  main_thread = threading.main_thread().ident
  while True:
    frame, files = sys._current_frames().get(main_thread), []
    while frame:
      files.append(frame.f_code.co_filename)
      frame = frame.f_back
    del frame
    text = "\n".join(files).encode()[: len(STACK)]
    STACK[:] = text.ljust(len(STACK), b"\0")
    time.sleep(0.002)


def stack():
  """What the process that was forked last is in, some milliseconds ago."""
  return STACK[:].rstrip(b"\0").decode(errors="replace")


def end_of(child, longest, kill_it=True):
  """The exit code, of a process that is killed after so many seconds.

  With kill_it=False it lives on, and None says so.
  """
  until = time.monotonic() + longest
  while time.monotonic() < until:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
      return os.waitstatus_to_exitcode(status)
    time.sleep(0.005)
  return kill(child) if kill_it else None


def kill(child):
  """The exit code; not -9, where the process was faster."""
  os.kill(child, signal.SIGKILL)
  return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
