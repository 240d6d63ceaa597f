"""A workdir's files to typed values. Takes JSON; feeds the sections."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Iterator
from typing import Any

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.examples import Example
from hybrid_ir.evaluation.report.decode import decode
from hybrid_ir.evaluation.results import RESULTS


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
  """A line of results.jsonl: one figure and what it was measured on."""

  system: str
  seed: int
  benchmark: str
  unit: str
  setting: str  # mono, cross, multi
  query_language: str  # a code; `*`: macro mean; `micro`: mean over queries
  passage_language: str  # a code; `all` is the pool; `*` is the macro mean
  measure: str
  value: float
  queries: int
  dropped: int
  candidates: int
  step: int
  search: str  # exact, scann, run


@dataclasses.dataclass(frozen=True, slots=True)
class TrainingPoint:
  """A line of metrics.jsonl that the loop wrote while training."""

  step: int
  loss: float
  learning_rate: float
  pairs_per_s: float
  tokens_per_s: float
  real_token_share: float  # real tokens / all positions, 0 to 1
  kind: str  # mono, cross: the kind of the step's batch


@dataclasses.dataclass(frozen=True, slots=True)
class DevPoint:
  """A line of metrics.jsonl that a dev evaluation wrote."""

  step: int
  dev: dict[str, float]  # measure -> value


@dataclasses.dataclass(frozen=True, slots=True)
class Details:
  """details/BENCHMARK.json: what is no single figure."""

  benchmark: str
  step: int
  languages: tuple[str, ...]  # L
  top10_language_share: tuple[tuple[float | None, ...], ...]
  # [L query, L passage]; null: a language without queries
  pool_language_share: tuple[float, ...]  # [L]
  examples: tuple[Example, ...]
  licence_note: str | None = None
  first_language: tuple[tuple[float | None, ...], ...] = ()
  # [L query, L passage]: whose gold comes first; empty: not measured
  left_out: tuple[str, ...] = ()  # of the benchmark or the system, and why


@dataclasses.dataclass(frozen=True, slots=True)
class Workdir:
  """All that a report is made of; a missing file is an empty field."""

  config: dict[str, Any]
  training: tuple[TrainingPoint, ...]  # by step
  dev: tuple[DevPoint, ...]  # by step
  scores: tuple[Score, ...]
  details: tuple[Details, ...]  # by benchmark


def load_workdir(folder: pathlib.Path) -> Workdir:
  """Reads config.json, metrics.jsonl, results.jsonl and details/*.json.

  A step that was trained again after a stop counts as its last line says.

  Raises:
    UserError: the folder is not there, or a file is damaged (names its line).
  """
  if not folder.is_dir():
    raise UserError(f"workdir: {folder} is not a folder; train there first")
  training: dict[int, TrainingPoint] = {}
  dev: dict[int, DevPoint] = {}
  for where, line in _lines(folder / "metrics.jsonl"):
    if "loss" not in line and "dev" not in line:
      raise UserError(f"{where}: expected the key 'loss' or 'dev'")
    if "loss" in line:
      point = decode(TrainingPoint, line, where)
      training[point.step] = point
    if "dev" in line:
      measured = decode(DevPoint, line, where)
      dev[measured.step] = measured
  details = [
    _load_details(path) for path in sorted(folder.glob("details/*.json"))
  ]
  return Workdir(
    config=_load_config(folder / "config.json"),
    training=tuple(training[step] for step in sorted(training)),
    dev=tuple(dev[step] for step in sorted(dev)),
    scores=_load_scores(folder / RESULTS),
    details=tuple(sorted(details, key=lambda item: item.benchmark)),
  )


def _load_config(path: pathlib.Path) -> dict[str, Any]:
  return _object(_text(path), str(path)) if path.exists() else {}


def _load_scores(path: pathlib.Path) -> tuple[Score, ...]:
  scores: list[Score] = []
  for where, line in _lines(path):
    score = decode(Score, line, where)
    if not math.isfinite(score.value):
      raise UserError(f"{where}: 'value' is {score.value}; expected a number")
    first = scores[0] if scores else score
    if (score.system, score.seed) != (first.system, first.seed):
      raise UserError(
        f"{where}: system {score.system!r} with seed {score.seed} stands "
        f"beside {first.system!r} with seed {first.seed}; a workdir holds one: "
        "move the other's lines to a workdir of its own"
      )
    scores.append(score)
  return tuple(scores)


def _load_details(path: pathlib.Path) -> Details:
  details = decode(Details, _object(_text(path), str(path)), str(path))
  L = len(details.languages)
  if not L:
    raise UserError(f"{path}: 'languages' is empty; evaluate again")
  for name in ("top10_language_share", "first_language"):
    rows = getattr(details, name)
    if name == "first_language" and not rows:
      continue
    if len(rows) != L or any(len(row) != L for row in rows):
      raise UserError(f"{path}: {name!r} is not {L} x {L}, as 'languages' asks")
  if len(details.pool_language_share) != L:
    raise UserError(
      f"{path}: 'pool_language_share' has "
      f"{len(details.pool_language_share)} numbers; expected {L}"
    )
  return details


def _lines(path: pathlib.Path) -> Iterator[tuple[str, dict[str, Any]]]:
  if not path.exists():
    return
  # Not splitlines(): a JSON text may hold U+2028, which it would cut at.
  for number, line in enumerate(_text(path).split("\n"), start=1):
    if line.strip():
      where = f"{path}:{number}"
      yield where, _object(line, where)


def _object(text: str, where: str) -> dict[str, Any]:
  try:
    value = json.loads(text)
  except json.JSONDecodeError as error:
    raise UserError(
      f"{where}: not valid JSON ({error}); mend or delete it"
    ) from error
  if not isinstance(value, dict):
    raise UserError(f"{where}: expected a JSON object")
  return value


def _text(path: pathlib.Path) -> str:
  try:
    return path.read_text(encoding="utf-8")
  except UnicodeDecodeError as error:
    raise UserError(
      f"{path}: not UTF-8 at byte {error.start}; write it again"
    ) from error
