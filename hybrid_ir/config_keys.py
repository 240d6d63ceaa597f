"""How config keys behave: typos, types, choices, freezing. Feeds `config`."""

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from hybrid_ir.errors import UserError

_ONE: dict[Any, str] = {
  int: "a whole number",
  float: "a number",
  bool: "True or False",
  str: "a text",
}
_SEVERAL: dict[Any, str] = {
  int: "whole numbers, such as 64,128",
  str: "names, such as a,b",
}


def key(
  default: Any,
  doc: str,
  *,
  identity: bool = False,
  figures: bool = False,
  choices: tuple[str, ...] = (),
  least: float | None = None,
  most: float | None = None,
) -> Any:
  """A config key: its default, its meaning and unit, and what it may be.

  Args:
    default: the value, or a `Section` subclass for a section.
    doc: meaning, with the unit.
    identity: whether a run with another value is another run; a workdir is
      resumed only where all identity keys agree.
    figures: whether the same run has other figures with another value; those
      of a workdir are of one value.
    choices: the values a string (or a tuple's items) may take; empty: any.
    least: the smallest number allowed.
    most: the largest number allowed.
  """
  metadata = {
    "doc": doc,
    "identity": identity,
    "figures": figures,
    "choices": choices,
    "least": least,
    "most": most,
  }
  if isinstance(default, type):  # a section, or dict
    return dataclasses.field(default_factory=default, metadata=metadata)
  return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(slots=True)
class Section:
  """Keys that cannot be misspelt, nor set once frozen."""

  _frozen: bool = dataclasses.field(
    default=False, init=False, repr=False, compare=False
  )

  def __setattr__(self, name: str, value: Any) -> None:
    known = [f.name for f in dataclasses.fields(self)]
    if name not in known:
      raise UserError(unknown_key(name, known))
    if name != "_frozen" and getattr(self, "_frozen", False):
      raise UserError(f"config key '{name}' is set after the config was frozen")
    object.__setattr__(self, name, value)


def unknown_key(name: str, known: Iterable[str]) -> str:
  """The message for a key that does not exist, with the nearest that does."""
  known = sorted(k for k in known if not k.startswith("_"))
  last = {k.rsplit(".", 1)[-1]: k for k in reversed(known)}
  near = difflib.get_close_matches(name, known, n=1, cutoff=0.5) or [
    last[k]
    for k in difflib.get_close_matches(
      name.rsplit(".", 1)[-1], last, n=1, cutoff=0.6
    )
  ]
  hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
  return f"unknown config key '{name}': {hint}"


def walk(
  section: Section, prefix: str = ""
) -> Iterator[tuple[str, dataclasses.Field[Any], Any]]:
  """Yields (dotted name, field, value) of every key, sections opened."""
  for field in dataclasses.fields(section):
    if field.name.startswith("_"):
      continue
    value = getattr(section, field.name)
    if isinstance(value, Section):
      yield from walk(value, f"{prefix}{field.name}.")
    else:
      yield prefix + field.name, field, value


def freeze(section: Section) -> None:
  """Refuses every later assignment, in this section and those below."""
  for field in dataclasses.fields(section):
    value = getattr(section, field.name)
    if isinstance(value, Section):
      freeze(value)
  section._frozen = True


def check_types(section: Section, prefix: str = "") -> None:
  """Refuses a value of another type, out of bounds, or not among the choices.

  Whole numbers are taken for floats, lists for tuples, and a string "a,b" for
  the tuple ("a", "b"), whose items may have commas where they are given as
  such; the value is stored as the declared type.

  Raises:
    UserError: naming the key, its value and what was expected.
  """
  for field in dataclasses.fields(section):
    if field.name.startswith("_"):
      continue
    name, value = prefix + field.name, getattr(section, field.name)
    if isinstance(field.type, type) and issubclass(field.type, Section):
      if not isinstance(value, field.type):
        raise UserError(f"config section '{name}' was replaced by {value!r}")
      check_types(value, f"{name}.")
      continue
    value = _convert(name, value, field)
    setattr(section, field.name, value)
    _check_value(name, value, field)


def split_names(text: str) -> tuple[str, ...]:
  """("a", "b") of "a, b", as a flag gives names."""
  return tuple(part.strip() for part in text.split(",") if part.strip())


