"""The model of a run: its tokenizer, contract and parameters. For the tasks."""

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import jax
from jax.sharding import Mesh

from hybrid_ir import processes
from hybrid_ir.config import Config
from hybrid_ir.config import Encoder as EncoderConfig
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.records import Source
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.errors import UserError
from hybrid_ir.model import architecture as architecture_lib
from hybrid_ir.model import contract as contract_lib
from hybrid_ir.model import dense, hub, weights
from hybrid_ir.model.bi_encoder import BiEncoder, make_bi_encoder
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.encoder import Params
from hybrid_ir.model.sentence_transformers import Modules, read_modules
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.retrieval.origin import origin_of
from hybrid_ir.tasks import trained
from hybrid_ir.training.lora import encoder_params
from hybrid_ir.training.mesh import shardings
from hybrid_ir.workdir import CHECKPOINTS

_OF_THE_RUN = ("data", "vocabulary")  # beside the contract in a checkpoint


@dataclasses.dataclass(frozen=True)
class Model:
  """A run's model without its parameters."""

  tokenizer: Tokenizer
  contract: Contract
  bi_encoder: BiEncoder

  def text_encoder(self, config: Config, mesh: Mesh) -> TextEncoder:
    """What turns texts into embeddings for search.

    Raises:
      UserError: more dimensions asked for than there are, or texts that are
        longer than every row.
    """
    contract, rows = self.contract, config.layout.row_lengths
    length = max(contract.query_length, contract.passage_length)
    if length > rows[-1]:
      raise UserError(
        f"config key 'layout.row_lengths' is {rows}, but the model was trained"
        f" with texts of {length} tokens; make the last {length} at least, or"
        " set text.query_length and text.passage_length"
      )
    size = self.contract.embedding_size
    if config.encoder.dimensions > size:
      raise UserError(
        f"config key 'encoder.dimensions' is {config.encoder.dimensions}, but"
        f" the model's embeddings have {size}"
      )
    return TextEncoder(
      self.bi_encoder,
      self.contract,
      self.tokenizer,
      config.layout,
      mesh,
      config.evaluate.tokens_per_batch,
      config.encoder.dimensions,
    )


@dataclasses.dataclass(frozen=True)
class LoadedModel:
  """A model with its parameters, on its devices."""

  model: Model
  params: Params
  step: int  # of training; 0: none here
  temperature: float


def open_model(
  config: Config, workdir: pathlib.Path, sources: Sequence[Source]
) -> Model:
  """The model that a config describes, for training.

  The tokenizer is that of `encoder.path`; or the workdir's, once there is a
  checkpoint; or that of `train.warm_start`; or it is trained on `sources`.

  Raises:
    UserError: tokenizer, architecture and lengths that do not fit together,
      or nothing to make a tokenizer from.
  """
  stored = workdir / tokenizer_lib.FILE
  modules = Modules()
  if config.encoder.path:
    folder = hub.resolve(config.encoder.path, config.encoder.revision)
    architecture = weights.read_architecture(folder, config.encoder.keep_layers)
    modules = read_modules(folder)
    tokenizer = tokenizer_lib.load(folder)
    if stored.exists() and not config.checkpoint.allow_changes:
      _check_same_tokenizer(tokenizer, workdir, folder)
  elif stored.exists() and (not sources or _has_checkpoints(workdir)):
    tokenizer = tokenizer_lib.load(workdir)
  elif config.train.warm_start:
    tokenizer = tokenizer_lib.load(_warm_workdir(config))
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
      f"{config.encoder.path}: its tokenizer ({tokenizer_lib.FILE}) has"
      f" {tokenizer.size} pieces, but vocab_size in its config.json is"
      f" {architecture.vocab_size}; put the tokenizer there that the encoder"
      " was trained with"
    )
  contract = contract_lib.make_contract(
    config, architecture, tokenizer.fingerprint, modules
  )
  return Model(tokenizer, contract, make_bi_encoder(contract, config.encoder))


def _has_checkpoints(workdir: pathlib.Path) -> bool:
  """Whether a run got as far: one killed before may go on with other data."""
  found = (workdir / CHECKPOINTS).glob("*")  # also a save's that was killed
  return any(path.name.isdecimal() for path in found)


def initial_params(config: Config, model: Model, mesh: Mesh) -> Params:
  """Where training starts: warm start, `encoder.path`, or fresh.

  All processes call it.

  Raises:
    UserError: weights that do not fit the model, or not the same everywhere.
  """
  if config.train.warm_start:
    return _warm_params(_warm_workdir(config), model, mesh)
  if config.encoder.path:
    folder = hub.resolve(config.encoder.path, config.encoder.revision)
    contract = model.contract
    layers = weights.read_architecture(folder).layers
    params = weights.read_params(folder, contract.architecture, layers)
    if contract.dense:
      params["dense"] = dense.read_params(
        folder,
        contract.dense,
        read_modules(folder),
        contract.architecture.hidden_size,
      )
    _agree_on(model, params)
    return params
  return model.bi_encoder.init(jax.random.key(config.seed))


