"""What a scaling study varies, as numbers. From arms, to its plots and fits."""

import dataclasses
import json
import pathlib

from hybrid_ir.config import Config, Encoder
from hybrid_ir.data.sources import parse_weights
from hybrid_ir.data.trained_on import questions_of
from hybrid_ir.errors import UserError
from hybrid_ir.model import hub
from hybrid_ir.studies.grid import first_kept
from hybrid_ir.studies.outcome import Arm, Outcome
from hybrid_ir.studies.page import Table
from hybrid_ir.studies.seen import languages_seen

_LANGUAGES = "training languages"
_QUESTIONS = "questions to train on"
_BATCH = "pairs a batch"
_PAIRS = "pairs trained on"
_PARAMETERS = "million parameters of the encoder's layers"
# An axis is named by the first of these that one of its variants sets.
_NAMES = {
  "data.languages": _LANGUAGES,
  "data.limit": _QUESTIONS,
  "encoder.path": _PARAMETERS,
  "encoder.keep_layers": _PARAMETERS,
  "encoder.hidden_size": _PARAMETERS,
  "encoder.layers": _PARAMETERS,
  "train.batch_size": _BATCH,
  "train.steps": _PAIRS,
}
# Why an arm has no size.
_WHY = {
  _LANGUAGES: "not trained, or on languages that are not known",
  _QUESTIONS: (
    "not trained, or all that there are (data.limit is 0) of sets or languages"
    " whose number is not known"
  ),
  _BATCH: "not trained",
  _PAIRS: "not trained",
  _PARAMETERS: (
    "pretrained beside encoders from scratch, or its config.json is not here"
  ),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
  """An axis of numbers."""

  axis: str
  name: str  # with its unit


def size_axes(config: Config) -> list[Size]:
  """The study's axes that stand for a number."""
  found = []
  for axis, variants in config.study.axes.items():
    keys = {key for variant in variants.values() for key in variant}
    first = next((key for key in _NAMES if key in keys), "")
    if first:
      found.append(Size(axis, _NAMES[first]))
  return found


def size_of(study: Config, size: Size, arm: Arm) -> float | None:
  """Where an arm stands on an axis; None: it says nothing, or another varies.

  Raises:
    UserError: an encoder's config.json that cannot be read.
  """
  return _size(study, size, arm) if _varies_alone(study, size, arm) else None


def without_size(outcome: Outcome, size: Size) -> Table:
  """The arms of an axis that no plot and no fit of it has."""
  study = outcome.config
  return Table(
    f"arms without a size: {size.axis}",
    f"Arms of the axis {size.axis} whose {size.name} are not known: they are in"
    " no plot and in no fit over it.",
    ("arm", "why"),
    tuple(
      (arm.name, _WHY[size.name])
      for arm in outcome.arms
      if _varies_alone(study, size, arm) and _size(study, size, arm) is None
    ),
  )


def _varies_alone(study: Config, size: Size, arm: Arm) -> bool:
  first = first_kept(study)
  return all(
    axis == size.axis or variant == first[axis]
    for axis, variant in arm.labels.items()
  )


def _size(study: Config, size: Size, arm: Arm) -> float | None:
  config = arm.config
  if size.name in (_QUESTIONS, _BATCH) and not arm.cells[0].is_trained:
    return None
  if size.name == _LANGUAGES:
    return float(len(languages_seen(arm) or ())) or None
  if size.name == _QUESTIONS:
    return _questions(config)
  if size.name == _BATCH:
    return float(config.train.batch_size)
  if size.name == _PAIRS:
    return float(config.train.steps * config.train.batch_size) or None
  # What was pretrained on other data is on no curve of what was not.
  variants = study.study.axes[size.axis].values()
  scratch = any(keys.get("encoder.path") == "" for keys in variants)
  if scratch and config.encoder.path:
    return None
  return _layer_parameters(config.encoder)


def _questions(config: Config) -> float | None:
  """At most `data.limit` of each data set, or all that it has."""
  limit = config.data.limit
  counts = [
    questions_of(config.data, name) or limit
    for name in parse_weights(config.data.train)[0]
  ]
  if not all(counts):
    return None
  return float(sum(min(count, limit or count) for count in counts))


def _layer_parameters(encoder: Encoder) -> float | None:
  """4 D D + 2 D F a layer, in millions: no embeddings, biases and norms."""
  shape = {
    "hidden_size": encoder.hidden_size,
    "intermediate_size": encoder.intermediate_size,
    "num_hidden_layers": encoder.layers,
  }
  if encoder.path:
    path = _config_json(encoder)
    if path is None:
      return None
    try:
      shape = {name: int(json.loads(path.read_text())[name]) for name in shape}
    except (ValueError, KeyError, TypeError) as error:
      raise UserError(f"{path}: cannot be read ({error})") from None
  width, inner = shape["hidden_size"], shape["intermediate_size"]
  layers = encoder.keep_layers or shape["num_hidden_layers"]
  return layers * (4 * width * width + 2 * width * inner) / 1e6


def _config_json(encoder: Encoder) -> pathlib.Path | None:
  """A folder's, or of a hub id that which was downloaded."""
  folder = pathlib.Path(encoder.path).expanduser()
  if folder.is_dir():
    path = folder / "config.json"
    return path if path.exists() else None
  return hub.downloaded_config(encoder.path, encoder.revision)
