"""A record's fields, checked. From formats of files, to whoever reads them."""

import dataclasses
import difflib
import functools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from hybrid_ir.data import cldr
from hybrid_ir.data.brief import brief
from hybrid_ir.data.records import Record, with_title

REQUIRED = ("id", "language", "query", "passage")
LISTS = ("negatives", "scores")
FIELDS = (*REQUIRED, "title", "group", "split", "instruction", *LISTS)
SPLITS = ("train", "dev", "test")  # the first is the default


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
  """A line without a fault."""

  record: Record
  split: str


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
  """What is wrong with a line (or with a file), in one line."""

  where: str
  problem: str

  def __str__(self) -> str:
    return f"{self.where}: {self.problem}"


def unknown_field(name: str) -> str:
  """What to say of a field that no record has."""
  if near := difflib.get_close_matches(name, FIELDS, n=1):
    return f'unknown field {brief(name)}; did you mean "{near[0]}"?'
  return f"unknown field {brief(name)}; expected {', '.join(FIELDS)}"


def problems(fields: Mapping[str, Any]) -> Iterator[str]:
  """Everything that is wrong with the fields of one record: nothing, if none.

  Args:
    fields: names to values, as JSON has them. A field that the record does
      not have is not there.
  """
  for name in fields:
    if name not in FIELDS:
      yield unknown_field(name)
  for name in REQUIRED:
    if name not in fields:
      yield f"{name}: missing; expected a text"
  for name, value in fields.items():
    if name in LISTS:
      if not isinstance(value, list):
        kind = "texts" if name == "negatives" else "numbers"
        yield f"{name}: expected a list of {kind}, got {brief(value)}"
        continue
      check = text_problem if name == "negatives" else _number_problem
      for i, item in enumerate(value):
        if problem := check(item):
          yield f"{name}[{i}]: {problem}"
    elif name in FIELDS and (problem := text_problem(value)):
      yield f"{name}: {problem}"
  language = fields.get("language")
  if not text_problem(language) and not is_language(language):
    yield (
      f"language: unknown code {brief(language)}; expected a code of CLDR, such"
      ' as "en" or "zh"'
    )
  split = fields.get("split", SPLITS[0])
  if not text_problem(split) and split not in SPLITS:
    yield f"split: {brief(split)}; expected one of {', '.join(SPLITS)}"
  yield from _negative_problems(fields)
  yield from _count_problem(fields)


def make_row(fields: Mapping[str, Any], where: str) -> Row:
  """The record of fields in which `problems` found none.

  Its title becomes a part of the passage (`records.with_title`); negatives
  stay as they are.
  """
  record = Record(
    id=fields["id"],
    language=fields["language"],
    query=fields["query"],
    passage=with_title(fields.get("title", ""), fields["passage"]),
    where=where,
    negatives=tuple(fields.get("negatives", ())),
    group=fields.get("group", ""),
    scores=tuple(float(score) for score in fields.get("scores", ())),
    instruction=fields.get("instruction", ""),
  )
  return Row(record, fields.get("split", SPLITS[0]))


def text_problem(value: object) -> str:
  """What is wrong with a text; "": nothing."""
  if not isinstance(value, str):
    return f"expected a text, got {brief(value)}"
  if not value.strip():
    return "empty; expected a text"
  try:
    value.encode("utf-8")
  except UnicodeEncodeError:
    return (
      f"{brief(value)} holds half of a \\u surrogate pair; expected whole"
      " characters"
    )
  return ""


def is_language(value: object) -> bool:
  """Whether a value is a code that CLDR knows."""
  return isinstance(value, str) and _is_language(value)


@functools.lru_cache(maxsize=1024)
def _is_language(code: str) -> bool:
  return cldr.is_language(code)


def _number_problem(value: object) -> str:
  try:
    if (
      isinstance(value, int | float)
      and not isinstance(value, bool)
      and math.isfinite(value)
    ):
      return ""
  except OverflowError:  # a whole number that no float holds
    pass
  return f"expected a finite number, got {brief(value)}"


def _negative_problems(fields: Mapping[str, Any]) -> Iterator[str]:
  """Each negative is another text than the passage and those before it."""
  negatives, title = fields.get("negatives"), fields.get("title", "")
  passage = fields.get("passage")
  if not isinstance(negatives, list):
    return
  if isinstance(passage, str) and isinstance(title, str):
    passage = with_title(title, passage)
  first: dict[str, int] = {}
  for i, negative in enumerate(negatives):
    if not isinstance(negative, str):
      continue
    if negative == passage:
      yield f"negatives[{i}]: is the record's own passage; leave it out"
    if first.setdefault(negative, i) < i:
      yield (
        f"negatives[{i}]: stands already as negatives[{first[negative]}];"
        " expected each once"
      )


def _count_problem(fields: Mapping[str, Any]) -> Iterator[str]:
  """A teacher scores the passage and each of the negatives, in this order."""
  scores, negatives = fields.get("scores"), fields.get("negatives", [])
  if not isinstance(scores, list) or not isinstance(negatives, list):
    return
  expected = 1 + len(negatives)
  if len(scores) != expected:
    yield (
      f"scores: {len(scores)} numbers, expected {expected}: of the passage,"
      f" then of each of the {len(negatives)} negatives"
    )
