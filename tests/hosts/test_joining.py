import os
import socket
import subprocess
import sys

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.hosts import joining
from hybrid_ir.hosts.joining import join

from ..free_ports import free_port

NAMES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
SCRIPT = """
import sys
from hybrid_ir.errors import UserError
from hybrid_ir.hosts.joining import join
print("ready", flush=True)
sys.stdin.readline()
try:
  join(False, 5)
except UserError as error:
  sys.exit(f"error: {error}")
"""


@pytest.fixture
def environment(monkeypatch):
  """Sets the three variables in this process."""

  def set_all(*values):
    for name, value in zip(NAMES, values, strict=True):
      monkeypatch.setenv(name, value)

  return set_all


@pytest.fixture
def port():
  return free_port()


def start(port, index, count):
  """A process that joins once it is told to, or its input ends."""
  values = (f"127.0.0.1:{port}", str(count), str(index))
  return subprocess.Popen(
    [sys.executable, "-c", SCRIPT],
    env=os.environ | dict(zip(NAMES, values, strict=True)),
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def test_alone_where_nothing_says_otherwise(environment):
  environment("", "", "")
  join(False, 1)


@pytest.mark.parametrize(
  ("values", "said"),
  [
    (("a:1", "", ""), "ADDRESS set without JAX_NUM_PROCESSES and JAX_PROCESS"),
    (
      ("", "2", "0"),
      "JAX_PROCESS_ID set without JAX_COORDINATOR_ADDRESS",
    ),
    (("a", "2", "0"), "JAX_COORDINATOR_ADDRESS=a: expected HOST:PORT"),
    (("a:x", "2", "0"), "JAX_COORDINATOR_ADDRESS=a:x: expected HOST:PORT"),
    (("a:70000", "2", "0"), "=a:70000: expected HOST:PORT"),
    (("a:1", "two", "0"), "JAX_NUM_PROCESSES=two: expected a whole number"),
    (("a:1", "2", "-1"), "JAX_PROCESS_ID=-1: expected a whole number"),
    (("a:1", "2", "2"), "JAX_PROCESS_ID=2 of JAX_NUM_PROCESSES=2: expected an"),
    (("a:1", "0", "0"), "JAX_PROCESS_ID=0 of JAX_NUM_PROCESSES=0: expected an"),
  ],
)
def test_what_the_environment_must_say(environment, values, said):
  environment(*values)
  with pytest.raises(UserError, match=said):
    join(False, 1)


def test_a_coordinator_that_is_not_there(environment, port):
  environment(f"127.0.0.1:{port}", "2", "1")
  with pytest.raises(UserError, match=f"127.0.0.1:{port}: unreachable for 1 s"):
    join(False, 1)


def test_a_host_that_does_not_exist(environment):
  environment("no-such-host.invalid:1234", "2", "1")
  with pytest.raises(UserError, match=r"no-such-host\.invalid:1234: unr"):
    join(False, 1)


def test_a_port_in_use(environment):
  with socket.create_server(("", 0)) as server:
    port = server.getsockname()[1]
    environment(f"127.0.0.1:{port}", "2", "0")
    with pytest.raises(UserError, match=f"cannot listen on port {port}"):
      join(False, 1)


def test_a_process_that_does_not_come(port):
  waits = start(port, 0, 2)
  said = waits.communicate(timeout=60)[1]
  # It may be on its way, or its machine be mended: what started them may go on.
  assert waits.returncode == 76, said
  assert "error: not all processes came together within 5 s" in said
  assert "were 2 processes started, with JAX_PROCESS_ID from 0 to 1" in said


def test_an_id_used_twice(port):
  joining = [start(port, index, 3) for index in (0, 1, 1)]
  for process in joining:  # imports take longer than the 5 s of waiting
    assert process.stdout.readline() == "ready\n"
  for process in joining:
    process.stdin.write("join\n")
    process.stdin.flush()
  for process in joining:
    said = process.communicate(timeout=60)[1]
    # JAX aborts some; the others wait for an id that does not come.
    assert process.returncode in (2, 76), said
    assert "with JAX_PROCESS_ID from 0 to 2, each once" in said


def test_a_cluster_that_is_none():
  done = subprocess.run(
    [sys.executable, "-c", SCRIPT.replace("False", "True")],
    env={k: v for k, v in os.environ.items() if k not in NAMES},
    stdin=subprocess.DEVNULL,
    capture_output=True,
    text=True,
    timeout=60,
  )
  assert done.returncode == 1, done.stderr
  assert "error: jax.distributed: " in done.stderr
  assert "config key 'mesh.distributed' is True" in done.stderr


@pytest.mark.parametrize("own", ["", "--xla_cpu_x=1"])
def test_exchanges_are_made_in_one_order(monkeypatch, own):
  flag = "--xla_cpu_enable_concurrency_optimized_scheduler"
  monkeypatch.setenv("XLA_FLAGS", own)
  for _ in range(2):
    joining._exchange_in_order()
    assert os.environ["XLA_FLAGS"].split() == [*own.split(), f"{flag}=false"]
  monkeypatch.setenv("XLA_FLAGS", f"{flag}=true")
  joining._exchange_in_order()
  assert os.environ["XLA_FLAGS"] == f"{flag}=true"
