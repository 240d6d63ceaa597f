"""What must travel with the weights. From config, to checkpoints and search.

A model encodes rightly only with the tokenizer, prefixes, lengths and pooling
that it was trained with; whoever loads it reads them here.
"""

import dataclasses
from collections.abc import Collection
from typing import Any

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.sentence_transformers import Dense, Modules
from hybrid_ir.prefixes import INSTRUCTION, Prefixes

# Fields that change no embedding: where one run starts another's way of
# training may differ, not of reading.
OF_TRAINING = ("temperature", "matryoshka")
# Where neither the config nor the model's folder says how long a text may be.
_QUERY_LENGTH, _PASSAGE_LENGTH = 64, 256


@dataclasses.dataclass(frozen=True)
class Contract:
  """How texts become embeddings."""

  architecture: Architecture
  tokenizer: str  # fingerprint
  pooling: str  # mean, cls
  dense: tuple[Dense, ...]  # after pooling
  normalize: bool  # embeddings have length 1
  temperature: float  # that cosines are divided by; where training began
  query_prefix: str
  passage_prefix: str
  query_length: int
  passage_length: int
  instruction: str  # template of queries that carry one
  matryoshka: tuple[int, ...]  # leading dimensions that work alone

  @property
  def embedding_size(self) -> int:
    """E, dimensions of an embedding."""
    if self.dense:
      return self.dense[-1].size
    return self.architecture.hidden_size

  @property
  def prefixes(self) -> Prefixes:
    """How texts are written."""
    return Prefixes(self.query_prefix, self.passage_prefix, self.instruction)


def make_contract(
  config: Config,
  architecture: Architecture,
  tokenizer_fingerprint: str,
  modules: Modules,
) -> Contract:
  """The contract of a run: the config's word, then the folder's.

  Raises:
    UserError: where a length is over the model's positions, or a Matryoshka
      dimension over the embedding's.
  """
  pooling = config.encoder.pooling or modules.pooling or "mean"
  dense = modules.dense
  if pooling == "pooler":  # BERT's is the first state through a dense layer
    pooling, dense = "cls", (Dense(architecture.hidden_size, "tanh", True),)
  contract = Contract(
    architecture=architecture,
    tokenizer=tokenizer_fingerprint,
    pooling=pooling,
    dense=dense,
    normalize=_first(config.encoder.normalize, modules.normalize, True),
    temperature=config.loss.temperature,
    query_prefix=_first(config.text.query_prefix, modules.query_prompt, ""),
    passage_prefix=_first(
      config.text.passage_prefix, modules.passage_prompt, ""
    ),
    query_length=_length(
      config,
      architecture,
      "query_length",
      config.text.query_length,
      modules.query_length or _QUERY_LENGTH,
    ),
    passage_length=_length(
      config,
      architecture,
      "passage_length",
      config.text.passage_length,
      modules.passage_length or _PASSAGE_LENGTH,
    ),
    instruction=_first(
      config.text.instruction, modules.instruction, INSTRUCTION
    ),
    matryoshka=config.loss.matryoshka,
  )
  size = contract.embedding_size
  if contract.matryoshka and max(contract.matryoshka) >= size:
    raise UserError(
      f"config key 'loss.matryoshka' is {contract.matryoshka}; expected"
      f" dimensions below the embedding's {size}"
    )
  return contract


def _first(*values: Any) -> Any:
  """The first that is not None."""
  return next(value for value in values if value is not None)


def _length(
  config: Config,
  architecture: Architecture,
  name: str,
  told: int | None,
  otherwise: int,
) -> int:
  """Tokens that are kept: as told, or as the model and the rows allow."""
  if told is None:
    rows = config.layout.row_lengths[-1]
    return min(otherwise, architecture.max_positions, rows)
  if told > architecture.max_positions:
    raise UserError(
      f"config key 'text.{name}' is {told}, but the encoder has"
      f" {architecture.max_positions} positions"
    )
  return told


def to_json(contract: Contract) -> dict[str, Any]:
  """The contract as a checkpoint's metadata and an export hold it."""
  tree = dataclasses.asdict(contract)
  tree["dense"] = list(tree["dense"])
  tree["matryoshka"] = list(tree["matryoshka"])
  return tree


def from_json(stored: dict[str, Any], where: str) -> Contract:
  """The contract that `to_json` wrote.

  Raises:
    UserError: where it lacks a field, or has one that is not known.
  """
  known = {field.name for field in dataclasses.fields(Contract)}
  if wrong := sorted(known ^ stored.keys()):
    raise UserError(
      f"{where}: the model's contract has other fields than this version's"
      f" ({', '.join(wrong)}); train or export it again"
    )
  return Contract(
    **{
      **stored,
      "architecture": Architecture(**stored["architecture"]),
      "dense": tuple(Dense(**dense) for dense in stored["dense"]),
      "matryoshka": tuple(stored["matryoshka"]),
    }
  )


def differences(
  contract: Contract, stored: dict[str, Any], but: Collection[str] = ()
) -> list[str]:
  """Where a stored contract differs, in words; `but`: fields that may."""
  return [
    f"{name} is {stored.get(name)!r} there, {value!r} here"
    for name, value in to_json(contract).items()
    if stored.get(name) != value and name not in but
  ]
