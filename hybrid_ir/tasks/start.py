"""The state that training starts from, new or saved. To `train`."""

import pathlib

import jax
import numpy as np
from jax.sharding import Mesh
from numpy.typing import NDArray

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.model import vocabulary as vocabulary_lib
from hybrid_ir.model.vocabulary import Vocabulary
from hybrid_ir.tasks.model import Model, check_same_contract, initial_params
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.checkpoint import Checkpoints, Progress
from hybrid_ir.training.step import State, Trainer
from hybrid_ir.workdir import CHECKPOINTS


def start(
  config: Config,
  workdir: pathlib.Path,
  model: Model,
  trainer: Trainer,
  data: list[str],
  kept: NDArray[np.int32] | None,
  checkpoints: Checkpoints,
  mesh: Mesh,
) -> tuple[State, Progress, Vocabulary | None]:
  """The newest checkpoint's state, or the first; and how it is trimmed.

  Args:
    config: of the run.
    workdir: of the run.
    model: of the run.
    trainer: what makes the first state.
    data: fingerprints of the corpora.
    kept: [K] token ids whose rows train; None: all, nothing is trimmed.
    checkpoints: of the run so far.
    mesh: devices.

  Raises:
    UserError: a checkpoint of another model or of other data, or a vocabulary
      that is not the checkpoint's.
  """
  if not checkpoints.steps:
    params = initial_params(config, model, mesh)
    vocabulary = None
    if kept is not None:
      table = np.asarray(params["tokens"])
      vocabulary = vocabulary_lib.write(workdir, kept, table)
      params = vocabulary.trim(params)
    state = trainer.init(params)
    placed = jax.device_put(state, mesh_lib.shardings(mesh, state))
    return placed, Progress(), vocabulary
  step = checkpoints.steps[-1]
  stored, progress = checkpoints.metadata(step)
  check_same_contract(model.contract, stored, checkpoints.directory)
  if stored["data"] != data:
    raise UserError(
      "the training data changed since this run began (fingerprints"
      f" {stored['data']} then, {data} now); name another workdir"
    )
  vocabulary = _stored_vocabulary(config, workdir, stored.get("vocabulary", ""))

  def first() -> State:
    params = model.bi_encoder.init(jax.random.key(0))
    return trainer.init(vocabulary.trim(params) if vocabulary else params)

  like = jax.eval_shape(first)
  return checkpoints.restore(step, like, mesh), progress, vocabulary


def _stored_vocabulary(
  config: Config, workdir: pathlib.Path, fingerprint: str
) -> Vocabulary | None:
  """A checkpoint's; None: its token table is whole.

  Raises:
    UserError: the config says otherwise, or it is not in the workdir.
  """
  trims = config.adapt.trim_vocabulary
  if trims != bool(fingerprint):
    raise UserError(
      f"config key 'adapt.trim_vocabulary' is {trims}, but the checkpoints in"
      f" {workdir / CHECKPOINTS} were trained with {not trims}; set it so, or"
      " name another workdir"
    )
  return vocabulary_lib.read(workdir, fingerprint) if fingerprint else None
