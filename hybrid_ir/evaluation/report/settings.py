"""What was asked for: config.json, key by key. Feeds write."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hybrid_ir.evaluation.report.page import Cell, Fold, Section, Table

_ABSENT = "No configuration: config.json is missing or empty."


def config_section(config: Mapping[str, Any]) -> Section:
  """One table of dotted keys and values, in the order of the file."""
  rows = tuple((Cell(key), Cell(value)) for key, value in _flat(config))
  table = Table(
    "Keys and their values as JSON", ("Key", "Value"), rows, names=2
  )
  return Section(
    "configuration",
    "Configuration",
    notes=() if rows else (_ABSENT,),
    folds=(Fold(table.title, (table,)),) if rows else (),
  )


def _flat(
  config: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, str]]:
  for key, value in config.items():
    if isinstance(value, dict) and value:
      yield from _flat(value, f"{prefix}{key}.")
    else:
      yield f"{prefix}{key}", json.dumps(value, ensure_ascii=False)
