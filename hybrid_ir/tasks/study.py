"""task=study: from axes to runs, and what they say together."""

import contextlib
import pathlib
import sys
from collections.abc import Iterator, Sequence

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.files import is_full
from hybrid_ir.studies import origins, state
from hybrid_ir.studies.estimate import (
  Duration,
  Speeds,
  said,
  steps_left,
  total,
)
from hybrid_ir.studies.grid import Cell, make_cells
from hybrid_ir.studies.leakage import overlap_table
from hybrid_ir.studies.measures import check_measures
from hybrid_ir.studies.names import check_names
from hybrid_ir.studies.page import Table, table_lines
from hybrid_ir.studies.room import check_room
from hybrid_ir.studies.write import check_folder, write_study
from hybrid_ir.tasks.study_runs import Runs
from hybrid_ir.training.checkpoint import FullDiskError


def run(config: Config, workdir: pathlib.Path) -> None:
  """Trains and evaluates what is not done, then writes WORKDIR/NAME.

  The pages of what is done are written, too, where it is stopped before.

  Raises:
    UserError: measures that there are not, axes that cannot be varied, data
      that changed since a run, two benchmarks of one name, no room for a
      checkpoint, or runs that failed, when all others are done.
    OSError: the disk is full.
    SystemExit: with `stopping.STOPPED`, where the time of
      `study.budget_minutes` is over, or SIGTERM came.
  """
  if not config.study.name:
    raise UserError(
      "config key 'study.name' is empty; take one of configs/studies/, or name"
      " the folder that its pages go to"
    )
  check_measures(config.study.measures)
  cells = make_cells(config, workdir)
  origins.check(cells)
  if config.study.dry_run:
    print("\n".join(_plan(cells)))
    return
  check_folder(config, workdir)
  check_room(cells, workdir)
  runs = Runs(cells, config)
  shown: list[Table] = []
  try:
    check_names(cells, runs.open)
    shown.append(overlap_table(cells, runs.open, workdir))
    print("\n".join(table_lines(shown[0])), flush=True)
    runs.run_all()
  except SystemExit:
    if shown:  # else nothing was run, and pages of before say more
      _write(config, runs, workdir, shown)
    raise
  except (FullDiskError, OSError) as error:
    if shown and (isinstance(error, FullDiskError) or is_full(error)):
      with contextlib.suppress(OSError):  # what is told is that error
        _write(config, runs, workdir, shown)
    raise
  _write(config, runs, workdir, shown)
  if runs.failed:
    raise UserError(
      f"{len(runs.failed)} of {len(cells)} cells failed: "
      + "; ".join(f"{cell}: {why}" for cell, why in runs.failed.items())
    )


def _write(
  config: Config,
  runs: "Runs",
  workdir: pathlib.Path,
  shown: Sequence[Table],
) -> None:
  """The pages of what is done."""
  for path in write_study(
    config,
    runs.cells,
    runs.failed,
    workdir,
    shown=shown,
    command=sys.argv[1:],
  ):
    print(f"wrote {path}")
  print(f"study     {_count(runs.cells)}", flush=True)


def _count(cells: Sequence[Cell]) -> str:
  done = sum(map(state.is_done, cells))
  return f"{done} of {len(cells)} cells done"


def _plan(cells: Sequence[Cell]) -> Iterator[str]:
  """What would be run, a line a cell."""
  speeds = Speeds(cells)
  # Runs that were counted: to train, and with what they are scored on.
  planned: set[tuple[str, ...]] = set()
  steps = 0
  whole: list[Duration | None] = []
  for cell in cells:
    mine = 0
    if state.is_done(cell):
      what = "done"
    elif (cell.key, *state.lacking(cell)) in planned:
      what = "as above"
    else:
      lacking = [c for c in state.to_train(cell) if (c.key,) not in planned]
      mine = sum(map(steps_left, lacking))
      whole.append(speeds.whole(cell, lacking))
      what = said(whole[-1])
      planned |= {(cell.key, *state.lacking(cell))}
      planned |= {(c.key,) for c in lacking}
    steps += mine
    yield f"cells/{cell.key}  {mine:6,} steps  {what:>10}  {cell}"
  yield (
    f"{_count(cells)}; {len(whole)} to run, {steps:,} steps, estimated time"
    f" {total(whole)}"
  )
