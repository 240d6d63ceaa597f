"""What every query retrieved first, on disk. From evaluate, to comparisons."""

import dataclasses
import gzip
import json
import math
import os
import zlib
from collections.abc import Collection, Iterable

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.examples import Example
from hybrid_ir.evaluation.report.decode import decode
from hybrid_ir.files import write_aside

SUFFIX = ".queries.jsonl.gz"  # after the benchmark's name, in details/


def write(path: str | os.PathLike[str], examples: Iterable[Example]) -> None:
  """Writes a line of JSON a query, complete or absent.

  The same bytes for the same examples: no time, no name is in the file.

  Args:
    path: of the file.
    examples: a query each; a score that is not finite is written as null.
  """
  with (
    write_aside(path) as aside,
    open(aside, "wb") as raw,
    gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file,
  ):
    for example in examples:
      line = json.dumps(_plain(example), ensure_ascii=False, allow_nan=False)
      file.write(f"{line}\n".encode())


def _plain(example: Example) -> dict[str, object]:
  value = dataclasses.asdict(example)
  for hit in value["hits"]:
    score = hit["score"]
    if score is not None and not math.isfinite(score):
      hit["score"] = None
  return value


def read(
  path: str | os.PathLike[str], query_ids: Collection[str]
) -> dict[str, Example]:
  """Reads what `write` wrote of some queries.

  Args:
    path: of the file; where there is none, nothing is found.
    query_ids: of the queries; others' lines are passed over.

  Returns:
    Query id -> its example, of those that are there.

  Raises:
    UserError: a file that is cut short or not of this kind.
  """
  wanted = set(query_ids)
  found: dict[str, Example] = {}
  try:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
      for number, line in enumerate(file, start=1):
        where = f"{path}:{number}"
        value = _object(line, where)
        if value["query_id"] in wanted:
          example = decode(Example, value, where)
          found[example.query_id] = example
  except FileNotFoundError:
    return {}
  except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
    raise UserError(
      f"{path}: not a whole file of queries ({error}); run task=evaluate again"
    ) from None
  return found


def _object(line: str, where: str) -> dict[str, object]:
  try:
    value = json.loads(line)
  except json.JSONDecodeError:
    value = None
  if not isinstance(value, dict) or "query_id" not in value:
    raise UserError(f"{where}: not a query; run task=evaluate again")
  return value
