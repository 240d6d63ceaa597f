"""Parquet rows to fields, streamed. From a user's files, to `own_files`.

The only importer of `pyarrow`.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hybrid_ir.data.fields import FIELDS, REQUIRED, unknown_field
from hybrid_ir.errors import UserError

_ROWS_AT_ONCE = 256
_BLOCK = 1 << 20  # bytes read ahead of a column


def read_rows(file: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
  """Yields each row's number, from 1, and its fields or what is wrong.

  What is wrong with the columns has the number 0, and no rows follow. A null
  is a field that the record does not have.

  Raises:
    UserError: not a Parquet file, or a damaged one.
    OSError: the file cannot be read.
  """
  with open(file, "rb") as opened, _damage(file):
    # Unbuffered, a whole row group would be held at once.
    table = pq.ParquetFile(opened, buffer_size=_BLOCK, pre_buffer=False)
    faults = list(_column_problems(table))
    yield from ((0, fault) for fault in faults)
    if faults:
      return
    number = 0
    for batch in table.iter_batches(_ROWS_AT_ONCE):
      for fields in _to_python(batch):
        number += 1
        yield number, fields


@contextlib.contextmanager
def _damage(file: str) -> Iterator[None]:
  """What pyarrow says of a damaged file, as one line."""
  try:
    yield
  except (pa.ArrowException, OSError) as error:  # some are bare OSErrors
    reason = " ".join(str(error).split())
    raise UserError(
      f"{file}: not a whole Parquet file ({reason}); write it again"
    ) from None


def _column_problems(table: Any) -> Iterator[str]:
  schema = table.schema_arrow
  names = schema.names
  for name in sorted(set(names)):
    if name not in FIELDS:
      yield f"column: {unknown_field(name)}"
    elif names.count(name) > 1:
      yield f"column {name}: stands {names.count(name)} times; expected once"
    else:
      kind = schema.field(name).type
      expected, is_expected = {
        "negatives": ("list<string>", _is_list_of(kind, _is_text)),
        "scores": ("list<double>", _is_list_of(kind, _is_number)),
      }.get(name, ("string", _is_text(kind)))
      if not is_expected and not _is_empty(table, name):
        yield f"column {name}: of type {kind}; expected {expected}"
  for name in REQUIRED:
    if name not in names:
      yield f"column {name}: missing; expected one of type string"


def _is_empty(table: Any, name: str) -> bool:
  """Whether a column is null in every row: no type says what it would hold.

  Pandas writes a column of NaN as nulls of type double.
  """
  return all(
    batch.column(0).null_count == batch.num_rows
    for batch in table.iter_batches(_ROWS_AT_ONCE, columns=[name])
  )


def _is_text(kind: Any) -> bool:
  if pa.types.is_dictionary(kind):  # pandas' categories
    kind = kind.value_type
  return bool(
    pa.types.is_string(kind)
    or pa.types.is_large_string(kind)
    or pa.types.is_string_view(kind)
    or pa.types.is_null(kind)  # a column without any value
  )


def _is_number(kind: Any) -> bool:
  return bool(
    pa.types.is_floating(kind)
    or pa.types.is_integer(kind)
    or pa.types.is_null(kind)
  )


def _is_list_of(kind: Any, is_item: Any) -> bool:
  is_list = (
    pa.types.is_list(kind)
    or pa.types.is_large_list(kind)
    or pa.types.is_fixed_size_list(kind)
  )
  return bool(pa.types.is_null(kind) or (is_list and is_item(kind.value_type)))


def _to_python(batch: Any) -> Iterator[dict[str, Any] | str]:
  """The rows of a batch; Parquet does not promise that texts are UTF-8."""
  try:
    rows = batch.to_pylist()
  except UnicodeDecodeError:
    for i in range(batch.num_rows):
      try:
        rows = batch.slice(i, 1).to_pylist()
      except UnicodeDecodeError as error:
        yield f"not UTF-8 ({error.reason}); expected texts in UTF-8"
      else:
        yield from map(_present, rows)
  else:
    yield from map(_present, rows)


def _present(row: dict[str, Any]) -> dict[str, Any]:
  return {name: value for name, value in row.items() if value is not None}
