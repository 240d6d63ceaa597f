"""How long runs will take, by those that ran. From their folders, to the task.

A run's training is told by metrics.jsonl, its evaluations by cell.json. Both
count for runs of the same encoder and text lengths; of training, on the same
data. Of others of that encoder, the fastest says the least that it may take.
"""

import dataclasses
import json
import statistics
from collections.abc import Iterator, Sequence

from hybrid_ir.config_keys import walk
from hybrid_ir.studies import state
from hybrid_ir.studies.grid import Cell

_METRICS = "metrics.jsonl"
_ENCODER = ("encoder.",)
_EVALUATION = (*_ENCODER, "text.", "layout.", "mesh.")
_TRAINING = (*_EVALUATION, "adapt.", "data.train", "loss.")


@dataclasses.dataclass(frozen=True, slots=True)
class Duration:
  """An estimate."""

  seconds: float
  is_least: bool  # it takes that long at least, by other runs of the encoder


class _Times:
  """Seconds by kind of run and by encoder."""

  def __init__(self) -> None:
    self._alike: dict[str, list[float]] = {}
    self._of_encoder: dict[str, list[float]] = {}

  def add(self, kind: str, encoder: str, seconds: float) -> None:
    self._alike.setdefault(kind, []).append(seconds)
    self._of_encoder.setdefault(encoder, []).append(seconds)

  def get(self, kind: str, encoder: str) -> Duration | None:
    """The median of runs alike, else the least of that encoder's."""
    if kind in self._alike:
      return Duration(statistics.median(self._alike[kind]), False)
    if encoder in self._of_encoder:
      return Duration(min(self._of_encoder[encoder]), True)
    return None


class Speeds:
  """What runs of each encoder took."""

  def __init__(self, cells: Sequence[Cell]):
    """Reads what the cells' folders tell.

    Raises:
      UserError: a damaged cell.json.
    """
    self._by_pair = _Times()
    self._by_benchmark = _Times()
    for cell in {cell.key: cell for cell in cells}.values():
      encoder = _kind(cell, _ENCODER)
      seconds = [1 / speed for speed in _pairs_per_s(cell)]
      if seconds:
        median = statistics.median(seconds)
        self._by_pair.add(_kind(cell, _TRAINING), encoder, median)
      for name, done in state.read(cell.folder).evaluated.items():
        self._by_benchmark.add(
          _kind(cell, _EVALUATION, name),
          _kind(cell, _ENCODER, name),
          done.seconds,
        )

  def training(self, cell: Cell) -> Duration | None:
    """Of the steps that are left; None: unknown."""
    steps = steps_left(cell)
    if not steps:
      return Duration(0.0, False)
    pair = self._by_pair.get(_kind(cell, _TRAINING), _kind(cell, _ENCODER))
    if pair is None:
      return None
    pairs = steps * cell.config.train.batch_size
    return Duration(pair.seconds * pairs, pair.is_least)

  def evaluation(self, cell: Cell) -> Duration | None:
    """Of the benchmarks that are lacking; None: unknown."""
    return _sum(
      [
        self._by_benchmark.get(
          _kind(cell, _EVALUATION, name), _kind(cell, _ENCODER, name)
        )
        for name in state.lacking(cell)
      ]
    )

  def whole(self, cell: Cell, to_train: Sequence[Cell]) -> Duration | None:
    """Of all that is left; None: unknown.

    Args:
      cell: the run.
      to_train: the runs that are trained for it, itself among them.
    """
    parts = [self.training(each) for each in to_train]
    return _sum([*parts, self.evaluation(cell)])


def steps_left(cell: Cell) -> int:
  """The steps that a run has to train from its last checkpoint."""
  if not cell.is_trained or state.is_trained(cell):
    return 0
  done = state.last_step(cell.folder) or 0
  return max(cell.config.train.steps - done, 0)


def said(time: Duration | None) -> str:
  """In hours and minutes."""
  if time is None:
    return "unknown"
  return f"{'at least ' * time.is_least}{_clock(time.seconds)}"


def total(times: Sequence[Duration | None]) -> str:
  """A sum in words, with how many of them are unknown."""
  known = [time for time in times if time is not None]
  whole = _sum(known) or Duration(0.0, False)
  lacking = len(times) - len(known)
  if not lacking:
    return said(whole)
  never = f"({lacking} cells were never measured)"
  if not whole.seconds:
    return f"unknown {never}"
  return f"{said(dataclasses.replace(whole, is_least=True))} {never}"


def _sum(parts: Sequence[Duration | None]) -> Duration | None:
  """None: all of them are unknown. What is unknown takes no time at least."""
  known = [part for part in parts if part is not None]
  if parts and not known:
    return None
  lacking = len(known) < len(parts)
  return Duration(
    sum(part.seconds for part in known),
    lacking or any(part.is_least for part in known),
  )


def _kind(cell: Cell, keys: tuple[str, ...], *more: str) -> str:
  """What makes runs as fast as each other."""
  values = {
    name: value for name, _, value in walk(cell.config) if name.startswith(keys)
  }
  return json.dumps([values, *more])


def _pairs_per_s(cell: Cell) -> Iterator[float]:
  """Of the lines that were written whole."""
  path = cell.folder / _METRICS
  if not path.exists():
    return
  for line in path.read_text(encoding="utf-8").splitlines():
    try:
      values = json.loads(line)
    except ValueError:  # cut off by a kill: training goes on from a checkpoint
      continue
    if values.get("pairs_per_s"):
      yield float(values["pairs_per_s"])


def _clock(seconds: float) -> str:
  minutes = round(seconds / 60)
  if minutes < 1:
    return f"{seconds:.0f} s"
  hours, minutes = divmod(minutes, 60)
  return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
