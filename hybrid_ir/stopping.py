"""SIGTERM, which announces a preemption. From the kernel, to main and loop.

A command that is told to stop ends with `STOPPED`: started again, it goes on.
"""

import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

from hybrid_ir import processes
from hybrid_ir.hosts.endings import set_handler

STOPPED = 75  # exit code (EX_TEMPFAIL): run the same command again
_of_jax: list[int | None] = []  # its handler, where `listen` took its place


def listen() -> None:
  """From now on SIGTERM ends the command, and files are left in order.

  With several processes the watchdog ends all of them: the main thread may wait
  for another one, where no handler of Python's is run.
  """
  if processes.count() > 1:
    if not _of_jax:
      _of_jax.append(set_handler(signal.SIGTERM, signal.SIG_IGN))
    signal.signal(signal.SIGTERM, lambda *_: None)  # noted for the watchdog
  else:
    signal.signal(signal.SIGTERM, lambda *_: stop("stopped by SIGTERM"))
    sys.unraisablehook = functools.partial(_again, sys.unraisablehook)


def _again(
  otherwise: "Callable[[sys.UnraisableHookArgs], object]",
  swallowed: "sys.UnraisableHookArgs",
) -> None:
  """Sends SIGTERM once more, where what it raised went nowhere.

  A handler may run within a callback of the garbage collection, as JAX has one:
  Python reports what is raised there, and goes on.
  """
  end = swallowed.exc_value
  if isinstance(end, SystemExit) and end.code == STOPPED:
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    timer.start()
  else:
    otherwise(swallowed)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
  """SIGTERM comes by itself where the block takes longer."""
  before = signal.signal(
    signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGTERM)
  )
  signal.setitimer(signal.ITIMER_REAL, seconds)
  try:
    yield
  finally:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def stop(said: str) -> NoReturn:
  """Ends the command, so that it is started again."""
  print(f"hybrid_ir: {said}; the same command goes on", file=sys.stderr)
  raise SystemExit(STOPPED)


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[int], bool]]:
  """Within the block, SIGTERM waits until it is asked for.

  Gives a function: whether to stop after this step. It is to be called after
  every step; with several processes all of them learn it at the same step,
  whichever was sent the signal, and JAX goes on to listen after the block, for
  what was saved in it may still be on its way to the disk.
  """
  if processes.count() > 1:  # JAX listens, and tells the others
    from jax.experimental import multihost_utils

    for handler in _of_jax:
      set_handler(signal.SIGTERM, handler)
    yield multihost_utils.reached_preemption_sync_point
    return
  told: list[int] = []
  before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
  try:
    yield lambda step: bool(told)
  finally:
    signal.signal(signal.SIGTERM, before)
  if told:
    stop("stopped by SIGTERM")
