"""Runs `hybrid_ir.main` with JAX's profiler server. For worker.sh and gke.yaml.

    python launch/profiled.py PORT --config=FILE --workdir=FOLDER

FOLDER is where the bucket is mounted: main writes to folders only.
TensorBoard's profile tab connects to localhost:PORT of this host. The server
stands before the devices do (`requires_backend=False`): asking for them here
would keep the processes of a run from joining each other.
"""

import runpy
import sys

import jax


def main() -> None:
  """Takes the port from the arguments; main gets the others."""
  port = int(sys.argv.pop(1))
  jax.profiler.start_server(port, requires_backend=False)
  runpy.run_module("hybrid_ir.main", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
  main()
