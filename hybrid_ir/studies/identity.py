"""What makes a run that run, as a name. From its config, to the grid."""

import hashlib
import json
from typing import Any

from hybrid_ir.config import Config
from hybrid_ir.config_keys import walk

_LETTERS = 16  # of a hash: 64 bits
# What scoring reads of an encoder that is not trained here.
_SCORED_BY = (
  *("encoder.", "text.", "layout.", "data.prefixes"),
  *("train.steps", "train.warm_start"),
)
_TRAINED_BY = ("encoder.dropout",)  # of these it does not


def as_it_came() -> dict[str, Any]:
  """Key -> value of what scoring an encoder as it came does not read.

  The identity keys of training, at their defaults: such a run is one run,
  whatever others beside it are trained on.
  """
  return {
    name: value
    for name, field, value in walk(Config())
    if field.metadata["identity"]
    and (name in _TRAINED_BY or not name.startswith(_SCORED_BY))
  }


def identity(config: Config, starts_from: str) -> str:
  """A name that runs share where all their identity keys agree.

  Made of those that are not at their defaults, so that a key of a later
  version changes no name; a default that changed is told by config.json.

  Args:
    config: of the run, checked.
    starts_from: the identity of the run whose parameters it starts from, which
      stands for the folder in `train.warm_start`; "": none, or a run that
      stands elsewhere, whose folder counts.

  Returns:
    16 hexadecimal digits.
  """
  defaults = {name: value for name, _, value in walk(Config())}
  keys = {
    name: value
    for name, field, value in walk(config)
    if field.metadata["identity"] or field.metadata["figures"]
    if value != defaults[name]
  }
  if starts_from:
    keys["train.warm_start"] = f"@{starts_from}"
  text = json.dumps(keys, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:_LETTERS]
