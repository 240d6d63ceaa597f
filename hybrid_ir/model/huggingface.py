"""transformers' config.json to an architecture and back. For `weights`."""

from collections.abc import Callable, Mapping
from typing import Any

from hybrid_ir.errors import UserError
from hybrid_ir.model.architecture import ACTIVATIONS, Architecture

# What transformers takes where a ModernBERT's config.json does not say.
_GLOBAL_THETA, _LOCAL_THETA, _GLOBAL_EVERY = 160_000.0, 10_000.0, 3
_GLOBAL, _LOCAL = "full_attention", "sliding_attention"
# Fields that change what is computed, and the one value of each that is read.
_FIXED: dict[str, Any] = {
  "is_decoder": False,
  "is_encoder_decoder": False,
  "add_cross_attention": False,
  "pruned_heads": {},
  "quantization_config": None,
}
_FIXED_BERT = {"position_embedding_type": "absolute"}
_FIXED_MODERNBERT = {
  "norm_bias": False,
  "attention_bias": False,
  "mlp_bias": False,
  "rope_scaling": None,
}
_SPECIAL = ("pad", "bos", "eos", "cls", "sep")  # ModernBertConfig names them


class _Fields:
  """Checked access to a config.json."""

  def __init__(self, config: Mapping[str, Any], where: str):
    self.config = config
    self.where = where

  def error(self, field: str, value: Any, expected: str) -> UserError:
    return UserError(f"{self.where}: {field} is {value!r}; expected {expected}")

  def count(self, field: str, least: int = 1) -> int:
    value = self.config.get(field)
    if type(value) is not int or value < least:
      raise self.error(field, value, f"a number of {least} or more")
    return value

  def number(self, field: str) -> float:
    return self.above_0(field, self.config.get(field))

  def above_0(self, field: str, value: Any) -> float:
    if type(value) not in (int, float) or value <= 0:
      raise self.error(field, value, "a number above 0")
    return float(value)

  def activation(self, field: str, otherwise: str | None = None) -> str:
    value = self.config.get(field, otherwise)
    if value not in ACTIVATIONS:
      raise self.error(field, value, f"one of {', '.join(ACTIVATIONS)}")
    return str(value)

  def check_fixed(self, expected: Mapping[str, Any]) -> None:
    for field, value in expected.items():
      if (self.config.get(field) or value) != value:
        raise self.error(field, self.config[field], f"{value!r}")


def from_huggingface(config: Any, where: str) -> Architecture:
  """Reads a BertConfig, XLMRobertaConfig or ModernBertConfig.

  Args:
    config: the content of config.json, parsed.
    where: its path, for messages.

  Raises:
    UserError: for another architecture, code of its own (`auto_map`), or a
      missing or odd field.
  """
  if not isinstance(config, dict):
    raise UserError(f"{where}: expected a JSON object of the model's fields")
  family = config.get("model_type")
  if not isinstance(family, str) or family not in _READERS:
    raise UserError(
      f"{where}: model_type is {family!r}; expected one of the families that"
      f" can be read: {', '.join(_READERS)}"
    )
  if config.get("auto_map"):
    raise UserError(
      f"{where}: auto_map names code of the model's own, which is never run;"
      " expected a model that transformers has itself"
    )
  fields = _Fields(config, where)
  fields.check_fixed(_FIXED)
  arch = _READERS[family](fields)
  parts = arch.heads * (2 if family == "modernbert" else 1)  # rotary: pairs
  if arch.hidden_size % parts:
    raise UserError(
      f"{where}: num_attention_heads is {arch.heads};"
      f"{' twice' if parts > arch.heads else ''} that must divide hidden_size"
      f" ({arch.hidden_size})"
    )
  return arch


def _read_bert(fields: _Fields) -> Architecture:
  fields.check_fixed(_FIXED_BERT)
  family = fields.config["model_type"]
  # RoBERTa's positions are counted from the row after the padding token's.
  offset = fields.count("pad_token_id", 0) + 1 if family != "bert" else 0
  return Architecture(
    family=family,
    vocab_size=fields.count("vocab_size"),
    hidden_size=fields.count("hidden_size"),
    layers=fields.count("num_hidden_layers"),
    heads=fields.count("num_attention_heads"),
    intermediate_size=fields.count("intermediate_size"),
    max_positions=fields.count("max_position_embeddings", offset + 1) - offset,
    token_types=fields.count("type_vocab_size"),
    norm_epsilon=fields.number("layer_norm_eps"),
    activation=fields.activation("hidden_act"),
    position_offset=offset,
  )


