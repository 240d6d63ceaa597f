"""A user's own records, streamed. From JSON lines, to the corpus.

A line is an object: {"id", "language", "query", "passage"} and, where wanted,
"negatives" (a list of passages), "group" and "split" (else "train"). Lines of
one id in several languages are translations of each other.
"""

import difflib
import glob
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from hybrid_ir.data import cldr
from hybrid_ir.data.brief import brief
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError

_REQUIRED = ("id", "language", "query", "passage")
_FIELDS = (*_REQUIRED, "negatives", "group", "split")
_DEFAULT_SPLIT = "train"
_BOM = b"\xef\xbb\xbf"  # some editors start UTF-8 files with it
_BLOCK = 1 << 20  # bytes read at once
_MAX_LINES = 1 << 40  # a file's, at most


def read(path: str, split: str | None) -> Iterator[Record]:
  """Yields the records of one split (None: of all), checking every line.

  Args:
    path: a file, or a glob whose files are read in the order of their names.
      They are UTF-8; a byte order mark and blank lines are skipped.
    split: which records to yield; a line without the field is of "train".

  Raises:
    UserError: a fault in a line, naming file, line and field; an id that comes
      twice in a language; a split without records.
  """
  files = _files(path)
  seen = _Seen(files)
  splits: Counter[str] = Counter()
  for i, file in enumerate(files):
    for line, text in _lines(file):
      where = f"{file}:{line}"
      fields = _fields(text, where)
      seen.add(fields["id"], fields["language"], i, line)
      name = fields.get("split", _DEFAULT_SPLIT)
      splits[name] += 1
      if split is None or split == name:
        yield Record(
          id=fields["id"],
          language=fields["language"],
          query=fields["query"],
          passage=fields["passage"],
          where=where,
          negatives=tuple(fields.get("negatives", ())),
          group=fields.get("group", ""),
        )
  if not splits:
    raise UserError(f"{path}: holds no records; expected a JSON object a line")
  if split is not None and split not in splits:
    there = ", ".join(f"{brief(s)} ({splits[s]})" for s in sorted(splits))
    raise UserError(
      f"{path}: no record is of split {brief(split)}; there is {there}"
    )


def fingerprint(path: str) -> str:
  """The content's sha256 in hex: of the files in order, a line break between.

  Raises:
    UserError: no such file.
  """
  digest = hashlib.sha256()
  for i, name in enumerate(_files(path)):
    if i:
      digest.update(b"\n")
    with _open(name) as file:
      while block := file.read(_BLOCK):
        digest.update(block)
  return digest.hexdigest()


class _Seen:
  """Where each id stands in each language: a digest and a number a record."""

  def __init__(self, files: list[str]):
    self._files = files
    self._first: dict[bytes, int] = {}

  def add(self, id: str, language: str, file: int, line: int) -> None:
    """Raises UserError where the id was added before in this language."""
    digest = hashlib.blake2b(f"{language}\0{id}".encode(), digest_size=16)
    place = file * _MAX_LINES + line
    first = self._first.setdefault(digest.digest(), place)
    if first != place:
      first_file, first_line = divmod(first, _MAX_LINES)
      raise UserError(
        f"{self._files[file]}:{line}: id {brief(id)} in language {language}"
        f" stands already at {self._files[first_file]}:{first_line}; expected"
        " an id once a language"
      )


def _files(path: str) -> list[str]:
  if os.path.isfile(path):
    return [path]
  if os.path.isdir(path):
    raise UserError(
      f"{path}: is a folder; expected a file or a glob, such as {path}/*.jsonl"
    )
  files = sorted(name for name in glob.glob(path) if os.path.isfile(name))
  if not files:
    raise UserError(
      f"{path}: no such file; expected the path of a JSON lines file, or a glob"
    )
  return files


def _open(name: str) -> BinaryIO:
  try:
    return open(name, "rb")
  except OSError as e:
    raise UserError(f"{name}: cannot be read ({e.strerror})") from None


def _lines(name: str) -> Iterator[tuple[int, str]]:
  """Yields the lines that are not blank, with their numbers from 1."""
  with _open(name) as file:
    for number, line in enumerate(file, 1):
      if number == 1:
        line = line.removeprefix(_BOM)
      try:
        text = line.decode("utf-8")
      except UnicodeDecodeError as e:
        raise UserError(
          f"{name}:{number}: not UTF-8 at byte {e.start + 1} of the line"
          f" ({line[e.start]:#04x}); save the file as UTF-8"
        ) from None
      if text.strip():
        yield number, text


def _fields(text: str, where: str) -> dict[str, Any]:
  """Parses a line and checks its fields' names, types and values."""
  try:
    fields = json.loads(text, object_pairs_hook=_once)
  except json.JSONDecodeError as e:
    raise UserError(
      f"{where}: malformed JSON at column {e.colno} ({e.msg}); expected an"
      " object a line"
    ) from None
  except (ValueError, RecursionError) as e:  # twice a field, too long, too deep
    raise UserError(f"{where}: malformed JSON ({e})") from None
  if not isinstance(fields, dict):
    raise UserError(f"{where}: expected a JSON object, got {brief(fields)}")
  for name in fields:
    if name not in _FIELDS:
      raise UserError(f"{where}: unknown field {brief(name)}; {_hint(name)}")
  for name in _REQUIRED:
    if name not in fields:
      raise UserError(f"{where}: {name}: missing; expected a text")
  for name, value in fields.items():
    if name != "negatives":
      _check_text(value, f"{where}: {name}")
    elif not isinstance(value, list):
      raise UserError(
        f"{where}: negatives: expected a list of texts, got {brief(value)}"
      )
    else:
      for i, negative in enumerate(value):
        _check_text(negative, f"{where}: negatives[{i}]")
  if not cldr.is_language(fields["language"]):
    raise UserError(
      f"{where}: language: unknown code {brief(fields['language'])}; expected"
      ' a code of CLDR, such as "en" or "zh"'
    )
  return fields


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  fields = dict(pairs)
  if len(fields) < len(pairs):
    twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
    raise ValueError(f"the field {brief(twice)} stands twice")
  return fields


def _hint(name: str) -> str:
  if near := difflib.get_close_matches(name, _FIELDS, n=1):
    return f'did you mean "{near[0]}"?'
  return f"expected {', '.join(_FIELDS)}"


def _check_text(value: object, where: str) -> None:
  if not isinstance(value, str):
    raise UserError(f"{where}: expected a text, got {brief(value)}")
  if not value.strip():
    raise UserError(f"{where}: empty; expected a text")
  try:
    value.encode("utf-8")
  except UnicodeEncodeError:
    raise UserError(
      f"{where}: {brief(value)} holds half of a \\u surrogate pair; expected"
      " whole characters"
    ) from None
