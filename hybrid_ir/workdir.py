"""A run's folder: one run at a time, and always the same run. For the tasks."""

import contextlib
import fcntl
import json
import os
import pathlib
from collections.abc import Iterator

from hybrid_ir.config import Config, identity_changes, to_json
from hybrid_ir.errors import UserError
from hybrid_ir.files import write_aside

CONFIG = "config.json"
CHECKPOINTS = "checkpoints"


@contextlib.contextmanager
def open_workdir(path: str, config: Config) -> Iterator[pathlib.Path]:
  """Makes or resumes a workdir, and holds it while the block runs.

  The lock is the kernel's, so that a killed run leaves none behind.

  Raises:
    UserError: unwritable, in use by another run, or another config's.
  """
  workdir = pathlib.Path(path).expanduser().absolute()
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    lock = os.open(workdir / ".lock", os.O_RDWR | os.O_CREAT)
  except OSError as error:
    raise UserError(
      f"--workdir={path}: cannot be written ({error.strerror}); name a folder"
      " that you may write to"
    ) from None
  try:
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      raise UserError(
        f"--workdir={path}: another run is using it; wait for it, or name"
        " another folder"
      ) from None
    _check_same_run(workdir, config)
    yield workdir
  finally:
    os.close(lock)


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
  if changes := identity_changes(config, stored):
    raise UserError(
      f"--workdir={workdir} holds a run of another config ("
      + "; ".join(changes)
      + "); name another folder, or set the keys back"
    )
