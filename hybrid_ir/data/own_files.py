"""A user's own records: JSON lines or Parquet. To the corpus, and check_data.

A line or row is a record: {"id", "language", "query", "passage"} and, where
wanted, the other fields of `fields.FIELDS`. Records of one id in several
languages are translations of each other. See docs/own_data.md.
"""

import functools
import glob
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from hybrid_ir.data import jsonl
from hybrid_ir.data.brief import brief
from hybrid_ir.data.fields import Fault, Row, is_language, make_row, problems
from hybrid_ir.data.places import Places
from hybrid_ir.data.records import Record, Source
from hybrid_ir.errors import UserError

_PARQUET = ".parquet"
_SUFFIXES = (".jsonl", _PARQUET)
_BLOCK = 1 << 20  # bytes read at once
_MAX_LINES = 1 << 40  # a file's, at most


def is_own(name: str) -> bool:
  """Whether a data set's name is a path (or glob) of a user's files."""
  return name.endswith(_SUFFIXES)


def open_own(name: str, split: str, languages: Sequence[str]) -> Source:
  """A user's files as a source.

  Args:
    name: a path, or a glob whose files are read in the order of their names.
    split: which records to yield, "" for all; a record without the field is
      of "train".
    languages: records of other languages are left out; empty: none are.

  Raises:
    UserError: no such file. When read: a fault, naming file, line and field.
  """
  path = os.path.expanduser(name)
  kept = sorted(set(languages))
  return Source(
    name,
    "/".join([_fingerprint(path), split, *kept]),
    functools.partial(_read, path, split, frozenset(kept)),
  )


def read_rows(path: str) -> Iterator[Row | Fault]:
  """Yields every record of every split, and every fault where it stands.

  Each fault of a line is one of its own; after those of a line, the next one
  is read.

  Raises:
    UserError: no such file, or one that cannot be read to its end.
  """
  files = _files(path)
  checks = _Across(files)
  empty = True
  for i, file in enumerate(files):
    for number, fields in _raw(file):
      empty = False
      where = _where(file, number)
      if isinstance(fields, str):
        yield Fault(where, fields)
        continue
      found = [*problems(fields), *checks.problems(fields, i, number)]
      if found:
        yield from (Fault(where, problem) for problem in found)
      else:
        yield make_row(fields, where)
  if empty:
    yield Fault(path, "holds no records; expected a record a line")


def _read(path: str, split: str, languages: frozenset[str]) -> Iterator[Record]:
  """Yields a split's records in some languages, checking all lines.

  Raises:
    UserError: at the first fault; a split without records, or without any in
      these languages.
  """
  splits: Counter[str] = Counter()
  spoken: Counter[str] = Counter()
  for row in read_rows(path):
    if isinstance(row, Fault):
      raise UserError(str(row))
    splits[row.split] += 1
    if split and split != row.split:
      continue
    spoken[row.record.language] += 1
    if not languages or row.record.language in languages:
      yield row.record
  if split and split not in splits:
    raise UserError(
      f"{path}: no record is of split {brief(split)}; there is"
      f" {_counts(splits)}"
    )
  if languages and not languages & spoken.keys():
    raise UserError(
      f"{path}: no record is in a language of {', '.join(sorted(languages))}"
      f" ('data.languages'); there is {_counts(spoken)}"
    )


class _Across:
  """What records owe to each other: ids once a language, instructions."""

  def __init__(self, files: Sequence[str]):
    self._files = files
    self._places = Places()
    self._instructed: bool | None = None  # the first record: has one
    self._first = ""

  def problems(
    self, fields: dict[str, Any], file: int, number: int
  ) -> Iterator[str]:
    """What is wrong with a record beside those before it."""
    id_, language = fields.get("id"), fields.get("language")
    if isinstance(id_, str) and is_language(language):
      place = file * _MAX_LINES + number
      first = self._places.first(f"{language}\0{id_}", place)
      if first != place:
        yield (
          f"id {brief(id_)} in language {language} stands already at"
          f" {self._name(first)}; expected an id once a language"
        )
    instructed = "instruction" in fields
    if self._instructed is None:
      self._instructed = instructed
      self._first = _where(self._files[file], number)
    elif instructed != self._instructed:
      this, other = ("one", "none") if instructed else ("none", "one")
      yield (
        f"instruction: there is {this} here, but {other} at {self._first};"
        " expected one in every record of a data set, or in none"
      )

  def _name(self, place: int) -> str:
    file, number = divmod(place, _MAX_LINES)
    return _where(self._files[file], number)


def _raw(file: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
  """A file's lines or rows, by number from 1 (0: the file as a whole)."""
  try:
    if file.endswith(_PARQUET):
      # Here, so that nobody else waits for pyarrow to be imported.
      from hybrid_ir.data import parquet

      yield from parquet.read_rows(file)
    else:
      yield from jsonl.read_lines(file)
  except OSError as error:
    raise _unreadable(file, error) from None


def _where(file: str, number: int) -> str:
  if not number:
    return file
  if file.endswith(_PARQUET):
    return f"{file}, row {number}"
  return f"{file}:{number}"


def _fingerprint(path: str) -> str:
  """The content's sha256 in hex: of the files in order, a line break between.

  Raises:
    UserError: no such file.
  """
  digest = hashlib.sha256()
  for i, name in enumerate(_files(path)):
    if i:
      digest.update(b"\n")
    try:
      with open(name, "rb") as file:
        while block := file.read(_BLOCK):
          digest.update(block)
    except OSError as error:
      raise _unreadable(name, error) from None
  return digest.hexdigest()


def _files(path: str) -> list[str]:
  if os.path.isfile(path):
    return [path]
  if os.path.isdir(path):
    raise is_folder(path)
  found = glob.glob(path, recursive=True)
  files = sorted(name for name in found if os.path.isfile(name))
  if not files:
    raise UserError(
      f"{path}: no such file; expected the path of a .jsonl or .parquet file,"
      " or a glob"
    )
  return files


def is_folder(path: str) -> UserError:
  """Says what to name in a folder's place."""
  parquet = glob.glob(os.path.join(glob.escape(path), f"*{_PARQUET}"))
  pattern = os.path.join(path, f"*{_PARQUET if parquet else _SUFFIXES[0]}")
  return UserError(
    f"{path}: is a folder; expected a file or a glob, such as {pattern}"
  )


def _unreadable(file: str, error: OSError) -> UserError:
  return UserError(f"{file}: cannot be read ({error.strerror or error})")


def _counts(counter: Counter[str]) -> str:
  return ", ".join(
    f"{brief(name)} ({counter[name]})" for name in sorted(counter)
  )
