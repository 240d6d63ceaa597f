"""A corpus of passages, streamed and checked. From files, to encoding.

A .jsonl line is an object: {"id", "text"} and, where wanted, "language" and
"title". BEIR's files are such, too: "_id" is an id, "metadata" is left out, a
text may be empty where there is a title. A .tsv line is id, tab, text.
"""

import array
import contextlib
import dataclasses
import difflib
import functools
import glob
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from hybrid_ir.data import jsonl
from hybrid_ir.data.brief import brief
from hybrid_ir.data.fields import is_language, text_problem
from hybrid_ir.data.records import with_title
from hybrid_ir.errors import UserError

_TSV = ".tsv"
EXTENSIONS = (".jsonl", _TSV)
_FIELDS = ("id", "text", "language", "title")
_LEFT_OUT = "metadata"


@dataclasses.dataclass(frozen=True, slots=True)
class Passage:
  """What is found by a search."""

  id: str
  language: str
  text: str  # its title included
  where: str = ""  # file and line, for error messages


@dataclasses.dataclass(frozen=True)
class Passages:
  """A finite stream of passages with distinct ids, that can be read again."""

  name: str
  fingerprint: str  # changes when any passage does
  languages: Mapping[str, int]  # code -> how many are in it
  read: Callable[[], Iterator[Passage]]

  def __len__(self) -> int:
    return sum(self.languages.values())


def holds_pairs(path: str) -> bool:
  """Whether a .jsonl file has queries and passages, not a corpus's texts.

  Of a glob, the first file tells.
  """
  file = path if os.path.isfile(path) else next(iter(_matches(path)), path)
  with _named(file):
    for _, fields in jsonl.read_lines(file):
      return bool({"query", "passage"}.intersection(fields))
  return False


def open_file(path: str, language: str) -> Passages:
  """A file of `EXTENSIONS`, every line of it checked before it is used.

  Args:
    path: UTF-8; a byte order mark and blank lines are skipped.
    language: of the texts that do not name theirs; empty: all must.

  Raises:
    UserError: a fault in a line, naming file, line and field; an id that comes
      twice; no passages at all.
  """
  return survey(path, functools.partial(_read, path, language))


def survey(name: str, read: Callable[[], Iterator[Passage]]) -> Passages:
  """Reads a stream once: what it holds, and that no id comes twice.

  Holds 8 bytes a passage.

  Raises:
    UserError: as `read` does; an id that comes twice; no passages at all.
  """
  digest = hashlib.blake2b(digest_size=16)
  languages: Counter[str] = Counter()
  ids = array.array("Q")
  with tqdm(desc=f"{name}: checking", unit=" passages", leave=False) as bar:
    for passage in read():
      digest.update(_content(passage))
      languages[passage.language] += 1
      ids.append(_number(passage.id))
      bar.update()
  if not ids:
    raise UserError(f"{name}: holds no passages; expected one a line")
  numbers = np.sort(np.frombuffer(ids, np.uint64))
  twice = numbers[1:][numbers[1:] == numbers[:-1]]
  if len(twice):
    _refuse_twice(read, set(twice.tolist()))
  return Passages(
    name, digest.hexdigest(), dict(sorted(languages.items())), read
  )


def read_again(corpus: Passages, mend: str) -> Iterator[Passage]:
  """Reads a corpus once more, to be told where it is not what was surveyed.

  Args:
    corpus: as `survey` found it.
    mend: what to do where it is another.

  Yields:
    Its passages, all of them in languages that were there.

  Raises:
    UserError: it was changed; said after the last passage, if not before.
  """
  changed = f"{corpus.name}: was changed while it was encoded; {mend}"
  digest = hashlib.blake2b(digest_size=16)
  for passage in corpus.read():
    if passage.language not in corpus.languages:
      raise UserError(changed)
    digest.update(_content(passage))
    yield passage
  if digest.hexdigest() != corpus.fingerprint:
    raise UserError(changed)


def _content(passage: Passage) -> bytes:
  """What a fingerprint is made of."""
  content = [passage.id, passage.language, passage.text]
  return json.dumps(content).encode()


