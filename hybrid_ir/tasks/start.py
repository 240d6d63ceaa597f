"""The state that training starts from, new or saved. To `train`."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh
from numpy.typing import NDArray

from hybrid_ir import processes
from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.model import contract as contract_lib
from hybrid_ir.model import vocabulary as vocabulary_lib
from hybrid_ir.model.encoder import Params
from hybrid_ir.model.vocabulary import Vocabulary
from hybrid_ir.tasks.model import Model, check_same_contract, initial_params
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.checkpoint import Checkpoints, Progress
from hybrid_ir.training.step import State, Trainer
from hybrid_ir.training.unreadable import DamagedError, UnreadError
from hybrid_ir.workdir import CHECKPOINTS

_Read = TypeVar("_Read")
_ALLOW = ", or set --config.checkpoint.allow_changes=True"


def start(
  config: Config,
  workdir: pathlib.Path,
  model: Model,
  trainer: Trainer,
  data: list[str],
  kept: NDArray[np.int32] | None,
  dev: str,
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
    dev: fingerprint of the dev set; "": there is none.
    checkpoints: of the run so far.
    mesh: devices.

  Raises:
    UserError: a checkpoint of another model, data or dev set, one that is
      damaged or unread, or a vocabulary that is not the checkpoint's.
  """
  if not checkpoints.steps:
    params = initial_params(config, model, mesh)
    vocabulary = None
    if kept is not None:
      table = np.asarray(params["tokens"])
      if processes.is_first():
        vocabulary_lib.write(workdir, kept, table)
      processes.wait("vocabulary written")
      vocabulary = vocabulary_lib.reopen(workdir)
      params = vocabulary.trim(params)
    return _first_state(trainer, params, mesh), Progress(of=dev), vocabulary
  while True:
    try:
      return _saved(
        *(config, workdir, model, trainer, data, kept, dev),
        *(checkpoints, mesh),
      )
    except DamagedError as error:
      # With other keys than it was saved with, a sound one may not be read.
      if len(checkpoints.steps) == 1 or config.checkpoint.allow_changes:
        raise
      aside = checkpoints.set_aside(checkpoints.steps[-1])
      print(
        f"hybrid_ir: WARNING: {error.fault}; going on from step"
        f" {checkpoints.steps[-1]}; what is left of it is in {aside}",
        file=sys.stderr,
      )


def _first_state(trainer: Trainer, params: Params, mesh: Mesh) -> State:
  """Of an encoder's parameters: no device holds more than its share."""
  shapes = jax.eval_shape(trainer.init, params)
  placed = processes.place(params, mesh_lib.shardings(mesh, params))
  make = jax.jit(
    trainer.init,
    out_shardings=mesh_lib.shardings(mesh, shapes),
    donate_argnums=0,
  )
  state: State = make(placed)
  return state


def _saved(
  config: Config,
  workdir: pathlib.Path,
  model: Model,
  trainer: Trainer,
  data: list[str],
  kept: NDArray[np.int32] | None,
  dev: str,
  checkpoints: Checkpoints,
  mesh: Mesh,
) -> tuple[State, Progress, Vocabulary | None]:
  """The newest checkpoint's, as `start` gives it."""
  step = checkpoints.steps[-1]
  stored, progress = _in_all(step, lambda: checkpoints.metadata(step))
  if config.checkpoint.allow_changes:
    _warn(model, stored, data)
  else:
    check_same_contract(
      model.contract, stored, checkpoints.directory, mend=_ALLOW
    )
    if stored["data"] != data:
      raise UserError(
        "the training data changed since this run began (fingerprints"
        f" {stored['data']} then, {data} now); name another workdir{_ALLOW}"
      )
    if _is_another(dev, progress.of):
      raise UserError(
        f"the dev set changed since this run began (fingerprint {progress.of}"
        f" then, {dev} now); name another workdir{_ALLOW}"
      )
  vocabulary = _stored_vocabulary(config, workdir, stored.get("vocabulary", ""))
  if vocabulary is not None and not np.array_equal(
    vocabulary.kept, [] if kept is None else kept
  ):
    raise UserError(
      "config key 'adapt.trim_vocabulary' is True, and the training data has"
      " other tokens now than when this run began; name another workdir"
    )

  def first() -> State:
    params = model.bi_encoder.init(jax.random.key(0))
    return trainer.init(vocabulary.trim(params) if vocabulary else params)

  like = jax.eval_shape(first)
  state = _in_all(step, lambda: checkpoints.restore(step, like, mesh))
  return state, _comparable(progress, model, stored, dev, step), vocabulary


def _is_another(dev: str, then: str) -> bool:
  """Whether the dev set is not that of before, where both are known."""
  return bool(dev and then) and dev != then


def _comparable(
  progress: Progress, model: Model, stored: dict[str, Any], dev: str, step: int
) -> Progress:
  """The progress of dev evaluations, or none, where their figures are others'.

  What was the best is so no more: on another dev set, or by a model that reads
  texts in another way, whose parameters it would be taken for.
  """
  reads = contract_lib.differences(
    model.contract, stored, contract_lib.OF_TRAINING
  )
  if not reads and not _is_another(dev, progress.of):
    return dataclasses.replace(progress, of=dev or progress.of)
  if progress.best_step:
    print(
      f"hybrid_ir: WARNING: the best on dev, of step {progress.best_step}, is"
      f" forgotten: the best is looked for from step {step} on",
      file=sys.stderr,
    )
  return Progress(of=dev, since=step)


def _in_all(step: int, read: Callable[[], _Read]) -> _Read:
  """What `read` gives, once it ended alike in all processes.

  Reading waits for all of them, so none may begin where another gave up; and
  what only one could not read is not set aside.

  Raises:
    UserError: it ended in different ways.
  """
  fault: DamagedError | UnreadError | None = None
  try:
    found = read()
    outcome = "whole"
  except DamagedError as error:
    fault, outcome = error, "damaged"
  except UnreadError as error:
    fault, outcome = error, f"unread ({error.reason})"
  processes.agree({f"the checkpoint of step {step}": outcome})
  if fault:
    raise fault
  return found


def _warn(model: Model, stored: dict[str, Any], data: list[str]) -> None:
  """What a run goes on with although it changed."""
  changes = contract_lib.differences(model.contract, stored, ())
  if stored["data"] != data:
    changes.append(f"training data: {stored['data']} there, {data} now")
  for change in changes:
    print(f"hybrid_ir: WARNING: going on with {change}", file=sys.stderr)


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
