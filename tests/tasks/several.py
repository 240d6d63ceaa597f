"""What the tests of real processes share: how they are started, and end."""

import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
DEVICES = 2  # of each of several processes
# Of runs that are to end alike, over however many devices. A large epsilon:
# where a gradient is nothing but noise, AdamW makes a whole step of it.
ALIKE = {
  "mesh.data": -1,
  "train.batch_size": 16,
  "optimizer.epsilon": 1e-2,
  "encoder.dropout": 0.0,  # the masks follow the arrays' shapes
  "loss.two_sided": True,
  "checkpoint.every": 2,
  "mesh.timeout_s": 120,
}


def environment(devices=None):
  """For a process that a test starts: it imports what the test does."""
  flags = os.environ["XLA_FLAGS"]
  if devices is not None:
    flags = re.sub(r"(device_count)=\d+", rf"\1={devices}", flags)
  return {
    **os.environ,
    "XLA_FLAGS": flags,
    "PYTHONPATH": os.pathsep.join([*sys.path, str(HERE), str(HERE.parent)]),
  }


def place(port, count, number):
  """The environment that says which of several processes one is."""
  return {
    "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
    "JAX_NUM_PROCESSES": str(count),
    "JAX_PROCESS_ID": str(number),
  }


def finish(processes, code=0):
  """Waits for all; gives what each wrote to stdout and stderr."""
  outputs = [process.communicate(timeout=1500) for process in processes]
  for process, (_, errors) in zip(processes, outputs, strict=True):
    assert process.returncode == code, errors[-3000:]
  return outputs
