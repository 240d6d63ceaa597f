"""What a workdir's figures are of: WORKDIR/scored.json, beside results.jsonl.

config.json cannot say it: what is trained or encoded there later rewrites it.
"""

import json
import pathlib
from typing import Any

from hybrid_ir.config import Config
from hybrid_ir.config_keys import walk
from hybrid_ir.errors import UserError
from hybrid_ir.files import write_aside

FILE = "scored.json"
_CUT = "encoder.dimensions"


def write(config: Config, workdir: pathlib.Path) -> None:
  """Says what is scored, before its first figure is written."""
  with write_aside(workdir / FILE) as aside:
    aside.write_text(json.dumps(_keys(config), indent=2) + "\n")


def check(config: Config, workdir: pathlib.Path, results: pathlib.Path) -> None:
  """Refuses other figures beside those that there are.

  Reports and comparisons take a workdir's figures for those of one system.

  Args:
    config: of what is to be scored.
    workdir: where figures are.
    results: the file of them, for the message.

  Raises:
    UserError: naming the key that differs.
  """
  stored = _read(workdir)
  for key, now in _keys(config).items():
    then = stored.get(key, now)
    if now != then:
      export = ", with encoder.path a folder that task=export wrote"
      mend = export if key == _CUT else ""
      raise UserError(
        f"config key '{key}' is {now!r}, but {results} has figures with"
        f" {then!r}; name another --workdir{mend}"
      )


def is_whole(workdir: pathlib.Path) -> bool:
  """Whether the figures are of embeddings of which nothing was cut."""
  return not _read(workdir).get(_CUT)


def _keys(config: Config) -> dict[str, Any]:
  return {
    name: value
    for name, field, value in walk(config)
    if field.metadata["figures"]
  }


def _read(workdir: pathlib.Path) -> dict[str, Any]:
  """Empty for figures of a version that did not write it."""
  path = workdir / FILE
  if not path.exists():
    return {}
  try:
    stored: dict[str, Any] = json.loads(path.read_text())
  except ValueError as error:
    raise UserError(f"{path}: not JSON: {error}") from None
  return stored
