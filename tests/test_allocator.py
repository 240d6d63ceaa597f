import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, resource, sys
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # pages of 4 KiB alone: no huge ones
from hybrid_ir.allocator import keep_memory
import jax, jax.numpy as jnp
done = keep_memory() if sys.argv[1] == "keep" else None
x = jnp.ones((256, 256))
def work(x):  # 128 MiB of activations, more than a thread's own heap holds
  return jnp.tanh(jnp.tile(x, (512, 1)) @ x).sum(), x + 1
work = jax.jit(work)
def faults():
  before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
  jax.block_until_ready(work(x))
  return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
steps = [faults() for _ in range(60)]
print(done, min(steps))
"""


def run(mode):
  result = subprocess.run(
    [sys.executable, "-c", PROGRAM, mode],
    capture_output=True,
    text=True,
    check=True,
  )
  done, faults = result.stdout.split()
  return done == "True", int(faults)  # of the step with the fewest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone")
def test_a_step_gets_no_new_pages():
  done, kept = run("keep")
  if not done:
    pytest.skip("the C library is not glibc")
  _, fresh = run("plain")
  assert fresh > 32_000  # pages of 4 KiB in 128 MiB
  # Not in each step: the heap grows whenever a small block has split a large
  # one, more often on a busy machine.
  assert kept < fresh / 20
