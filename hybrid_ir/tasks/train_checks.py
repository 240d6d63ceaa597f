"""What config, data and model ask of each other. To `train` and `pod`."""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.config import Config
from hybrid_ir.data.corpus import Corpus
from hybrid_ir.errors import UserError


def check_negatives(config: Config, corpora: Sequence[Corpus]) -> None:
  """Hard negatives are asked for: some record has them.

  Raises:
    UserError: none has.
  """
  if config.loss.hard_negatives and not any(len(c.negatives) for c in corpora):
    raise UserError(
      f"config key 'loss.hard_negatives' is {config.loss.hard_negatives}, but"
      f" no record of {', '.join(c.name for c in corpora)} has 'negatives'"
    )


def check_teacher(config: Config, corpora: Sequence[Corpus]) -> None:
  """A teacher is asked for: some hard negative has a score.

  Raises:
    UserError: none has, or no hard negatives are asked for.
  """
  if not config.loss.distillation:
    return
  said = f"config key 'loss.distillation' is {config.loss.distillation}"
  if not config.loss.hard_negatives:
    raise UserError(
      f"{said}, but 'loss.hard_negatives' is 0: there is nothing to weigh a"
      " passage against; set it to the negatives a step"
    )
  if not any(np.isfinite(corpus.negative_scores).any() for corpus in corpora):
    raise UserError(
      f"{said}, but no record of {', '.join(c.name for c in corpora)} has"
      " 'negatives' with 'scores'"
    )


def check_frozen(config: Config, layers: int) -> None:
  """At least one of the encoder's layers trains.

  Raises:
    UserError: all are frozen.
  """
  frozen = config.adapt.freeze_layers
  if frozen >= layers:
    raise UserError(
      f"config key 'adapt.freeze_layers' is {frozen}, but the encoder has"
      f" {layers} layers; expected fewer, so that one trains"
    )


def check_divisible(config: Config, devices: int) -> None:
  """Each device gets as many pairs as any.

  Raises:
    UserError: the batch does not divide so.
  """
  if config.train.batch_size % devices:
    raise UserError(
      f"config key 'train.batch_size' is {config.train.batch_size}; it must be"
      f" a multiple of the {devices} devices that share a batch ('mesh.data')"
    )
