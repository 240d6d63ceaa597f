"""`study.axes` to the runs of a study, in order. From config, to task=study."""

import dataclasses
import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from hybrid_ir.config import Config
from hybrid_ir.config_keys import walk
from hybrid_ir.errors import UserError
from hybrid_ir.studies.axes import (
  WARM_START,
  check_axes,
  describe,
  kept,
  named_variants,
  overrides,
  run_config,
)
from hybrid_ir.studies.identity import as_it_came, identity

CELLS = "cells"  # folder of a study's workdir

# What two arms may differ in, scored on other things: the run is one.
_OF_SCORES = ("evaluate.benchmarks", "evaluate.settings")

Labels = Mapping[str, str]  # axis -> variant


@dataclasses.dataclass(frozen=True, eq=False)
class Cell:
  """One run: a variant of every axis, and a seed."""

  labels: Labels
  seed: int
  config: Config
  key: str  # its identity
  folder: pathlib.Path
  starts_from: "Cell | None"  # whose parameters are its first

  @property
  def is_trained(self) -> bool:
    """Whether it trains at all, or scores an encoder as it came."""
    return is_trained(self.config)

  def line(self) -> Iterator["Cell"]:
    """Itself, then what it starts from, and so on to the first."""
    yield self
    if self.starts_from:
      yield from self.starts_from.line()

  def __str__(self) -> str:
    return f"{describe(self.labels)} seed={self.seed}"


def is_trained(config: Config) -> bool:
  """Whether a run trains at all, or scores an encoder as it came."""
  came = config.encoder.path or config.train.warm_start
  return config.train.steps > 0 or not came


def first_kept(config: Config) -> Labels:
  """Axis -> its first variant of those that `study.only` leaves.

  The variants that an axis' others stand beside: of one axis at a time those
  of the other axes, and of sizes what everything else is held at.
  """
  return {axis: variants[0] for axis, variants in kept(config).items()}


def choices(config: Config) -> list[Labels]:
  """The study's choices of variants, the baseline first.

  Args:
    config: its axes are checked.
  """
  axes = kept(config)
  if config.study.design == "product":
    return [
      dict(zip(axes, variants, strict=True))
      for variants in itertools.product(*axes.values())
    ]
  first = first_kept(config)
  return [
    first,
    *(
      {**first, axis: variant}
      for axis, variants in axes.items()
      for variant in variants[1:]
    ),
  ]


def baselines(config: Config, labels: Labels) -> tuple[Labels, ...]:
  """What a choice of variants is tested against, in `study.against`'s order.

  Every variant named of an axis, with the choice's other labels. A named
  variant is tested against those of its axis named before it, so that no pair
  is tested twice. One axis at a time has no choice that two axes tell from
  `first_kept`. Where `study.against` is empty: in a product the first variant
  kept of the first axis, with the same others; one axis at a time `first_kept`.

  Args:
    config: checked.
    labels: one of `choices`.

  Returns:
    Choices other than itself; `study.only` may leave some of them out.
  """
  first = first_kept(config)
  product = config.study.design == "product"
  if not config.study.against:
    changed = [*first][:1] if product else [*first]
    base = {**labels, **{axis: first[axis] for axis in changed}}
    return () if base == labels else (base,)
  found: list[Labels] = []
  ended: set[str] = set()  # axes of which it is named itself
  there = named_variants(config)
  for name in dict.fromkeys(config.study.against):
    axis, variant = there[name]
    if labels[axis] == variant:
      ended.add(axis)
    base = {**labels, axis: variant}
    apart = [other for other in base if base[other] != first[other]]
    if axis not in ended and (product or len(apart) < 2):
      found.append(base)
  return tuple(found)


