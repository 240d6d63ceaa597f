"""Finds the other processes: jax.distributed, from an environment. To `main`.

In jax 0.10.2 every fault here ends the process by a signal: nobody at the
coordinator's address, a process that does not come, an id used twice (SIGABRT,
with a stack trace), a port in use (SIGSEGV). So addresses are tried first, and
JAX joins in a thread that may be left behind.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

import jax

from hybrid_ir.errors import ABSENT, AbsentError, UserError
from hybrid_ir.hosts.endings import on_abort, skip_clean_up
from hybrid_ir.hosts.wire import on_all_addresses

ADDRESS = "JAX_COORDINATOR_ADDRESS"
COUNT = "JAX_NUM_PROCESSES"
INDEX = "JAX_PROCESS_ID"
BIND = "JAX_COORDINATOR_BIND_ADDRESS"
_SCHEDULER = "--xla_cpu_enable_concurrency_optimized_scheduler"


def join(distributed: bool, timeout_s: int) -> None:
  """Makes this process one of several that run one program, where it is.

  To be called before JAX's first use. With JAX_COORDINATOR_ADDRESS (host:port),
  JAX_NUM_PROCESSES and JAX_PROCESS_ID in the environment it joins as they say;
  else, if `distributed`, as the cluster says (TPU slice, GKE, SLURM, Open MPI);
  else nothing happens.

  Args:
    distributed: config key 'mesh.distributed'.
    timeout_s: seconds to wait for the others.

  Raises:
    UserError: a variable is missing or wrong, or a port is in use.
    AbsentError: the coordinator is not there, or not all processes came.
  """
  if jax.distributed.is_initialized():
    return
  place = _from_environment(os.environ)
  if place is None and not distributed:
    return
  until = time.monotonic() + timeout_s
  arguments: dict[str, Any] = {
    # Ours ends first, with a line instead of an abort.
    "initialization_timeout": timeout_s + 60,
    "heartbeat_timeout_seconds": 2 * timeout_s + 60,
    "shutdown_timeout_seconds": timeout_s,
  }
  if place is None:
    hint = (
      "config key 'mesh.distributed' is True: start one process on each host of"
      f" the slice or cluster, or set {ADDRESS}, {COUNT} and {INDEX}"
    )
  else:
    address, count, index = place
    hint = (
      f"{ADDRESS}={address}: were {count} processes started, with {INDEX} from"
      f" 0 to {count - 1}, each once, and {COUNT}={count}? Look at their logs"
    )
    if index == 0:
      _check_free(address)
    else:
      _check_reachable(address, until, timeout_s)
    arguments |= {
      "coordinator_address": address,
      "num_processes": count,
      "process_id": index,
      "cluster_detection_method": "deactivate",
    }
  _exchange_in_order()
  _initialize(arguments, until, hint, timeout_s)


def _exchange_in_order() -> None:
  """Lets processes on CPU make their exchanges in one order.

  XLA:CPU's other scheduler (jaxlib 0.10.2) starts those that do not depend on
  each other in any order; gloo then aborts ("distributed collective mismatch").
  Other backends do not read the flag. What the user says of it counts.
  """
  flags = os.environ.get("XLA_FLAGS", "")
  if _SCHEDULER not in flags:
    os.environ["XLA_FLAGS"] = f"{flags} {_SCHEDULER}=false".strip()


def _from_environment(
  environment: Mapping[str, str],
) -> tuple[str, int, int] | None:
  """Address, number of processes and this one's; None: none is set.

  Raises:
    UserError: some of them only, or not what they must be.
  """
  found = {name: environment.get(name, "") for name in (ADDRESS, COUNT, INDEX)}
  missing = [name for name, value in found.items() if not value]
  if len(missing) == len(found):
    return None
  if missing:
    there = [name for name in found if name not in missing]
    raise UserError(
      f"environment: {' and '.join(there)} set without {' and '.join(missing)};"
      " set all three, or none"
    )
  address = found[ADDRESS]
  host, _, port = address.rpartition(":")
  if not host or not port.isdecimal() or not 0 < int(port) < 65536:
    raise UserError(
      f"environment: {ADDRESS}={address}: expected HOST:PORT of process 0"
    )
  for name in (COUNT, INDEX):
    if not found[name].isdecimal():
      raise UserError(
        f"environment: {name}={found[name]}: expected a whole number"
      )
  count, index = int(found[COUNT]), int(found[INDEX])
  if not index < count:
    raise UserError(
      f"environment: {INDEX}={index} of {COUNT}={count}: expected an id from 0"
      f" to {COUNT} - 1"
    )
  return address, count, index


def _check_free(address: str) -> None:
  """Whether process 0 can listen where it is to be found.

  Raises:
    UserError: another program listens there.
  """
  if os.environ.get(BIND):
    return
  port = int(address.rpartition(":")[2])
  try:
    on_all_addresses(port).close()
  except OSError as error:
    raise UserError(
      f"environment: {ADDRESS}={address}: process 0 cannot listen on port"
      f" {port} ({error.strerror}); choose another port for all processes, or"
      " end the run that uses it"
    ) from None


def _check_reachable(address: str, until: float, timeout_s: int) -> None:
  """Waits until somebody listens at the coordinator's address.

  Raises:
    AbsentError: nobody did.
  """
  host, _, port = address.rpartition(":")
  reason = ""
  while (left := until - time.monotonic()) > 0:
    try:
      socket.create_connection((host.strip("[]"), int(port)), left).close()
      return
    except OSError as error:
      reason = error.strerror or str(error)
      time.sleep(min(0.5, left))
  raise AbsentError(
    f"environment: {ADDRESS}={address}: unreachable for {timeout_s} s"
    f" ({reason}); is process 0 running there (see its log), is it the right"
    " address and port, does a firewall allow it?"
  )


def _initialize(
  arguments: dict[str, Any], until: float, hint: str, timeout_s: int
) -> None:
  """jax.distributed.initialize, or an error in time.

  Raises:
    UserError: it failed.
    AbsentError: it did not come to an end.
  """
  failed: list[Exception] = []

  def initialize() -> None:
    try:
      jax.distributed.initialize(**arguments)
    except Exception as error:  # handed to the thread that waits
      failed.append(error)

  def aborted() -> None:
    os.write(
      2, f"error: the processes did not come together; {hint}\n".encode()
    )
    os._exit(2)

  thread = threading.Thread(target=initialize, daemon=True)
  with contextlib.ExitStack() as stack:
    stack.enter_context(on_abort(aborted))
    thread.start()
    thread.join(max(1.0, until - time.monotonic()))
    late = thread.is_alive()
    if late:
      skip_clean_up(ABSENT)
      stack.pop_all()  # what is left behind may still abort
  if late:
    raise AbsentError(
      f"not all processes came together within {timeout_s} s (config key"
      f" 'mesh.timeout_s'); {hint}"
    )
  if failed:
    said = " ".join(str(failed[0]).split())
    raise UserError(f"jax.distributed: {said}; {hint}") from failed[0]
