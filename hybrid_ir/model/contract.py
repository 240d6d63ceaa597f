"""What must travel with the weights. From config, to checkpoints and search.

A model encodes rightly only with the tokenizer, prefixes, lengths and pooling
that it was trained with; whoever loads it reads them here.
"""

import dataclasses
from typing import Any

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.model.architecture import Architecture


@dataclasses.dataclass(frozen=True)
class Contract:
  """How texts become embeddings; every embedding has length 1."""

  architecture: Architecture
  tokenizer: str  # fingerprint
  pooling: str
  query_prefix: str
  passage_prefix: str
  query_length: int
  passage_length: int


def make_contract(
  config: Config, architecture: Architecture, tokenizer_fingerprint: str
) -> Contract:
  """The contract of a run.

  Raises:
    UserError: where a length is over the model's positions.
  """
  for name in ("query_length", "passage_length"):
    length = getattr(config.text, name)
    if length > architecture.max_positions:
      raise UserError(
        f"config key 'text.{name}' is {length}, but the encoder has"
        f" {architecture.max_positions} positions"
      )
  return Contract(
    architecture=architecture,
    tokenizer=tokenizer_fingerprint,
    pooling=config.encoder.pooling,
    query_prefix=config.text.query_prefix,
    passage_prefix=config.text.passage_prefix,
    query_length=config.text.query_length,
    passage_length=config.text.passage_length,
  )


def to_json(contract: Contract) -> dict[str, Any]:
  """The contract as a checkpoint's metadata holds it."""
  return dataclasses.asdict(contract)


def differences(contract: Contract, stored: dict[str, Any]) -> list[str]:
  """Where a stored contract differs, in words."""
  return [
    f"{name} is {stored.get(name)!r} there, {value!r} here"
    for name, value in to_json(contract).items()
    if stored.get(name) != value
  ]
