"""When the run began, to tell how long it takes to its first step. To the loop.

A process is one run, unless it is a study's.
"""

import time

_began = time.perf_counter()  # main imports this before what is slow


def begin() -> None:
  """Another run of this process begins."""
  global _began
  _began = time.perf_counter()


def since_begin(moment: float) -> float:
  """Seconds from the run's begin to a moment of `time.perf_counter`."""
  return moment - _began
