"""Queries from a prompt or a pipe, answers to a terminal. For task=search."""

import contextlib
import importlib
import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval.index import Hit

PROMPT = "query> "
_READ = 1 << 16  # bytes at once
_BOM = b"\xef\xbb\xbf"


def note(message: str) -> None:
  """To stderr, as stdout holds answers."""
  print(message, file=sys.stderr, flush=True)


def typed() -> Iterator[str]:
  """Yields what is typed at the prompt, to its end (Ctrl-D)."""
  # Line editing and the lines before, where Python was built with it.
  with contextlib.suppress(ImportError):
    importlib.import_module("readline")
  while True:
    if not sys.stdout.isatty():  # then input() would write the prompt there
      print(PROMPT, end="", file=sys.stderr, flush=True)
    try:
      yield input(PROMPT if sys.stdout.isatty() else "")
    except EOFError:
      note("")
      return
    except UnicodeDecodeError:
      note("not UTF-8; type the query again")


def lines(file: int) -> Iterator[list[bytes]]:
  """Yields a pipe's lines as they come: at once what one read finds.

  So a file's queries are answered many at a time, and a program that waits for
  each answer gets it.

  Args:
    file: descriptor.
  """
  rest = b""
  while chunk := os.read(file, _READ):
    *whole, rest = (rest + chunk).split(b"\n")
    if whole:
      yield whole
  if rest:
    yield [rest]


def decode(line: bytes) -> str:
  """A line's query.

  Raises:
    UserError: it is none.
  """
  try:
    query = line.removeprefix(_BOM).decode("utf-8").strip()
  except UnicodeDecodeError as error:
    raise UserError(
      f"not UTF-8 at byte {error.start + 1} of the line; save it as UTF-8"
    ) from None
  if not query:
    raise UserError("empty; expected a query")
  return query


def as_json(query: str, hits: Sequence[Hit]) -> str:
  """One line, for scripts."""
  found = [
    {
      "rank": hit.rank,
      "score": round(hit.score, 6),
      "id": hit.id,
      "language": hit.language,
      "text": hit.text,
    }
    for hit in hits
  ]
  return json.dumps({"query": query, "hits": found}, ensure_ascii=False)


def as_table(hits: Sequence[Hit]) -> str:
  """A line a hit; on a terminal, cut at its width."""
  if not hits:
    return "nothing found"
  cells = [
    (
      str(hit.rank),
      f"{hit.score:.4f}",
      hit.language,
      flat(hit.id),
      flat(hit.text),
    )
    for hit in hits
  ]
  widths = [max(_width(row[i]) for row in cells) for i in range(4)]
  rows = []
  for rank, score, language, id, text in cells:
    row = "  ".join(
      (
        rank.rjust(widths[0]),
        score.rjust(widths[1]),
        _pad(language, widths[2]),
        _pad(id, widths[3]),
        text,
      )
    )
    if sys.stdout.isatty():
      row = shorten(row, shutil.get_terminal_size().columns)
    rows.append(row)
  return "\n".join(rows)


def flat(text: str) -> str:
  """On one line, without what would steer the terminal."""
  one_line = re.sub(r"\s+", " ", text)
  return "".join(
    " " if unicodedata.category(c) == "Cc" else c for c in one_line
  ).strip()


def shorten(text: str, columns: int) -> str:
  """What fits, with an ellipsis where something was cut."""
  if _width(text) <= columns:
    return text
  room = columns - 1
  kept = []
  for character in text:
    room -= _width(character)
    if room < 0:
      break
    kept.append(character)
  return "".join(kept) + "…"


def _pad(text: str, width: int) -> str:
  return text + " " * (width - _width(text))


def _width(text: str) -> int:
  """Columns on a terminal: two for wide characters, none for marks."""
  return sum(
    0
    if unicodedata.combining(c)
    else 2
    if unicodedata.east_asian_width(c) in "WF"
    else 1
    for c in text
  )
