"""The command line: flags and the config file. From the user, to main.

Whatever is wrong with either is one line, with the nearest right name.
"""

import dataclasses
import difflib
import importlib.resources
import os
import pathlib
import re
import sys
import traceback
import typing
from collections.abc import Mapping
from typing import Any, NoReturn

from absl import flags
from ml_collections import config_flags

from hybrid_ir.config import Config
from hybrid_ir.config_keys import (
  Section,
  expected,
  split_names,
  unknown_key,
  walk,
)
from hybrid_ir.errors import UserError

CONFIG = config_flags.DEFINE_config_file(
  "config", None, "File with get_config(), e.g. configs/quickstart.py."
)
WORKDIR = flags.DEFINE_string(
  "workdir", None, "Folder for checkpoints, metrics, results and the report."
)
_MODULE = "config_config"  # what config_flags names the module of --config


class _OrNone(flags.ArgumentParser):
  """Takes None for what it is, also as the value of a text.

  config_flags looks a parser up by a key's type, in which `X | None` is X. A
  key that may not be left open is refused by the check of types.
  """

  def __init__(self, parser: Any):
    """Takes the parser of all other values."""
    super().__init__()
    self._parser = parser

  def parse(self, argument: Any) -> Any:
    return None if argument == "None" else self._parser.parse(argument)

  def flag_type(self) -> str:
    return str(self._parser.flag_type())


for _type, _parser in (
  (bool, flags.BooleanParser()),
  (int, flags.IntegerParser()),
  (str, flags.ArgumentParser()),
):
  config_flags.register_flag_parser_for_type(_type, _OrNone(_parser))


def parse(argv: list[str]) -> list[str]:
  """Reads flags; what is wrong with them or with the config is one line."""
  try:
    _check_keys(argv)
    rest = flags.FLAGS(_split_lists(_resolve_config(argv)))
    # config_flags holds a config's OSError back until the config is used.
    getattr(CONFIG.value, "task", None)
    return rest
  except Exception as error:  # a config is a program: it may raise anything
    mistake = _wrong_value(error) or _mistake(error)
    if mistake is None:
      raise
    fail(mistake)


def _wrong_value(error: BaseException) -> str:
  """What absl says of a value that does not fit its key; "": nothing of it."""
  match = re.match(
    r"flag --config\.([^=]+)=(.*): (?:invalid|could not|\(.Non-boolean)",
    str(error),
    re.DOTALL,
  )
  field = _fields().get(match[1]) if match else None
  if (
    match is None
    or field is None
    or not isinstance(error, flags.IllegalFlagValueError)
  ):
    return ""
  return f"config key '{match[1]}' is {match[2]!r}; expected {expected(field)}"


def _mistake(error: BaseException) -> str | None:
  """What is wrong with the flags or the config; None: the fault is ours."""
  cause: BaseException | None = error
  while cause:  # config_flags and absl wrap what a config raises
    if isinstance(cause, SyntaxError):
      return f"{cause.filename}:{cause.lineno}: {cause.msg}"
    if str(cause).startswith("get_config() takes 0 "):
      return "--config=FILE.py:SIZE: this file's get_config() takes no size"
    for frame, line in reversed([*traceback.walk_tb(cause.__traceback__)]):
      if frame.f_globals.get("__name__") == _MODULE:
        return f"{frame.f_code.co_filename}:{line}: {_describe(cause)}"
    cause = cause.__cause__ or cause.__context__
  if isinstance(error, AttributeError) and error.name == "get_config":
    return f"{getattr(error.obj, '__file__', '--config')}: lacks get_config()"
  known = isinstance(error, UserError | flags.Error | OSError)
  return str(error) if known else None


def _describe(error: BaseException) -> str:
  """What a config raised."""
  if isinstance(error, UserError):
    return str(error)
  if isinstance(error, AttributeError) and isinstance(error.obj, Section):
    names = [field.name for field in dataclasses.fields(error.obj)]
    return unknown_key(str(error.name), names)
  return f"{type(error).__name__}: {error}"