def _number(id: str) -> int:
  digest = hashlib.blake2b(id.encode(), digest_size=8).digest()
  return int.from_bytes(digest, "little")


def _refuse_twice(
  read: Callable[[], Iterator[Passage]], numbers: set[int]
) -> None:
  """Raises UserError where ids are the same, not their numbers alone."""
  first: dict[str, str] = {}
  for passage in read():
    if _number(passage.id) in numbers:
      if passage.id in first:
        raise UserError(
          f"{passage.where}: id {brief(passage.id)} stands already at"
          f" {first[passage.id]}; expected each id once"
        )
      first[passage.id] = passage.where


def _read(path: str, language: str) -> Iterator[Passage]:
  is_tsv = path.endswith(_TSV)
  lines = _tsv_lines if is_tsv else jsonl.read_lines
  with _named(path):
    for number, fields in lines(path):
      where = f"{path}:{number}"
      if is_tsv and not language:
        raise UserError(
          f"{where}: a .tsv line has no language; name that of all lines in"
          " config key 'encode.language'"
        )
      if isinstance(fields, str):
        raise UserError(f"{where}: {fields}")
      yield _passage(fields, language, where)


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
  """Names the file that cannot be read."""
  try:
    yield
  except OSError as error:
    if not os.path.exists(path) and _matches(path):
      raise UserError(
        f"config key 'encode.corpus' is {path!r}, a glob; passages are read"
        " from one .jsonl or .tsv file: join the files into one and name that"
      ) from None
    raise UserError(
      f"config key 'encode.corpus' is {path!r}: cannot be read"
      f" ({error.strerror}); name a .jsonl or .tsv file"
    ) from None


def _matches(pattern: str) -> list[str]:
  """A glob's files, in order."""
  found = glob.glob(pattern, recursive=True)
  return sorted(file for file in found if os.path.isfile(file))


def _tsv_lines(path: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
  """Yields as `jsonl.read_lines` does."""
  with open(path, "rb") as lines:
    for number, line in enumerate(lines, 1):
      try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
      except UnicodeDecodeError as error:
        yield (
          number,
          f"not UTF-8 at byte {error.start + 1} of the line"
          f" ({line[error.start]:#04x}); save the file as UTF-8",
        )
        continue
      columns = text.rstrip("\r\n").split("\t")
      if not text.strip():
        continue
      if len(columns) == 2:
        yield number, {"id": columns[0], "text": columns[1]}
      else:
        tabs = len(columns) - 1
        yield number, f"expected an id, one tab and a text, got {tabs} tabs"


def _passage(stored: dict[str, Any], language: str, where: str) -> Passage:
  """Checks the fields' names, types and values."""
  fields = {name: v for name, v in stored.items() if name != _LEFT_OUT}
  if "_id" in fields and "id" not in fields:  # as BEIR has it
    fields["id"] = fields.pop("_id")
  for name in fields:
    if name not in _FIELDS:
      raise UserError(f"{where}: unknown field {brief(name)}; {_hint(name)}")
  for name in ("id", "text"):
    if name not in fields:
      raise UserError(f"{where}: {name}: missing; expected a text")
  title = fields.get("title", "")
  for name, value in fields.items():
    may_be_empty = name == "title" or (name == "text" and title)
    if may_be_empty and value == "":
      continue
    if problem := text_problem(value):
      raise UserError(f"{where}: {name}: {problem}")
  code = fields.get("language", language)
  if not code:
    raise UserError(
      f"{where}: language: missing; name it in every line, or once for all in"
      " config key 'encode.language'"
    )
  if not is_language(code):
    raise UserError(
      f"{where}: language: unknown code {brief(code)}; expected a code of CLDR,"
      ' such as "en" or "zh"'
    )
  text = with_title(title, fields["text"]) if fields["text"] else title
  return Passage(fields["id"], code, text, where)


def _hint(name: str) -> str:
  if near := difflib.get_close_matches(name, _FIELDS, n=1):
    return f'did you mean "{near[0]}"?'
  return f"expected {', '.join(_FIELDS)}"
