"""Lines of JSON to fields, streamed. From a user's files, to their readers."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hybrid_ir.data.brief import brief

_BOM = b"\xef\xbb\xbf"  # some editors start UTF-8 files with it


def read_lines(file: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
  """Yields each line's number, from 1, and its fields or what is wrong.

  The file is UTF-8; a byte order mark and blank lines are skipped. The fields'
  names and values are not looked at here.

  Raises:
    OSError: the file cannot be read.
  """
  with open(file, "rb") as lines:
    for number, line in enumerate(lines, 1):
      if number == 1:
        line = line.removeprefix(_BOM)
      try:
        text = line.decode("utf-8")
      except UnicodeDecodeError as e:
        yield (
          number,
          f"not UTF-8 at byte {e.start + 1} of the line"
          f" ({line[e.start]:#04x}); save the file as UTF-8",
        )
        continue
      if text.strip():
        yield number, _parse(text)


def _parse(text: str) -> dict[str, Any] | str:
  try:
    fields = json.loads(text, object_pairs_hook=_once)
  except json.JSONDecodeError as e:
    return (
      f"malformed JSON at column {e.colno} ({e.msg}); expected an object a line"
    )
  except (ValueError, RecursionError) as e:  # twice a field, too long, too deep
    return f"malformed JSON ({e})"
  if not isinstance(fields, dict):
    return f"expected a JSON object, got {brief(fields)}"
  return fields


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  fields = dict(pairs)
  if len(fields) < len(pairs):
    twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
    raise ValueError(f"the field {brief(twice)} stands twice")
  return fields
