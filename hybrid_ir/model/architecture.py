"""The shape of an encoder, as data. From a config.json, to `encoder`."""

import dataclasses
from typing import Any

from hybrid_ir.config import Encoder as EncoderConfig
from hybrid_ir.errors import UserError

ACTIVATIONS = ("gelu", "relu")  # exact GELU, as transformers' "gelu" is


@dataclasses.dataclass(frozen=True)
class Architecture:
  """BERT's (arXiv 1810.04805): learned positions, norms after the residual."""

  family: str  # key of `families.FAMILIES`
  vocab_size: int
  hidden_size: int  # D
  layers: int
  heads: int
  intermediate_size: int
  max_positions: int
  token_types: int
  norm_epsilon: float
  activation: str  # of ACTIVATIONS


def from_scratch(config: EncoderConfig, vocab_size: int) -> Architecture:
  """The architecture that the config's `encoder` section describes."""
  return Architecture(
    family="bert",
    vocab_size=vocab_size,
    hidden_size=config.hidden_size,
    layers=config.layers,
    heads=config.heads,
    intermediate_size=config.intermediate_size,
    max_positions=config.max_positions,
    token_types=1,
    norm_epsilon=1e-12,
    activation="gelu",
  )


def from_huggingface(config: Any, where: str) -> Architecture:
  """Reads the fields of transformers' BertConfig.

  Args:
    config: the content of config.json, parsed.
    where: its path, for messages.

  Raises:
    UserError: for another architecture, or a missing or odd field.
  """
  if not isinstance(config, dict):
    raise UserError(f"{where}: expected a JSON object of BertConfig's fields")
  family = config.get("model_type")
  if family != "bert":
    raise UserError(
      f"{where}: model_type is {family!r}; expected 'bert', the family that"
      " can be read"
    )
  if config.get("position_embedding_type", "absolute") != "absolute":
    raise UserError(
      f"{where}: position_embedding_type is"
      f" {config['position_embedding_type']!r}; expected 'absolute'"
    )
  if config.get("hidden_act") not in ACTIVATIONS:
    raise UserError(
      f"{where}: hidden_act is {config.get('hidden_act')!r}; expected one of"
      f" {', '.join(ACTIVATIONS)}"
    )

  def number(field: str, kind: type[int] | type[float] = int) -> Any:
    value: Any = config.get(field)
    if type(value) not in (int, kind) or value <= 0:
      raise UserError(
        f"{where}: {field} is {value!r}; expected a number above 0"
      )
    return value

  arch = Architecture(
    family=family,
    vocab_size=number("vocab_size"),
    hidden_size=number("hidden_size"),
    layers=number("num_hidden_layers"),
    heads=number("num_attention_heads"),
    intermediate_size=number("intermediate_size"),
    max_positions=number("max_position_embeddings"),
    token_types=number("type_vocab_size"),
    norm_epsilon=number("layer_norm_eps", float),
    activation=config["hidden_act"],
  )
  if arch.hidden_size % arch.heads:
    raise UserError(
      f"{where}: num_attention_heads is {arch.heads}; it must divide"
      f" hidden_size ({arch.hidden_size})"
    )
  return arch
