"""The model of a run: its tokenizer, contract and parameters. For the tasks."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import jax
from jax.sharding import Mesh

from hybrid_ir.config import Config
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.records import Source
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.errors import UserError
from hybrid_ir.files import write_aside
from hybrid_ir.model import architecture as architecture_lib
from hybrid_ir.model import contract as contract_lib
from hybrid_ir.model import hub, weights
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.encoder import Encoder, Params
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.training.checkpoint import Checkpoints
from hybrid_ir.workdir import CHECKPOINTS


@dataclasses.dataclass(frozen=True)
class Model:
  """A run's model without its parameters."""

  tokenizer: Tokenizer
  contract: Contract
  encoder: Encoder

  def text_encoder(self, config: Config, mesh: Mesh) -> TextEncoder:
    """What turns texts into embeddings for search."""
    return TextEncoder(
      self.encoder,
      self.contract,
      self.tokenizer,
      config.layout,
      mesh,
      config.evaluate.texts_per_batch,
    )


def open_model(
  config: Config, workdir: pathlib.Path, sources: Sequence[Source]
) -> Model:
  """The model that a config describes.

  The tokenizer is that of `encoder.path`; or the workdir's, once there is one;
  or that of `train.warm_start`; or it is trained on `sources`.

  Raises:
    UserError: tokenizer, architecture and lengths that do not fit together,
      or nothing to make a tokenizer from.
  """
  stored = workdir / tokenizer_lib.FILE
  if config.encoder.path:
    folder = hub.resolve(config.encoder.path)
    architecture = weights.read_architecture(folder)
    tokenizer = tokenizer_lib.load(folder)
    if stored.exists():
      _check_same_tokenizer(tokenizer, workdir, folder)
  elif stored.exists() and (not sources or (workdir / CHECKPOINTS).is_dir()):
    tokenizer = tokenizer_lib.load(workdir)
  elif config.train.warm_start:
    other = pathlib.Path(config.train.warm_start).expanduser()
    tokenizer = tokenizer_lib.load(other)
  elif sources:
    tokenizer = tokenizer_lib.train_unigram(
      _texts(sources), config.encoder.vocab_size
    )
  else:
    raise UserError(
      f"--workdir={workdir} holds no trained model, and config key"
      " 'encoder.path' names none; train first (task=train)"
    )
  if not config.encoder.path:
    architecture = architecture_lib.from_scratch(config.encoder, tokenizer.size)
  if tokenizer.size > architecture.vocab_size:
    raise UserError(
      f"{config.encoder.path}: the tokenizer has {tokenizer.size} pieces, but"
      f" the encoder's table only {architecture.vocab_size} rows; they do not"
      " belong together"
    )
  encoder = Encoder(
    architecture,
    config.encoder.dtype,
    config.encoder.dropout,
    config.encoder.remat,
  )
  contract = contract_lib.make_contract(
    config, architecture, tokenizer.fingerprint
  )
  return Model(tokenizer, contract, encoder)


def save_tokenizer(workdir: pathlib.Path, tokenizer: Tokenizer) -> None:
  """Keeps the tokenizer with the run."""
  with write_aside(workdir / tokenizer_lib.FILE) as aside:
    aside.write_text(tokenizer.serialized, encoding="utf-8")


def initial_params(config: Config, model: Model, mesh: Mesh) -> Params:
  """Where training starts: warm start, `encoder.path`, or fresh.

  Raises:
    UserError: weights that do not fit the model.
  """
  if config.train.warm_start:
    other = pathlib.Path(config.train.warm_start).expanduser()
    return trained_params(other, model, mesh)[0]
  if config.encoder.path:
    folder = hub.resolve(config.encoder.path)
    return weights.read_params(folder, model.contract.architecture)
  return model.encoder.init(jax.random.key(config.seed))


def trained_params(
  workdir: pathlib.Path, model: Model, mesh: Mesh
) -> tuple[Params, int]:
  """The best checkpoint's parameters (without dev, the last's) and its step.

  Raises:
    UserError: no checkpoint there, or one of another contract.
  """
  directory = workdir / CHECKPOINTS
  if not directory.is_dir():
    raise UserError(f"{directory}: no checkpoints there")
  with contextlib.closing(Checkpoints(str(directory))) as checkpoints:
    if not checkpoints.steps:
      raise UserError(f"{directory}: no checkpoints there")
    stored, progress = checkpoints.metadata(checkpoints.steps[-1])
    check_same_contract(model, stored, checkpoints.directory)
    step = progress.best_step or checkpoints.steps[-1]
    return checkpoints.restore_params(step, mesh)["encoder"], step


def check_same_contract(
  model: Model, stored: dict[str, Any], directory: str
) -> None:
  """Refuses a checkpoint whose texts were read in another way.

  Raises:
    UserError: naming what differs between `stored` and the model's contract.
  """
  if changes := contract_lib.differences(model.contract, stored):
    raise UserError(
      f"{directory}: the checkpoint is of another model: {'; '.join(changes)}"
    )


def _check_same_tokenizer(
  tokenizer: Tokenizer, workdir: pathlib.Path, folder: pathlib.Path
) -> None:
  stored = tokenizer_lib.load(workdir)
  if stored.fingerprint != tokenizer.fingerprint:
    raise UserError(
      f"{folder / tokenizer_lib.FILE} (fingerprint {tokenizer.fingerprint}) is"
      f" not the tokenizer that {workdir} was trained with"
      f" ({stored.fingerprint}); name another workdir"
    )


def _texts(sources: Sequence[Source]) -> Iterator[str]:
  for source in sources:
    for record in source.read():
      yield record.query
      yield record.passage
