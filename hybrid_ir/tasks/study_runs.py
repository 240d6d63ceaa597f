"""A study's runs, one after the other. From the grid, to `study`'s pages."""

import contextlib
import dataclasses
import gc
import json
import math
import pathlib
import sys
import time
from collections.abc import Mapping, Sequence

import jax
from tqdm import tqdm

from hybrid_ir import clock, stopping
from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.catalog import open_benchmark, prefixed_as
from hybrid_ir.studies import machine, origins, state
from hybrid_ir.studies.estimate import Speeds
from hybrid_ir.studies.grid import Cell
from hybrid_ir.studies.room import delete_checkpoints
from hybrid_ir.tasks import evaluate, report, train
from hybrid_ir.training.checkpoint import FullDiskError
from hybrid_ir.workdir import open_workdir

# What ends one run and leaves the others as they are.
_FAILURES = (UserError, MemoryError, jax.errors.JaxRuntimeError)


class Runs:
  """The study's runs, one after the other."""

  def __init__(self, cells: Sequence[Cell], config: Config):
    self.cells = cells
    self.failed: dict[Cell, str] = {}
    self._budget_s = config.study.budget_minutes * 60 or math.inf
    self._keep_checkpoints = config.study.keep_checkpoints
    self._ends = math.inf  # counted from the first piece of work
    self._worked = False
    self._benchmarks: dict[str, Benchmark] = {}

  def run_all(self) -> None:
    """Runs what is not done; what fails is kept, with its reason.

    Raises:
      FullDiskError, OSError: the disk is full, for all of them.
    """
    self._make_room()
    bar = tqdm(
      self.cells,
      "cells",
      unit="cell",
      initial=sum(map(state.is_done, self.cells)),
      total=len(self.cells),
    )
    with bar:
      for number, cell in enumerate(self.cells, start=1):
        if state.is_done(cell):
          continue
        tqdm.write(f"cell {number} of {len(self.cells)}: {cell}")
        try:
          self._run(cell)
          self._make_room()
        except FullDiskError:
          raise
        except _FAILURES as error:
          self.failed[cell] = _reason(error)
          tqdm.write(f"failed: {self.failed[cell]}", file=sys.stderr)
          _forget()
        bar.update()

  def _run(self, cell: Cell) -> None:
    before = cell.starts_from
    # What failed in its evaluation has its parameters.
    if before in self.failed and before in state.to_train(cell):
      raise UserError(f"it starts from {before}, which failed")
    # What is wrong with a benchmark is said before the long part.
    lacking = {
      name: self.open(cell.config, name) for name in state.lacking(cell)
    }
    self._ends = min(self._ends, time.monotonic() + self._budget_s)
    self._train(cell)
    if lacking:
      self._evaluate(cell, lacking)

  def _train(self, cell: Cell) -> None:
    """Trains, or goes on; the clock stops it as SIGTERM does."""
    if cell.is_trained and state.is_trained(cell):
      return
    # The checkpoints of what it starts from may have been deleted since.
    if cell.starts_from and not state.is_begun(cell):
      self._train(cell.starts_from)
    if not cell.is_trained:
      return
    clock.begin()
    with self._clock(), _opened(cell) as folder:
      begun = dataclasses.replace(
        state.read(folder), trained=False, made_of=origins.made_of(cell)
      )
      state.write(folder, begun)  # from now on it may be half trained
      train.run(cell.config, folder)
      done = dataclasses.replace(
        begun,
        trained=True,
        date=machine.today(),
        devices=machine.devices(),
      )
      state.write(folder, done)
    self._worked = True
    _forget()

  def _evaluate(self, cell: Cell, lacking: Mapping[str, Benchmark]) -> None:
    """Scores on what is lacking; it is not begun where it would not fit."""
    if self._worked and not self._fits(cell):
      stopping.stop("the next evaluation does not fit in study.budget_minutes")
    with _opened(cell) as folder:
      if not cell.is_trained:
        made_of = origins.made_of(cell)
        done = dataclasses.replace(state.read(folder), made_of=made_of)
        state.write(folder, done)
      for name, benchmark in lacking.items():
        fingerprint = origins.fingerprint(cell.config, name)
        start = time.perf_counter()
        settings = state.settings_to_score(cell, name)
        evaluate.score(_in(settings, cell.config), folder, [benchmark])
        seconds = time.perf_counter() - start
        state.add_evaluation(
          *(cell, name, benchmark.name, seconds, fingerprint),
          *(machine.today(), machine.devices()),
        )
      report.run(cell.config, folder)
    self._worked = True
    _forget()

  def _make_room(self) -> None:
    """Deletes checkpoints that no run of the study needs any more."""
    if self._keep_checkpoints:
      return
    for cell in delete_checkpoints(self.cells):
      tqdm.write(
        f"deleted the checkpoints in cells/{cell.key}: it is done"
        " (study.keep_checkpoints=True keeps them)"
      )

  def open(self, config: Config, name: str) -> Benchmark:
    """A benchmark, opened once for all cells that have its keys alike."""
    data, evaluation = config.data, config.evaluate
    # By its source, which these decide, an encoder looks its prefixes up.
    named = [one for one in prefixed_as(name) if one in data.prefixes]
    key = json.dumps(
      [
        *(name, data.lareqa_dir, data.mtop_dir, data.bitext_dir),
        *(evaluation.allow_faults, named),
      ]
    )
    if key not in self._benchmarks:
      self._benchmarks[key] = open_benchmark(
        name,
        data,
        pathlib.Path(config.cache_dir).expanduser(),
        allow_faults=evaluation.allow_faults,
      )
    return self._benchmarks[key]

  def _clock(self) -> contextlib.AbstractContextManager[None]:
    """Stops what is within when the budget is spent."""
    left = self._left()
    if left <= 0:
      stopping.stop("study.budget_minutes are over")
    if left == math.inf:
      return contextlib.nullcontext()
    return stopping.within(left)

  def _left(self) -> float:
    """Seconds of the budget."""
    return self._ends - time.monotonic()

  def _fits(self, cell: Cell) -> bool:
    needed = Speeds(self.cells).evaluation(cell)
    return self._left() > (needed.seconds if needed else 0)


def _opened(cell: Cell) -> contextlib.AbstractContextManager[pathlib.Path]:
  """A run's folder, held."""
  state.follow_move(cell)
  return open_workdir(str(cell.folder), cell.config)


def _in(settings: tuple[str, ...], config: Config) -> Config:
  """The config with other settings to score in."""
  evaluation = dataclasses.replace(config.evaluate, settings=settings)
  return dataclasses.replace(config, evaluate=evaluation)


def _reason(error: BaseException) -> str:
  """One line of what went wrong."""
  lines = str(error).splitlines()
  return lines[0] if lines else type(error).__name__


def _forget() -> None:
  """What one run compiled and held is of no use to the next."""
  jax.clear_caches()
  gc.collect()
