"""Two real processes encode, and the disk of one hangs, is slow, or it ends."""

import shutil
import signal
import subprocess
import sys

import pytest

from ..free_ports import free_port
from .several import environment, finish, place

# A shard's write that takes so long, in process 1. The others wait for 10 s.
SCRIPT = """
import os, sys, time
from hybrid_ir import main, processes, watchdog
from hybrid_ir.retrieval import shards

watch, write = watchdog.watch, shards._write

def slow(folder, plan, number, *shard):
  if processes.index() == 1:
    print("writes", flush=True, file=sys.stderr)
    time.sleep(float(os.environ["SECONDS"]))
  return write(folder, plan, number, *shard)

shards._write = slow
watchdog.watch = lambda timeout_s: watch(10)
main.main()
"""


@pytest.fixture
def encode(tmp_path, trained, data, write_config_file):
  """seconds -> two processes that encode, the second one in so long a shard."""
  started = []

  def encode(seconds):
    workdir = shutil.copytree(trained, tmp_path / "run")
    changes = {
      "task": "encode",
      "train.steps": 6,
      "encode.corpus": str(data),
      "encode.shard_size": 25,
      "mesh.timeout_s": 120,
    }
    config = write_config_file(changes, tmp_path / "config.py")
    port = free_port()
    for number in range(2):
      started.append(
        subprocess.Popen(
          [
            *(sys.executable, "-c", SCRIPT),
            *(f"--config={config}", f"--workdir={workdir}"),
          ],
          env={
            **environment(1),
            **place(port, 2, number),
            "SECONDS": str(seconds),
          },
          stdout=subprocess.PIPE,
          stderr=subprocess.PIPE,
          text=True,
        )
      )
    return started

  yield encode
  for process in started:
    process.kill()
    process.wait()


def test_a_disk_that_hangs(encode):
  for _, errors in finish(encode(1000), code=76):
    assert "error: process 1 (" in errors
    assert "at 'what is missing is known' and done nothing since" in errors
    assert "others are at 'index encoded'" in errors


def test_a_disk_that_is_slow(encode):
  outputs = finish(encode(3))  # four shards: 12 s
  assert outputs[0][0].endswith("shards: 8\n")


def test_sigterm_ends_both(encode):
  first, second = encode(1000)
  # A progress bar may stand before it in the line.
  assert any(line.endswith("writes\n") for line in second.stderr)
  first.send_signal(signal.SIGTERM)
  for _, errors in finish([first, second], code=75):
    assert "stopped by SIGTERM; the same command goes on" in errors
