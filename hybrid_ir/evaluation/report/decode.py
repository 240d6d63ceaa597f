"""JSON values to typed dataclasses, checked on the way. Feeds load."""

import dataclasses
import types
import typing
from typing import Any, TypeVar, cast

from hybrid_ir.errors import UserError

_T = TypeVar("_T")

_EXPECTED = {
  str: "a text",
  int: "a whole number",
  float: "a number",
  bool: "true or false",
}


def decode(kind: type[_T], value: object, where: str) -> _T:
  """A JSON value as `kind`: a dataclass, or what its fields may hold.

  Fields are str, int, float, bool, tuple[X, ...], dict[str, X], another
  dataclass, or `X | None` (null). A field with a default may be absent. Keys
  that the dataclass lacks are left alone: later versions may write more.

  Args:
    kind: the dataclass.
    value: what `json.loads` gave.
    where: the file (and line), for the message.

  Raises:
    UserError: a field is missing or of another type; names file and field.
  """
  return cast(_T, _decode(kind, value, where, ""))


def _decode(kind: Any, value: object, where: str, path: str) -> Any:
  origin, inner = typing.get_origin(kind), typing.get_args(kind)
  if dataclasses.is_dataclass(kind):
    return _decode_dataclass(cast(type[Any], kind), value, where, path)
  if origin is types.UnionType:  # X | None
    return None if value is None else _decode(inner[0], value, where, path)
  if origin is tuple:
    if not isinstance(value, list):
      raise _wrong(where, path, "a list", value)
    return tuple(
      _decode(inner[0], item, where, f"{path}[{index}]")
      for index, item in enumerate(value)
    )
  if origin is dict:
    if not isinstance(value, dict):
      raise _wrong(where, path, "an object", value)
    return {
      key: _decode(inner[1], item, where, f"{path}.{key}")
      for key, item in value.items()
    }
  # A JSON 1 may stand for 1.0; true is an int in Python, but not here.
  accepted = (int, float) if kind is float else kind
  if not isinstance(value, accepted) or (
    isinstance(value, bool) and kind is not bool
  ):
    raise _wrong(where, path, _EXPECTED[kind], value)
  return kind(value)


def _decode_dataclass(
  kind: type[Any], value: object, where: str, path: str
) -> Any:
  if not isinstance(value, dict):
    raise _wrong(where, path, "an object", value)
  hints = typing.get_type_hints(kind)
  given = {}
  for field in dataclasses.fields(kind):
    inner_path = f"{path}.{field.name}" if path else field.name
    if field.name in value:
      given[field.name] = _decode(
        hints[field.name], value[field.name], where, inner_path
      )
    elif field.default is dataclasses.MISSING:
      raise UserError(
        f"{where}: the key {inner_path!r} is missing; evaluate or train again"
      )
  return kind(**given)


def _wrong(where: str, path: str, expected: str, value: object) -> UserError:
  shown = repr(value)
  shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
  name = f"{path!r} is" if path else "the line is"
  return UserError(f"{where}: {name} {shown}; expected {expected}")
