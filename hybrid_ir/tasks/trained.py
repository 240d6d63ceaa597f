"""A trained run's parameters, as its workdir has them. To `model`."""

import contextlib
import pathlib
from collections.abc import Iterator

from jax.sharding import Mesh

from hybrid_ir.errors import UserError
from hybrid_ir.model import vocabulary as vocabulary_lib
from hybrid_ir.model.encoder import Params
from hybrid_ir.training.checkpoint import Checkpoints
from hybrid_ir.training.unreadable import DamagedError
from hybrid_ir.workdir import CHECKPOINTS

_TRAIN = "train first (task=train)"


@contextlib.contextmanager
def opened(workdir: pathlib.Path) -> Iterator[Checkpoints]:
  """A workdir's checkpoints, of which there is at least one.

  Raises:
    UserError: there is none.
  """
  directory = workdir / CHECKPOINTS
  if not directory.is_dir():
    raise UserError(f"{directory}: no such folder; {_TRAIN}")
  with contextlib.closing(Checkpoints(str(directory))) as checkpoints:
    if not checkpoints.steps:
      raise UserError(f"{directory}: no checkpoints there; {_TRAIN}")
    yield checkpoints


def params(
  workdir: pathlib.Path,
  checkpoints: Checkpoints,
  mesh: Mesh,
  newest: bool,
  way: str,
) -> tuple[Params, int]:
  """The best checkpoint's parameters (without dev, the last's) and its step.

  The token table is whole, whatever was trained.

  Args:
    workdir: of the run.
    checkpoints: its own.
    mesh: devices.
    newest: the last one's in place of the best's.
    way: how to do with the newest where the best is gone: "set ... to take".

  Raises:
    UserError: that checkpoint is not there, damaged or unread.
  """
  last = checkpoints.steps[-1]
  stored, progress = checkpoints.metadata(last)
  step = last if newest else progress.best_step or last
  fingerprint = stored.get("vocabulary")
  vocabulary = (
    vocabulary_lib.read(workdir, fingerprint) if fingerprint else None
  )
  fault = f"{checkpoints.directory}/{step}: there is no such checkpoint"
  found = None
  if step in checkpoints.steps:
    try:
      found = checkpoints.restore_params(step, mesh)
    except DamagedError as error:
      if step == last:
        raise
      fault = error.fault
  if found is None:
    raise UserError(
      f"{fault}, which was the best on dev; put it back from a copy, or {way}"
      f" the newest, of step {last}"
    )
  if vocabulary is None:
    return found, step
  return {**found, "encoder": vocabulary.restore(found["encoder"])}, step