def make_cells(config: Config, workdir: pathlib.Path) -> list[Cell]:
  """Every run of the study; what a run starts from stands before it.

  An encoder that is scored as it came knows no seed: it is one run.

  Args:
    config: of the study, checked.
    workdir: of the study; a run's folder is in its cells/.

  Raises:
    UserError: axes that cannot be varied, keys that do not go together, runs
      that would start from each other, or choices that no run can differ in.
  """
  check_axes(config)
  if not config.study.seeds:
    raise UserError("config key 'study.seeds' is empty; name at least one")
  grid = _Grid(config, workdir / CELLS, choices(config))
  cells = [
    grid.cell(labels, seed, ())
    for seed in dict.fromkeys(config.study.seeds)
    for labels in grid.choices
  ]
  first = config.study.seeds[0]
  ordered: dict[int, Cell] = {}
  for cell in cells:
    if cell.is_trained or cell.seed == first:
      ordered.update((id(each), each) for each in reversed([*cell.line()]))
  _check_differ([*ordered.values()])
  return [*ordered.values()]


def _check_differ(cells: Sequence[Cell]) -> None:
  """Refuses two choices that differ in keys, and are one run nevertheless."""
  first: dict[str, Cell] = {}
  for cell in cells:
    other = first.setdefault(cell.key, cell)
    theirs = {name: value for name, _, value in walk(other.config)}
    for name, _, value in walk(cell.config):
      if value != theirs[name] and name not in _OF_SCORES:
        raise UserError(
          f"config key 'study.axes': {describe(other.labels)} and"
          f" {describe(cell.labels)} differ in {name!r} ({theirs[name]!r} and"
          f" {value!r}), which is no part of what a run is: they would be one"
          " run; set it for the whole study"
        )


class _Grid:
  """Makes each cell once."""

  def __init__(
    self, config: Config, folder: pathlib.Path, choices: Sequence[Labels]
  ):
    self.choices = choices
    self._config = config
    self._folder = folder
    self._made: dict[tuple[str, int], Cell] = {}

  def cell(self, labels: Labels, seed: int, trail: tuple[str, ...]) -> Cell:
    """A cell, after what it starts from.

    Raises:
      UserError: it starts from one of `trail`, which start from it.
    """
    name = describe(labels)
    if name in trail:
      raise UserError(
        "config key 'study.axes': these runs would start from each other:"
        f" {' <- '.join((*trail, name))}"
      )
    if (name, seed) not in self._made:
      self._made[name, seed] = self._make(labels, seed, (*trail, name))
    return self._made[name, seed]

  def _make(self, labels: Labels, seed: int, trail: tuple[str, ...]) -> Cell:
    keys = overrides(self._config, labels)
    start = str(keys.get(WARM_START, ""))
    before = None
    if start.startswith("@"):
      before = self.cell(self._find(labels, start), seed, trail)
      if not before.is_trained:
        raise UserError(
          f"config key 'study.axes', {trail[-1]}: {WARM_START!r} is {start!r},"
          " which is not trained; name that encoder in 'encoder.path'"
        )
      keys[WARM_START] = str(before.folder)
    config = run_config(self._config, labels, seed, keys)
    drawn_by = seed
    if not is_trained(config):
      keys |= as_it_came()
      drawn_by = keys["seed"]  # of nothing: the same, whatever `study.seeds`
      config = run_config(self._config, labels, drawn_by, keys)
    key = identity(config, before.key if before else "")
    # One name for all seeds would join other studies' runs: a run has its own.
    keys["system"] = key
    config = run_config(self._config, labels, drawn_by, keys)
    return Cell(labels, seed, config, key, self._folder / key, before)

  def _sources(self) -> list[Labels]:
    """What may be started from: what `study.only` leaves out, too."""
    if not self._config.study.only:
      return [*self.choices]
    axes = self._config.study.axes
    return [
      dict(zip(axes, variants, strict=True))
      for variants in itertools.product(*axes.values())
    ]

  def _find(self, labels: Labels, start: str) -> Labels:
    """The choice that `@axis=variant,…` names, other axes as in `labels`."""
    named = dict(
      part.strip().split("=", 1) for part in start[1:].split(",") if "=" in part
    )
    wanted = {**labels, **named}
    known = self._sources()
    if not named or wanted not in known:
      there = ", ".join(map(describe, known))
      raise UserError(
        f"config key 'study.axes', {describe(labels)}: {WARM_START!r} is"
        f" {start!r}; expected @AXIS=VARIANT of one of the study's ({there})"
      )
    return wanted
