"""A run's folder: one run at a time, and always the same run. For the tasks."""

import contextlib
import errno
import fcntl
import json
import os
import pathlib
import sys
from collections.abc import Iterator

from hybrid_ir.config import Config, identity_changes, to_json
from hybrid_ir.errors import UserError
from hybrid_ir.files import write_aside

CONFIG = "config.json"
CHECKPOINTS = "checkpoints"
# Of Lustre mounted without flock, NFS without a lock daemon, and others.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextlib.contextmanager
def open_workdir(
  path: str, config: Config, lock: bool = True
) -> Iterator[pathlib.Path]:
  """Makes or resumes a workdir, and holds it while the block runs.

  The lock is the kernel's, so that a killed run leaves none behind. Of several
  processes of a run the first one holds it.

  Raises:
    UserError: unwritable, in use by another run, or another config's.
  """
  if "://" in path:
    raise UserError(
      f"--workdir={path}: a bucket cannot be written to as it is; mount it as a"
      " folder, on all hosts (docs/launch.md)"
    )
  workdir = pathlib.Path(path).expanduser().absolute()
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    held = os.open(
      workdir / ".lock" if lock else workdir,
      os.O_RDWR | os.O_CREAT if lock else os.O_RDONLY,
    )
  except OSError as error:
    raise UserError(
      f"--workdir={path}: cannot be written ({error.strerror}); name a folder"
      " that you may write to"
    ) from None
  try:
    if lock:
      _hold(held, path)
    _check_same_run(workdir, config)
    yield workdir
  finally:
    os.close(held)


def _hold(held: int, path: str) -> None:
  """Locks an open file of the workdir, as far as its file system can.

  Raises:
    UserError: another run has it.
  """
  try:
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    raise UserError(
      f"--workdir={path}: another run is using it; wait for it, or name"
      " another folder"
    ) from None
  except OSError as error:
    if error.errno not in _NO_LOCKS:
      raise
    print(
      f"hybrid_ir: WARNING: --workdir={path}: its file system has no locks"
      f" ({error.strerror}); do not start two runs in it",
      file=sys.stderr,
    )


def write_config(workdir: pathlib.Path, config: Config) -> None:
  """Writes WORKDIR/config.json, once a run has passed its checks."""
  with write_aside(workdir / CONFIG) as aside:
    aside.write_text(json.dumps(to_json(config), indent=2) + "\n")


def _check_same_run(workdir: pathlib.Path, config: Config) -> None:
  path = workdir / CONFIG
  if not path.exists():
    return
  try:
    stored = json.loads(path.read_text())
  except ValueError as error:
    raise UserError(f"{path}: not JSON: {error}") from None
  changes = identity_changes(config, stored)
  if changes and not config.checkpoint.allow_changes:
    raise UserError(
      f"--workdir={workdir} holds a run of another config ("
      + "; ".join(changes)
      + "); name another folder, set the keys back, or set"
      " --config.checkpoint.allow_changes=True"
    )
