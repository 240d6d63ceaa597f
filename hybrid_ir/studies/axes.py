"""`study.axes`, checked, and the config of a choice. To the grid."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.config_keys import check_types, unknown_key, walk
from hybrid_ir.errors import UserError

WARM_START = "train.warm_start"
_AXES = "config key 'study.axes'"
# The study sets these itself, or they are no part of a run.
_NOT_VARIED = ("task", "seed", "system", "cache_dir")

Overrides = dict[str, Any]  # dotted key -> value


def check_axes(config: Config) -> None:
  """Refuses axes that cannot vary what they name, or lack what tests name.

  Raises:
    UserError: naming axis, variant and key, or what `study.against` has.
  """
  axes = config.study.axes
  if not axes:
    raise UserError(
      f"{_AXES} is empty; take one of configs/studies/, or set it in the"
      " config's file"
    )
  for axis, variants in axes.items():
    for name in (axis, *variants):
      if "," in name:
        raise UserError(
          f"{_AXES} has {name!r}; expected a name without a comma, which parts"
          " the names of study.only"
        )
  known = [name for name, _, _ in walk(config)]
  for axis, variant, name, value in _entries(axes):
    where = f"{_AXES}, {axis}={variant}"
    if name not in known:
      raise UserError(f"{where}: {unknown_key(name, known)}")
    if name in _NOT_VARIED or name.startswith("study."):
      raise UserError(f"{where}: {name!r} is not what a study varies")
    try:
      check_types(_changed(config, {name: value}))
    except UserError as error:
      raise UserError(f"{where}: {error}") from None
  _check_against(config)


def _check_against(config: Config) -> None:
  there = named_variants(config)
  for name in config.study.against:
    if name not in there:
      near = difflib.get_close_matches(name, there, n=1)
      hint = f" (did you mean {near[0]!r}?)" if near else ""
      raise UserError(
        f"config key 'study.against' has {name!r}{hint}; expected AXIS=VARIANT"
        f" of 'study.axes': {', '.join(there)}"
      )


def named_variants(config: Config) -> dict[str, tuple[str, str]]:
  """AXIS=VARIANT -> axis, variant; of all axes."""
  return {
    describe({axis: variant}): (axis, variant)
    for axis, variants in config.study.axes.items()
    for variant in variants
  }


def kept(config: Config) -> dict[str, list[str]]:
  """The variants of each axis that `study.only` leaves.

  Raises:
    UserError: one that is not there.
  """
  there = named_variants(config)
  for name in config.study.only:
    if name not in there:
      raise UserError(
        f"config key 'study.only' has {name!r}; expected AXIS=VARIANT, of"
        f" {', '.join(there)}"
      )
  found: dict[str, list[str]] = {axis: [] for axis in config.study.axes}
  for name, (axis, variant) in there.items():
    if name in config.study.only:
      found[axis].append(variant)
  return {
    axis: named or [*config.study.axes[axis]] for axis, named in found.items()
  }


def overrides(config: Config, labels: Mapping[str, str]) -> Overrides:
  """The keys that a choice of variants sets.

  Raises:
    UserError: two of the variants set one key.
  """
  found: Overrides = {}
  for axis, variant in labels.items():
    for name, value in config.study.axes[axis][variant].items():
      if name in found:
        raise UserError(
          f"{_AXES}, {axis}={variant}: another axis of {describe(labels)} sets"
          f" {name!r}, too; let one of them set it"
        )
      found[name] = value
  return found


def run_config(
  config: Config,
  labels: Mapping[str, str],
  seed: int,
  keys: Mapping[str, Any],
) -> Config:
  """The config of one run of the study, checked and frozen.

  Raises:
    UserError: keys that do not go together, naming the variants.
  """
  made = _changed(config, {**keys, "seed": seed, "task": "train_and_evaluate"})
  try:
    check(made)
  except UserError as error:
    raise UserError(f"{_AXES}, {describe(labels)}: {error}") from None
  return made


def describe(labels: Mapping[str, str]) -> str:
  """A choice of variants, in words."""
  return " ".join(f"{axis}={variant}" for axis, variant in labels.items())


def _entries(
  axes: Mapping[str, Mapping[str, Overrides]],
) -> Iterator[tuple[str, str, str, Any]]:
  for axis, variants in axes.items():
    for variant, keys in variants.items():
      for name, value in keys.items():
        yield axis, variant, name, value


def _changed(config: Config, keys: Mapping[str, Any]) -> Config:
  """A copy, not frozen, without the study."""
  made = Config()
  given = {
    name: value
    for name, _, value in walk(config)
    if not name.startswith("study.")
  }
  for name, value in {**given, **keys}.items():
    *sections, last = name.split(".")
    section: Any = made
    for part in sections:
      section = getattr(section, part)
    setattr(section, last, value)
  return made
