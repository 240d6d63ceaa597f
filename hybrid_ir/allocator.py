"""The C library's memory for CPU computation. For tasks, before JAX starts.

A step's activations are one block of up to gigabytes, which glibc gives back
to the system after each step: a third of a CPU step then goes into getting the
same pages again, page by page.
"""

import ctypes
import sys

import jax

# glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_memory() -> bool:
  """Makes glibc keep what is freed, for the next step.

  Blocks come from the heap of the thread that asks, and only the main thread's
  grows without limit; so JAX is told to compute
  on CPU in the thread that calls it. What accelerators do is not touched.

  It must come before JAX's first computation.

  Returns:
    Whether it was done: whether the C library is glibc.
  """
  if not sys.platform.startswith("linux"):
    return False
  mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
  if mallopt is None:  # another C library, such as musl
    return False
  jax.config.update("jax_cpu_enable_async_dispatch", False)
  largest = 2**31 - 1  # of an int
  return all(
    [
      mallopt(_M_MMAP_MAX, 0),
      mallopt(_M_TRIM_THRESHOLD, largest),
      mallopt(_M_TOP_PAD, 64 * 2**20),
    ]
  )