def fail(mistake: str, code: int = UserError.code) -> NoReturn:
  """Prints the one line and exits."""
  print("error:", " ".join(mistake.split()), file=sys.stderr)
  sys.exit(code)


def _check_keys(argv: list[str]) -> None:
  """Refuses --config.KEY for a key that does not exist, with the nearest."""
  known = _fields()
  for argument in argv[1:]:
    match = re.match(r"--?(no)?(\w+)\.([^=]+)", argument)
    if not match:
      continue
    _, flag, name = match.groups()
    if flag != "config" and difflib.get_close_matches(flag, ["config"]):
      raise UserError(
        f"unknown flag --{flag}.{name}; did you mean --config.{name}?"
      )
    if flag == "config":
      _check_key(name, known)


def _check_key(name: str, known: Mapping[str, dataclasses.Field[Any]]) -> None:
  if inside := [key for key in known if key.startswith(f"{name}.")]:
    raise UserError(
      f"config key '{name}' is a section; set one of its keys:"
      f" {', '.join(inside)}"
    )
  if name not in known:
    raise UserError(unknown_key(name, known))
  if typing.get_origin(known[name].type) is dict:
    raise UserError(f"config key '{name}' is {expected(known[name])}")


def _fields() -> dict[str, dataclasses.Field[Any]]:
  """Every key's field, by its dotted name."""
  return {name: field for name, field, _ in walk(Config())}


def _split_lists(argv: list[str]) -> list[str]:
  """Lists of names (a.jsonl=1,b.jsonl=2) as Python, which absl reads them as.

  What looks like Python stays: it is how a name with a comma is given.
  """
  lists = [n for n, field in _fields().items() if field.type == tuple[str, ...]]
  split = list(argv)
  for i, argument in enumerate(argv):
    flag, equals, value = argument.partition("=")
    name = flag.lstrip("-").removeprefix("config.")
    if name not in lists or (not equals and i + 1 == len(argv)):
      continue
    value = value if equals else argv[i + 1]
    if not value.startswith(tuple("([\"'")):
      items = repr(split_names(value))
      split[i if equals else i + 1] = f"{flag}={items}" if equals else items
  return split


def _resolve_config(argv: list[str]) -> list[str]:
  """Lets configs/NAME.py be found where only the package is installed."""
  resolved = list(argv)
  for i, argument in enumerate(argv):
    flag, equals, path = argument.partition("=")
    if flag not in ("--config", "-config"):
      continue
    if not equals and i + 1 == len(argv):
      raise UserError("the flag --config needs a path")
    path, size = _split_size(path if equals else argv[i + 1])
    if not os.path.isfile(path):
      path = _packaged(path)
    resolved[i if equals else i + 1] = (
      f"{flag}={path}{size}" if equals else f"{path}{size}"
    )
  return resolved


def _split_size(path: str) -> tuple[str, str]:
  """FILE.py:SIZE, where config_flags calls get_config(SIZE), in two."""
  name, is_there, size = path.rpartition(".py:")
  return (f"{name}.py", f":{size}") if is_there else (path, "")


def _packaged(path: str) -> str:
  """The packaged file for a path that is not on disk.

  Raises:
    UserError: naming the nearest of the configs there are.
  """
  package = pathlib.Path(str(importlib.resources.files("hybrid_ir")))
  folder = package / "configs"
  if not folder.is_dir():  # a checkout, where they stand beside the package
    folder = package.parent / "configs"
  parts = pathlib.PurePath(path).parts
  candidate = folder.joinpath(
    *parts[1:] if parts[:1] == ("configs",) else parts
  )
  if candidate.is_file():
    return str(candidate)
  names = [
    f"configs/{p.relative_to(folder)}" for p in sorted(folder.rglob("*.py"))
  ]
  near = difflib.get_close_matches(path, names, n=1)
  hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
  raise UserError(f"--config={path}: no such file; {hint}")
