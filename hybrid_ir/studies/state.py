"""What of a run is done, on disk. Between task=study and the next time.

CELL/cell.json says what the study did there; results.jsonl has to bear it out.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.results import RESULTS
from hybrid_ir.files import write_aside
from hybrid_ir.studies.grid import Cell
from hybrid_ir.workdir import CHECKPOINTS, CONFIG

FILE = "cell.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Evaluated:
  """One of `evaluate.benchmarks`, scored."""

  benchmark: str  # its name in results.jsonl
  step: int
  settings: tuple[str, ...]
  seconds: float
  fingerprint: str = ""  # of the benchmark; "": not known
  date: str = ""  # YYYY-MM-DD, UTC; "": not known
  devices: str = ""  # on which, in words; "": not known


@dataclasses.dataclass(frozen=True, slots=True)
class State:
  """What was done in a run's folder."""

  trained: bool = False
  evaluated: Mapping[str, Evaluated] = dataclasses.field(default_factory=dict)
  # What it was made of -> its fingerprint; what is not there is not known.
  made_of: Mapping[str, str] = dataclasses.field(default_factory=dict)
  date: str = ""  # on which it was trained, as an evaluation's
  devices: str = ""


def read(folder: pathlib.Path) -> State:
  """A folder's state; of one that is not there: nothing is done.

  Raises:
    UserError: a damaged file.
  """
  path = folder / FILE
  if not path.exists():
    return State()
  try:
    stored = json.loads(path.read_text(encoding="utf-8"))
    evaluated = {
      name: Evaluated(
        str(one["benchmark"]),
        int(one["step"]),
        tuple(one["settings"]),
        float(one["seconds"]),
        *(str(one.get(key, "")) for key in ("fingerprint", "date", "devices")),
      )
      for name, one in stored["evaluated"].items()
    }
    made_of = {
      name: str(value) for name, value in stored.get("made_of", {}).items()
    }
    about = (str(stored.get(key, "")) for key in ("date", "devices"))
    return State(bool(stored["trained"]), evaluated, made_of, *about)
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise UserError(
      f"{path}: damaged ({error}); delete it: what is done is found again"
    ) from None


def write(folder: pathlib.Path, state: State) -> None:
  """Stores a folder's state, complete or not at all."""
  with write_aside(folder / FILE) as aside:
    aside.write_text(
      json.dumps(dataclasses.asdict(state), indent=1) + "\n", encoding="utf-8"
    )


def lacking(cell: Cell) -> tuple[str, ...]:
  """Those of `evaluate.benchmarks` that the cell has no figures of."""
  evaluated = read(cell.folder).evaluated
  there = set(scored(cell.folder))
  wanted = cell.config.evaluate
  return tuple(
    name
    for name in wanted.benchmarks
    if name not in evaluated
    or (evaluated[name].benchmark, evaluated[name].step) not in there
    or not set(wanted.settings) <= set(evaluated[name].settings)
  )


def settings_to_score(cell: Cell, name: str) -> tuple[str, ...]:
  """Those of a benchmark that are asked for, and those with figures.

  All figures of a benchmark are written at once, in place of what was there:
  another study's, too.

  Args:
    cell: the run.
    name: of `evaluate.benchmarks`.
  """
  evaluated = read(cell.folder).evaluated
  there = evaluated[name].settings if name in evaluated else ()
  return tuple(dict.fromkeys((*there, *cell.config.evaluate.settings)))


def is_done(cell: Cell) -> bool:
  """Whether there is nothing left to do in it.

  Figures are of a run that was trained to its end. They stay when it is trained
  again, for another study's benchmark.
  """
  return not lacking(cell)


def last_step(folder: pathlib.Path) -> int | None:
  """The step of a folder's last checkpoint; None: it has none."""
  path = folder / CHECKPOINTS
  if not path.is_dir():
    return None
  # What is being written has another name.
  steps = (int(one.name) for one in path.iterdir() if one.name.isdigit())
  return max(steps, default=None)


def is_trained(cell: Cell) -> bool:
  """Whether the parameters that it ends with are there."""
  return read(cell.folder).trained and last_step(cell.folder) is not None


def is_begun(cell: Cell) -> bool:
  """Whether training goes on from a checkpoint of its own.

  It then does without the parameters of the run that it starts from.
  """
  return cell.is_trained and last_step(cell.folder) is not None


def to_train(cell: Cell) -> tuple[Cell, ...]:
  """The runs to train before it can be done, in order; itself the last.

  Where checkpoints were deleted, that is a run again, or what it starts from.
  """
  return () if is_done(cell) else _without_parameters(cell)


def _without_parameters(cell: Cell) -> tuple[Cell, ...]:
  if cell.is_trained and is_trained(cell):
    return ()
  before: tuple[Cell, ...] = ()
  if cell.starts_from and not is_begun(cell):
    before = _without_parameters(cell.starts_from)
  return (*before, cell) if cell.is_trained else before


def follow_move(cell: Cell) -> None:
  """Says anew where a run starts from, when the study's folder was moved.

  Its config.json names that folder. Another run's does not end in its key.
  """
  path = cell.folder / CONFIG
  if not cell.starts_from or not path.exists():
    return
  try:
    stored = json.loads(path.read_text(encoding="utf-8"))
    before = pathlib.Path(stored["train"]["warm_start"])
  except (ValueError, KeyError, TypeError):
    return  # `open_workdir` says what is wrong with it
  now = cell.config.train.warm_start
  if before.name == cell.starts_from.key and str(before) != now:
    stored["train"]["warm_start"] = now
    with write_aside(path) as aside:
      aside.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")


def scored(folder: pathlib.Path) -> list[tuple[str, int]]:
  """The (benchmark, step) of results.jsonl, line by line.

  Raises:
    UserError: a damaged line.
  """
  path = folder / RESULTS
  if not path.exists():
    return []
  found = []
  for number, line in enumerate(path.read_text().splitlines(), start=1):
    try:
      row = json.loads(line)
      found.append((str(row["benchmark"]), int(row["step"])))
    except (ValueError, KeyError, TypeError) as error:
      raise UserError(
        f"{path}:{number}: damaged ({error}); delete the file: the study"
        " evaluates again"
      ) from None
  return found


def add_evaluation(
  cell: Cell,
  name: str,
  benchmark: str,
  seconds: float,
  fingerprint: str,
  date: str = "",
  devices: str = "",
) -> None:
  """Stores that a cell has just been scored, in `settings_to_score`.

  Args:
    cell: the run.
    name: of `evaluate.benchmarks`.
    benchmark: what results.jsonl calls it.
    seconds: what it took.
    fingerprint: of the benchmark.
    date: YYYY-MM-DD.
    devices: on which, in words.
  """
  before = read(cell.folder)
  step = dict(scored(cell.folder))[benchmark]  # the last line counts
  settings = settings_to_score(cell, name)
  done = Evaluated(
    benchmark, step, settings, seconds, fingerprint, date, devices
  )
  evaluated = {**before.evaluated, name: done}
  write(cell.folder, dataclasses.replace(before, evaluated=evaluated))
