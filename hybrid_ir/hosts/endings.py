"""How a process ends that JAX would abort, or keep. For watchdog, stopping.

JAX's client of the coordination service calls abort() when another process is
gone, and at the end of Python it waits for the others in a barrier. Neither
can be switched off in jax 0.10.
"""

import atexit
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def on_abort(call: Callable[[], None]) -> Iterator[None]:
  """While the block runs, abort() in any thread calls `call` first.

  What `call` does not end with os._exit is aborted when it returns. Python's
  own signal handlers are of no use here: they run in the main thread, later.

  Args:
    call: runs in the thread that aborts, which holds no Python lock.
  """
  handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: call())
  pointer = ctypes.cast(handler, ctypes.c_void_p)
  before = set_handler(signal.SIGABRT, pointer.value)
  try:
    yield
  finally:
    set_handler(signal.SIGABRT, before)


def set_handler(number: int, handler: int | None) -> int | None:
  """Sets a signal's handler as C does, without Python's knowing.

  Args:
    number: of the signal.
    handler: address; None: the default, as in C.

  Returns:
    The one before.
  """
  c_signal = ctypes.CDLL(None).signal
  c_signal.restype = ctypes.c_void_p
  c_signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
  before: int | None = c_signal(number, handler)
  return before


def skip_clean_up(code: int) -> None:
  """When Python ends, the process ends with `code`, and waits for nobody.

  Functions that were registered with `atexit` later run before; JAX's, which
  would wait for the others, was registered when it was imported.
  """

  def end() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

  atexit.register(end)
