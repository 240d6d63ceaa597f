"""States on disk; the only importer of orbax. From the loop, to evaluation."""

import contextlib
import dataclasses
import gc
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
from jax.sharding import Mesh
from orbax.checkpoint import v1 as ocp

from hybrid_ir.errors import UserError
from hybrid_ir.model.encoder import Params
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.step import State

# Apart, so that evaluation and warm starts read parameters alone.
_PARAMS, _REST = "params", "optimizer"
_Read = TypeVar("_Read")


@dataclasses.dataclass(frozen=True)
class Progress:
  """What the loop remembers of its dev evaluations."""

  best_step: int = 0
  best_value: float | None = None
  without_gain: int = 0  # evaluations since the best


class Checkpoints:
  """The checkpoints of one run: the latest few, and the best on dev."""

  def __init__(self, directory: str, keep: int | None = None):
    """Opens `directory`.

    Args:
      directory: created where it is not there.
      keep: latest checkpoints to keep beside the best; None: only to read.
    """
    self.directory = directory
    self._saves = keep is not None
    policies = ocp.training.preservation_policies
    save_policies = ocp.training.save_decision_policies
    self._checkpointer = ocp.training.Checkpointer(
      os.path.abspath(directory),  # orbax takes no other
      # The loop decides when; the default policy would save all the time.
      save_decision_policy=save_policies.FixedIntervalPolicy(1),
      preservation_policy=policies.AnyPreservationPolicy(
        [
          policies.LatestN(keep),
          policies.BestN(
            # Of equals the first, which is the loop's best too.
            get_metric_fn=lambda metrics: (metrics["dev"], -metrics["step"]),
            n=1,
            keep_checkpoints_without_metrics=False,
          ),
        ]
      ),
      cleanup_tmp_directories=self._saves,  # of a save that was killed
    )

  @property
  def steps(self) -> list[int]:
    """Steps that there are checkpoints of, ascending."""
    return [checkpoint.step for checkpoint in self._checkpointer.checkpoints]

  def save(
    self,
    state: State,
    step: int,
    contract: dict[str, Any],
    progress: Progress,
    dev: float | None,
  ) -> None:
    """Saves in the background; a later save waits for it.

    Args:
      state: copied to the host before this returns, so it may be donated.
      step: steps done.
      contract: of the model, kept as metadata.
      progress: of dev evaluations.
      dev: this step's dev value, if it was evaluated.
    """
    self._checkpointer.save_checkpointables_async(
      step,
      {
        _PARAMS: state["params"],
        _REST: {"step": state["step"], "optimizer": state["optimizer"]},
      },
      metrics=None if dev is None else {"dev": dev, "step": step},
      custom_metadata={
        "contract": contract,
        "progress": dataclasses.asdict(progress),
      },
    )

  def metadata(self, step: int) -> tuple[dict[str, Any], Progress]:
    """The contract and the progress saved at `step`.

    Raises:
      UserError: a damaged checkpoint.
    """

    def read() -> tuple[dict[str, Any], Progress]:
      saved = self._checkpointer.checkpointables_metadata(step).custom_metadata
      return saved["contract"], Progress(**saved["progress"])

    return self._whole(step, read)

  def restore(self, step: int, like: State, mesh: Mesh) -> State:
    """The state saved at `step`, laid out over `mesh`.

    Args:
      step: one of `steps`.
      like: a state (or its shapes) of the same tree.
      mesh: may differ from the one it was saved under.

    Raises:
      UserError: a damaged checkpoint.
    """
    abstract = _abstract(like, mesh)
    rest = {"step": abstract["step"], "optimizer": abstract["optimizer"]}
    wanted = {_PARAMS: abstract["params"], _REST: rest}
    loaded = self._whole(
      step, lambda: self._checkpointer.load_checkpointables(step, wanted)
    )
    return State(
      step=loaded[_REST]["step"],
      params=loaded[_PARAMS],
      optimizer=loaded[_REST]["optimizer"],
    )

  def restore_params(self, step: int, mesh: Mesh) -> Params:
    """The parameters saved at `step`, without the optimizer's state.

    Raises:
      UserError: a damaged checkpoint.
    """

    def read() -> Params:
      saved = self._checkpointer.checkpointables_metadata(step).metadata
      if saved.get(_PARAMS) is None:  # orbax warns of it, and goes on
        raise ValueError(f"no shapes can be read in {_PARAMS}/")
      loaded = self._checkpointer.load_checkpointables(
        step, {_PARAMS: _abstract(saved[_PARAMS], mesh)}
      )
      params: Params = loaded[_PARAMS]
      return params

    return self._whole(step, read)

  def _whole(self, step: int, read: Callable[[], _Read]) -> _Read:
    """What `read` gives of a checkpoint, or its damage as one line."""
    with _quiet():
      try:
        return read()
      except Exception as error:  # of many kinds, by which file is damaged
        reason = _first_line(error)
      gc.collect()  # while it is quiet: what the error held says so as it goes
    raise UserError(
      f"{self.directory}/{step}: the checkpoint is damaged ({reason});"
      f" {self._mend(step)}"
    )

  def _mend(self, step: int) -> str:
    """What to do without the checkpoint of `step`."""
    if any(other < step for other in self.steps):
      return "delete the folder to go on from the one before it"
    if self.steps == [step]:
      return "delete the folder to start again"
    return "put it back from a copy, or train again in another workdir"

  def close(self) -> None:
    """Waits for the save in flight; where none was made, no folder stays."""
    self._checkpointer.close()
    if self._saves:
      with contextlib.suppress(OSError):  # it holds checkpoints
        os.rmdir(self.directory)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Without the pages that orbax's tasks leave behind when one of them fails.

  Its threads and tasks print for themselves; their first error is raised.
  """
  hooks = sys.excepthook, sys.unraisablehook
  logger = logging.getLogger("asyncio")
  disabled = logger.disabled
  with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "coroutine .* was never awaited")
    try:
      logger.disabled = True
      sys.excepthook = sys.unraisablehook = _say_nothing
      yield
    finally:
      logger.disabled = disabled
      sys.excepthook, sys.unraisablehook = hooks


def _say_nothing(*_: object) -> None:
  pass


def _first_line(error: BaseException) -> str:
  """Of the error at the bottom: those above it tell of orbax's handlers."""
  while error.__cause__:
    error = error.__cause__
  lines = str(error).strip().splitlines()
  return lines[0][:200] if lines else type(error).__name__


def _abstract(tree: Any, mesh: Mesh) -> Any:
  """Shapes, types and places of a tree of arrays (or of their metadata)."""
  return jax.tree.map(
    lambda array, sharding: jax.ShapeDtypeStruct(
      array.shape, array.dtype, sharding=sharding
    ),
    tree,
    mesh_lib.shardings(mesh, tree),
  )
