import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from hybrid_ir.allocator import keep_memory
done = keep_memory() if sys.argv[1] == "keep before" else None
import jax, jax.numpy as jnp
if sys.argv[1] == "keep after":
  done = keep_memory()
x = jnp.ones((256, 256))
def work(x):  # 32 MiB of activations
  return jnp.tanh(jnp.tile(x, (128, 1)) @ x).sum(), x + 1
work = jax.jit(work)
for _ in range(3):
  jax.block_until_ready(work(x))
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
  jax.block_until_ready(work(x))
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(done, faults)
"""


def run(mode):
  result = subprocess.run(
    [sys.executable, "-c", PROGRAM, mode],
    capture_output=True,
    text=True,
    check=True,
  )
  done, faults = result.stdout.split()
  return done == "True", int(faults)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone")
@pytest.mark.parametrize("mode", ["keep before", "keep after"])
def test_a_step_gets_no_new_pages(mode):
  done, kept = run(mode)
  if not done:
    pytest.skip("the C library is not glibc")
  _, fresh = run("plain")
  assert fresh > 4 * 8192  # pages of 4 KiB in 32 MiB, four times
  assert kept < fresh / 20
