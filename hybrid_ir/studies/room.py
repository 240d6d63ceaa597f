"""Room on the disk for a study's runs. Between task=study and its cells/."""

import pathlib
import shutil
from collections.abc import Sequence

from hybrid_ir.errors import UserError
from hybrid_ir.model import vocabulary
from hybrid_ir.studies import state
from hybrid_ir.studies.grid import Cell
from hybrid_ir.workdir import CHECKPOINTS

_DELETED = f".{CHECKPOINTS}.deleted"


def check_room(cells: Sequence[Cell], workdir: pathlib.Path) -> None:
  """Refuses a disk that has no room for one more checkpoint.

  What a checkpoint takes is told by those that are there; without any, nothing
  is known, and nothing refused.

  Args:
    cells: of the study.
    workdir: of the study.

  Raises:
    UserError: with what is left, and what is needed.
  """
  needed = max(map(_largest_checkpoint, cells), default=0)
  left = shutil.disk_usage(workdir).free
  if left < needed and any(map(state.to_train, cells)):
    raise UserError(
      f"--workdir={workdir}: {left >> 20:,} MiB left on the disk, and a"
      f" checkpoint of these runs takes {needed >> 20:,} MiB; free some room"
      " and run the same command again"
    )


def _largest_checkpoint(cell: Cell) -> int:
  """In bytes; 0: it has none."""
  steps = (cell.folder / CHECKPOINTS).glob("[0-9]*")
  return max(
    (
      sum(path.stat().st_size for path in step.rglob("*") if path.is_file())
      for step in steps
    ),
    default=0,
  )


def delete_checkpoints(cells: Sequence[Cell]) -> list[Cell]:
  """Deletes those of runs that are done, and that no other run waits for.

  Args:
    cells: of the study: one that is not done keeps its own, and those of the
      runs that it starts from, as far back as they are to be trained again.

  Returns:
    The runs whose checkpoints were there.
  """
  needed = {
    one.key
    for cell in cells
    if not state.is_done(cell)
    for each in (cell, *state.to_train(cell))
    for one in (each, each.starts_from)
    if one
  }
  deleted = []
  for cell in {cell.key: cell for cell in cells}.values():
    folder = cell.folder / CHECKPOINTS
    aside = cell.folder / _DELETED
    if cell.key not in needed and folder.is_dir():
      # What a kill leaves behind must not look like a run's last checkpoint.
      shutil.rmtree(aside, ignore_errors=True)
      folder.rename(aside)
      deleted.append(cell)
    if cell.key not in needed:
      # The table that a trimmed one was cut from is of no use without these.
      shutil.rmtree(cell.folder / vocabulary.FOLDER, ignore_errors=True)
    shutil.rmtree(aside, ignore_errors=True)
  return deleted