def expected(field: dataclasses.Field[Any]) -> str:
  """What a key takes, in words."""
  declared = field.type
  if typing.get_origin(declared) is types.UnionType:  # KIND | None
    declared = typing.get_args(declared)[0]
  if typing.get_origin(declared) is tuple:
    return _SEVERAL[typing.get_args(declared)[0]]
  if typing.get_origin(declared) is dict:
    of = "a pair of strings"
    if _is_of_texts(declared):
      of = "a text"
    elif _is_nested(declared):
      of = "variants by name, each a dict from a key to its value"
    return f"a dict from a name to {of}, set in the config's file"
  return _ONE[declared]


def _convert(name: str, value: Any, field: dataclasses.Field[Any]) -> Any:
  """The value as the declared type, where nothing is lost."""
  declared = field.type
  if typing.get_origin(declared) is types.UnionType:  # KIND | None
    if value is None:
      return None
    declared = typing.get_args(declared)[0]
  origin = typing.get_origin(declared) or declared
  if origin is tuple:
    item = typing.get_args(declared)[0]
    items = split_names(value) if isinstance(value, str) else value
    if isinstance(items, list | tuple) and all(type(i) is item for i in items):
      return tuple(items)
    raise _unexpected(name, value, field)
  if origin is dict and _is_nested(declared):
    if not _is_dict_of_variants(value):
      raise _unexpected(name, value, field)
    return value
  if origin is dict and _is_of_texts(declared):
    if not _is_dict_of_texts(value):
      raise _unexpected(name, value, field)
    return value
  if origin is dict:
    if not _is_dict_of_pairs(value):
      raise _unexpected(name, value, field)
    return {key: (first, second) for key, (first, second) in value.items()}
  if origin is float and type(value) is int:
    return float(value)
  if type(value) is not origin:
    raise _unexpected(name, value, field)
  return value


def _unexpected(
  name: str, value: Any, field: dataclasses.Field[Any]
) -> UserError:
  return UserError(
    f"config key '{name}' is {value!r}; expected {expected(field)}"
  )


def _is_nested(declared: Any) -> bool:
  """Whether a dict type's values are dicts themselves."""
  return typing.get_origin(typing.get_args(declared)[1]) is dict


def _is_of_texts(declared: Any) -> bool:
  """Whether a dict type's values are texts."""
  return typing.get_args(declared)[1] is str


def _is_dict_of_texts(value: Any) -> bool:
  """Whether it is of texts to texts."""
  return isinstance(value, dict) and all(
    isinstance(text, str) for pair in value.items() for text in pair
  )


def _is_dict_of_variants(value: Any) -> bool:
  """Whether it is of names to names to keys to values."""
  if not isinstance(value, dict):
    return False
  axes = [*value.values()]
  if not all(isinstance(axis, dict) and axis for axis in axes):
    return False
  variants = [variant for axis in axes for variant in axis.values()]
  names = [*value, *(name for part in (*axes, *variants) for name in part)]
  return all(isinstance(v, dict) for v in variants) and all(
    isinstance(name, str) for name in names
  )


def _is_dict_of_pairs(value: Any) -> bool:
  """Whether it is of strings to pairs of them."""
  return isinstance(value, dict) and all(
    isinstance(pair, list | tuple)
    and len(pair) == 2
    and all(isinstance(text, str) for text in (key, *pair))
    for key, pair in value.items()
  )


def _check_value(name: str, value: Any, field: dataclasses.Field[Any]) -> None:
  if value is None:  # of a key that may be left open
    return
  choices = field.metadata["choices"]
  for item in value if isinstance(value, tuple) else (value,):
    if choices and item not in choices:
      near = difflib.get_close_matches(str(item), choices, n=1)
      hint = f" (did you mean '{near[0]}'?)" if near else ""
      raise UserError(
        f"config key '{name}' is {item!r}; expected one of "
        f"{', '.join(map(repr, choices))}{hint}"
      )
    if isinstance(item, float) and not math.isfinite(item):
      raise UserError(f"config key '{name}' is {item}; expected a number")
    least, most = field.metadata["least"], field.metadata["most"]
    if least is not None and item < least:
      raise UserError(
        f"config key '{name}' is {item!r}; expected at least {least:g}"
      )
    if most is not None and item > most:
      raise UserError(
        f"config key '{name}' is {item!r}; expected at most {most:g}"
      )
