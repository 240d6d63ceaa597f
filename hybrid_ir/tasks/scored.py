"""What a workdir's figures are of: WORKDIR/scored.json, beside results.jsonl.

config.json cannot say it: what is trained or encoded there later rewrites it.
"""

import json
import pathlib
from collections.abc import Collection
from typing import Any

from hybrid_ir.config import Config
from hybrid_ir.config_keys import walk
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import query_values
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.files import write_aside

FILE = "scored.json"
_BY, _CUT = "evaluate.by", "encoder.dimensions"


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


def check_data(
  benchmark: Benchmark,
  workdir: pathlib.Path,
  results: pathlib.Path,
  steps: Collection[int],
) -> None:
  """Refuses data that is not what other steps were scored on.

  Reports subtract the figures of one step from those of another.

  Args:
    benchmark: to be scored.
    workdir: where figures are.
    results: the file of them, for the message.
    steps: those whose figures of the benchmark stay.

  Raises:
    UserError: naming the benchmark and its fingerprints.
  """
  details = query_values.path_of(workdir, benchmark.name)
  then = _fingerprint(details) if steps else ""
  if then and then != benchmark.fingerprint:
    raise UserError(
      f"benchmark {benchmark.name!r}: its texts or judgements are not those on"
      f" which step {', '.join(map(str, sorted(steps)))} was scored: its"
      f" fingerprint is {benchmark.fingerprint}, {then} in {details}; only"
      " steps scored on the same can be compared: put back what was there, give"
      " a data set of your own another name, or remove the lines of"
      f" {benchmark.name!r} from {results}"
    )


def _fingerprint(details: pathlib.Path) -> str:
  """Of what was scored last; "": not known."""
  try:
    return query_values.read(details).fingerprint
  except UserError:  # none, or damaged: scoring writes it anew
    return ""


def is_whole_model(workdir: pathlib.Path) -> bool:
  """Whether the figures are of a model, and nothing of it was cut."""
  stored = _read(workdir)
  return stored.get(_BY, "model") == "model" and not stored.get(_CUT)


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