def load_model(
  config: Config, workdir: pathlib.Path, mesh: Mesh
) -> LoadedModel:
  """The workdir's trained model, or where it has none, `encoder.path`'s.

  Raises:
    UserError: neither is there.
  """
  if (workdir / CHECKPOINTS).is_dir():
    newest = config.checkpoint.read == "newest"
    return load_trained(workdir, config.encoder, mesh, newest)
  if not (config.encoder.path or config.train.warm_start):
    raise UserError(
      f"--workdir={workdir} holds no checkpoint; train first (task=train), or"
      " name a model in config key 'encoder.path'"
    )
  model = open_model(config, workdir, sources=[])
  params = initial_params(config, model, mesh)
  params = processes.place(params, shardings(mesh, params))
  return LoadedModel(model, params, 0, model.contract.temperature)


def load_trained(
  workdir: pathlib.Path,
  encoder: EncoderConfig,
  mesh: Mesh,
  newest: bool = False,
) -> LoadedModel:
  """A workdir's model, as its checkpoint's contract has it.

  Args:
    workdir: of a run.
    encoder: how to compute: dtype, remat.
    mesh: devices.
    newest: its last checkpoint, whichever is the best on dev.

  Raises:
    UserError: no checkpoint there, or not the tokenizer or vocabulary that it
      needs.
  """
  with trained.opened(workdir) as checkpoints:
    stored, _ = checkpoints.metadata(checkpoints.steps[-1])
    contract = contract_lib.from_json(
      {name: x for name, x in stored.items() if name not in _OF_THE_RUN},
      checkpoints.directory,
    )
    params, step = trained.params(
      workdir,
      checkpoints,
      mesh,
      newest,
      "set --config.checkpoint.read=newest to take",
    )
  tokenizer = tokenizer_lib.load(workdir)
  if tokenizer.fingerprint != contract.tokenizer:
    raise UserError(
      f"{workdir / tokenizer_lib.FILE}: is not the tokenizer that this run was"
      f" trained with (fingerprint {tokenizer.fingerprint}, expected"
      f" {contract.tokenizer}); put the right one back"
    )
  model = Model(tokenizer, contract, make_bi_encoder(contract, encoder))
  temperature = contract.temperature
  if "log_inverse_temperature" in params:
    temperature = float(jax.numpy.exp(-params["log_inverse_temperature"]))
  return LoadedModel(model, encoder_params(params), step, temperature)


def check_same_contract(
  contract: Contract,
  stored: dict[str, Any],
  directory: str,
  but: Sequence[str] = (),
  mend: str = "",
) -> None:
  """Refuses a checkpoint whose texts were read in another way.

  Raises:
    UserError: naming what differs between `stored` and the model's contract,
      apart from the fields named in `but`.
  """
  if changes := contract_lib.differences(contract, stored, but):
    raise UserError(
      f"{directory}: the checkpoint is of another model: {'; '.join(changes)}"
      + mend
    )


def _warm_workdir(config: Config) -> pathlib.Path:
  """The workdir that `train.warm_start` names."""
  workdir = pathlib.Path(config.train.warm_start).expanduser()
  if not (workdir / CHECKPOINTS).is_dir():
    raise UserError(
      f"config key 'train.warm_start' is {config.train.warm_start!r}: no"
      f" {CHECKPOINTS}/ there; name the workdir of a run that was trained, or a"
      " pretrained encoder in 'encoder.path'"
    )
  return workdir


def _warm_params(workdir: pathlib.Path, model: Model, mesh: Mesh) -> Params:
  """Another run's parameters, of a model that reads texts alike."""
  with trained.opened(workdir) as checkpoints:
    stored, _ = checkpoints.metadata(checkpoints.steps[-1])
    check_same_contract(
      *(model.contract, stored, checkpoints.directory),
      contract_lib.OF_TRAINING,
    )
    params, _ = trained.params(
      workdir,
      checkpoints,
      mesh,
      False,
      "export (task=export --config.checkpoint.read=newest) and name in"
      " 'encoder.path'",
    )
    params = encoder_params(params)
    # Of other processes' devices too, where there are some: to the host.
    if processes.count() > 1:
      params = processes.gather(params)
      _agree_on(model, params)
    return params


def _agree_on(model: Model, params: Params) -> None:
  """Refuses processes that have read other weights or another contract."""
  if processes.count() > 1:
    origin = origin_of(model.contract, params, 0)
    processes.agree(
      {
        "the model's weights": origin.weights,
        "the model's contract": json.dumps(origin.contract, sort_keys=True),
      },
      "give every host the same encoder.path or train.warm_start (of the hub:"
      " name encoder.revision)",
    )


def _check_same_tokenizer(
  tokenizer: Tokenizer, workdir: pathlib.Path, folder: pathlib.Path
) -> None:
  stored = tokenizer_lib.load(workdir)
  if stored.fingerprint != tokenizer.fingerprint:
    raise UserError(
      f"{folder / tokenizer_lib.FILE} (fingerprint {tokenizer.fingerprint}) is"
      f" not the tokenizer that {workdir} was trained with"
      f" ({stored.fingerprint}); name another workdir, or set"
      " --config.checkpoint.allow_changes=True"
    )


def _texts(sources: Sequence[Source]) -> Iterator[str]:
  for source in sources:
    for record in source.read():
      yield record.query
      yield record.passage