def _read_modernbert(fields: _Fields) -> Architecture:
  fields.check_fixed(_FIXED_MODERNBERT)
  layers = fields.count("num_hidden_layers", 2)
  every = _global_every(fields, layers)
  window = fields.count("local_attention", 2) // 2 if every > 1 else 0
  return Architecture(
    family="modernbert",
    vocab_size=fields.count("vocab_size"),
    hidden_size=fields.count("hidden_size"),
    layers=layers,
    heads=fields.count("num_attention_heads"),
    intermediate_size=fields.count("intermediate_size"),
    max_positions=fields.count("max_position_embeddings"),
    token_types=0,
    norm_epsilon=fields.number("norm_eps"),
    activation=fields.activation("hidden_activation", "gelu"),
    window=window,
    global_every=every,
    global_theta=_theta(fields, _GLOBAL, "global_rope_theta", _GLOBAL_THETA),
    local_theta=_theta(fields, _LOCAL, "local_rope_theta", _LOCAL_THETA),
  )


_READERS: dict[str, Callable[[_Fields], Architecture]] = {
  "bert": _read_bert,
  "xlm-roberta": _read_bert,
  "modernbert": _read_modernbert,
}


def _global_every(fields: _Fields, layers: int) -> int:
  """Of which layers every n-th is global; told in one of two ways."""
  types = fields.config.get("layer_types")
  if types is None:
    old = "global_attn_every_n_layers"
    every = fields.count(old) if old in fields.config else _GLOBAL_EVERY
    return min(every, layers)
  for every in range(1, layers + 1):
    if types == _layer_types(layers, every):
      return every
  raise fields.error(
    "layer_types",
    types,
    f"{_GLOBAL} for layer 0 and each n-th, {_LOCAL} for the others",
  )


def _layer_types(layers: int, every: int) -> list[str]:
  return [_LOCAL if layer % every else _GLOBAL for layer in range(layers)]


def _theta(fields: _Fields, kind: str, old: str, otherwise: float) -> float:
  """The base of a kind of layers' rotary angles; told in one of two ways."""
  rope = fields.config.get("rope_parameters")
  if rope is None:
    return fields.above_0(old, fields.config.get(old, otherwise))
  here = rope.get(kind) if isinstance(rope, dict) else None
  if not isinstance(here, dict):
    raise fields.error("rope_parameters", rope, f"an object with {kind!r}")
  if here.get("rope_type", "default") != "default":
    raise fields.error(
      f"rope_parameters.{kind}.rope_type", here["rope_type"], "'default'"
    )
  return fields.above_0(
    f"rope_parameters.{kind}.rope_theta", here.get("rope_theta", otherwise)
  )


def to_huggingface(
  arch: Architecture, special: Mapping[str, int]
) -> dict[str, Any]:
  """The config.json with which AutoModel loads what `write_params` wrote.

  Args:
    arch: of the encoder.
    special: ids of special tokens by their short names; "pad" and, where the
      tokenizer has them, "bos", "eos", "cls" and "sep".

  Raises:
    UserError: an xlm-roberta whose tokenizer pads with another token than
      the positions are counted from.
  """
  shared = {
    "model_type": arch.family,
    "vocab_size": arch.vocab_size,
    "hidden_size": arch.hidden_size,
    "num_hidden_layers": arch.layers,
    "num_attention_heads": arch.heads,
    "intermediate_size": arch.intermediate_size,
    "max_position_embeddings": arch.max_positions + arch.position_offset,
  }
  if arch.family == "modernbert":
    every = arch.global_every if arch.window else 1
    return {
      "architectures": ["ModernBertModel"],
      **shared,
      "hidden_activation": arch.activation,
      "norm_eps": arch.norm_epsilon,
      **dict.fromkeys(("norm_bias", "attention_bias", "mlp_bias"), False),
      "local_attention": 2 * arch.window,
      "layer_types": _layer_types(arch.layers, every),
      "rope_parameters": {
        _GLOBAL: {"rope_type": "default", "rope_theta": arch.global_theta},
        _LOCAL: {"rope_type": "default", "rope_theta": arch.local_theta},
      },
      # Older versions of transformers read these.
      "global_attn_every_n_layers": every,
      "global_rope_theta": arch.global_theta,
      "local_rope_theta": arch.local_theta,
      # transformers' own defaults may lie outside this vocabulary.
      **{f"{name}_token_id": special.get(name) for name in _SPECIAL},
    }
  pad = special["pad"]
  if arch.family == "xlm-roberta" and pad != arch.position_offset - 1:
    raise UserError(
      f"the tokenizer's padding token has the id {pad}, but the encoder's"
      f" positions are counted from the id {arch.position_offset - 1}; expected"
      " one id for both"
    )
  return {
    "architectures": [
      "BertModel" if arch.family == "bert" else "XLMRobertaModel"
    ],
    **shared,
    "type_vocab_size": arch.token_types,
    "layer_norm_eps": arch.norm_epsilon,
    "hidden_act": arch.activation,
    "position_embedding_type": "absolute",
    **{f"{name}_token_id": number for name, number in special.items()},
  }
