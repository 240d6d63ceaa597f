"""What cannot work, said before any work. From `config`, to main."""

import re

from hybrid_ir.config import Config
from hybrid_ir.config_keys import check_types, freeze
from hybrid_ir.errors import UserError

# Folders that studies share, and the page that each of them has.
_OF_STUDIES = ("cells", "overlap", "findings")


def check(config: Config) -> None:
  """Refuses a config that cannot work; then freezes it.

  Raises:
    UserError: naming the key, its value, what was expected.
  """
  check_types(config)
  _check_mix(config)
  _check_lengths(config)
  _check_encoder(config)
  _check_evaluate(config)
  _check_study(config)
  if config.optimizer.schedule != "constant" and config.optimizer.warmup > 1:
    raise UserError(
      f"config key 'optimizer.warmup' is {config.optimizer.warmup}; expected a"
      " share of train.steps, at most 1"
    )
  if config.mesh.data == 0:
    raise UserError("config key 'mesh.data' is 0; expected -1 or a count")
  freeze(config)


def _check_mix(config: Config) -> None:
  mix = config.mix
  if 0 < config.data.limit < config.train.batch_size:
    raise UserError(
      f"config key 'data.limit' is {config.data.limit}, under"
      f" 'train.batch_size' {config.train.batch_size}; a batch holds an id once"
    )
  if not mix.mono + mix.cross + mix.instruct > 0:
    raise UserError(
      "config keys 'mix.mono', 'mix.cross' and 'mix.instruct' are all 0;"
      " expected a weight"
    )
  if mix.cross_pairs == "batch" and mix.interleave == "example":
    raise UserError(
      "config key 'mix.cross_pairs' is 'batch', but with"
      " mix.interleave='example' every example draws its own languages"
    )
  for field in ("{instruction}", "{query}"):
    template = config.text.instruction
    if template is not None and template.count(field) != 1:
      raise UserError(
        f"config key 'text.instruction' is {template!r}; expected {field} in"
        " it, once"
      )


def _check_lengths(config: Config) -> None:
  layout = config.layout
  if not layout.row_lengths or list(layout.row_lengths) != sorted(
    set(layout.row_lengths)
  ):
    raise UserError(
      f"config key 'layout.row_lengths' is {layout.row_lengths}; expected"
      " lengths in ascending order"
    )
  pretrained = config.encoder.path or config.train.warm_start
  for name in ("query_length", "passage_length"):
    length = getattr(config.text, name)
    if length is None:
      continue
    if length > layout.row_lengths[-1]:
      raise UserError(
        f"config key 'text.{name}' is {length}, over the longest row of"
        f" 'layout.row_lengths' {layout.row_lengths}"
      )
    if not pretrained and length > config.encoder.max_positions:
      raise UserError(
        f"config key 'text.{name}' is {length}, but 'encoder.max_positions' is"
        f" {config.encoder.max_positions}"
      )


def _check_encoder(config: Config) -> None:
  encoder, adapt = config.encoder, config.adapt
  if encoder.hidden_size % encoder.heads:
    raise UserError(
      f"config key 'encoder.heads' is {encoder.heads}; it must divide"
      f" 'encoder.hidden_size' ({encoder.hidden_size})"
    )
  if encoder.pooling == "pooler" and not encoder.path:
    raise UserError(
      "config key 'encoder.pooling' is 'pooler', a layer of a pretrained BERT;"
      " from scratch, take 'mean' or 'cls'"
    )
  if encoder.keep_layers and not encoder.path:
    raise UserError(
      f"config key 'encoder.keep_layers' is {encoder.keep_layers}, but"
      " 'encoder.path' is empty: from scratch, set 'encoder.layers'"
    )
  if adapt.lora_rank and (adapt.freeze_embeddings or adapt.freeze_layers):
    raise UserError(
      f"config key 'adapt.lora_rank' is {adapt.lora_rank}: then nothing but"
      " the product trains; leave 'adapt.freeze_embeddings' and"
      " 'adapt.freeze_layers' out"
    )
  if adapt.trim_vocabulary and not encoder.path:
    raise UserError(
      "config key 'adapt.trim_vocabulary' is True, but 'encoder.path' is empty:"
      " a vocabulary made of 'data.train' has nothing to trim; name an encoder,"
      " or leave it out"
    )


def _check_evaluate(config: Config) -> None:
  evaluate = config.evaluate
  for name in ("benchmarks", "settings"):
    if not getattr(evaluate, name):
      raise UserError(
        f"config key 'evaluate.{name}' is empty; name at least one"
      )
  if evaluate.every > config.train.steps > 0:
    raise UserError(
      f"config key 'evaluate.every' is {evaluate.every}, over 'train.steps'"
      f" ({config.train.steps}): the dev set would never be used"
    )
  if bool(evaluate.every) != bool(evaluate.dev):
    raise UserError(
      f"config keys 'evaluate.dev' ({evaluate.dev!r}) and 'evaluate.every'"
      f" ({evaluate.every}) go together; set both, or neither"
    )
  if evaluate.patience and not evaluate.every:
    raise UserError(
      f"config key 'evaluate.patience' is {evaluate.patience}, but without"
      " 'evaluate.dev' and 'evaluate.every' there is nothing to wait for"
    )


def _check_study(config: Config) -> None:
  name = config.study.name
  # Its folder stands in the workdir, beside those of all studies.
  if name and (not re.fullmatch(r"\w[\w.-]*", name) or name in _OF_STUDIES):
    raise UserError(
      f"config key 'study.name' is {name!r}; expected a folder's name of"
      f" letters, digits, '_', '-' and '.', none of {', '.join(_OF_STUDIES)}"
    )
