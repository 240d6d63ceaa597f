"""Starts several processes of one program on this machine. To scripts here."""

import os
import pathlib
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence


def run(
  command: Sequence[str],
  count: int,
  environment: Mapping[str, str],
  folder: pathlib.Path,
  stdout: int | None = None,
) -> None:
  """Runs a command in `count` processes, which find each other; waits for all.

  Ends this script where one of them fails.

  Args:
    command: what each runs.
    count: of processes; one is told of no others.
    environment: of each, beside this process's.
    folder: that they run in.
    stdout: as of subprocess.Popen.
  """
  with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
  started = []
  for number in range(count):
    several = {
      "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
      "JAX_NUM_PROCESSES": str(count),
      "JAX_PROCESS_ID": str(number),
    }
    started.append(
      subprocess.Popen(
        command,
        env={**os.environ, **environment, **(several if count > 1 else {})},
        cwd=folder,
        stdout=stdout,
      )
    )
  try:
    codes = [process.wait() for process in started]
  finally:
    for process in started:
      process.kill()
  if any(codes):
    sys.exit(f"{count} processes ended with {codes}")
