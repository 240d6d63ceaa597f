"""States on disk; the only importer of orbax. From the loop, to evaluation."""

import contextlib
import dataclasses
import os
from typing import Any

import jax
from jax.sharding import Mesh
from orbax.checkpoint import v1 as ocp

from hybrid_ir.model.encoder import Params
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.step import State

# Apart, so that evaluation and warm starts read parameters alone.
_PARAMS, _REST = "params", "optimizer"


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
      directory,
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
    """The contract and the progress saved at `step`."""
    saved = self._checkpointer.checkpointables_metadata(step).custom_metadata
    return saved["contract"], Progress(**saved["progress"])

  def restore(self, step: int, like: State, mesh: Mesh) -> State:
    """The state saved at `step`, laid out over `mesh`.

    Args:
      step: one of `steps`.
      like: a state (or its shapes) of the same tree.
      mesh: may differ from the one it was saved under.
    """
    abstract = _abstract(like, mesh)
    rest = {"step": abstract["step"], "optimizer": abstract["optimizer"]}
    loaded = self._checkpointer.load_checkpointables(
      step, {_PARAMS: abstract["params"], _REST: rest}
    )
    return State(
      step=loaded[_REST]["step"],
      params=loaded[_PARAMS],
      optimizer=loaded[_REST]["optimizer"],
    )

  def restore_params(self, step: int, mesh: Mesh) -> Params:
    """The parameters saved at `step`, without the optimizer's state."""
    saved = self._checkpointer.checkpointables_metadata(step).metadata
    loaded = self._checkpointer.load_checkpointables(
      step, {_PARAMS: _abstract(saved[_PARAMS], mesh)}
    )
    params: Params = loaded[_PARAMS]
    return params

  def close(self) -> None:
    """Waits for the save in flight; where none was made, no folder stays."""
    self._checkpointer.close()
    if self._saves:
      with contextlib.suppress(OSError):  # it holds checkpoints
        os.rmdir(self.directory)


def _abstract(tree: Any, mesh: Mesh) -> Any:
  """Shapes, types and places of a tree of arrays (or of their metadata)."""
  return jax.tree.map(
    lambda array, sharding: jax.ShapeDtypeStruct(
      array.shape, array.dtype, sharding=sharding
    ),
    tree,
    mesh_lib.shardings(mesh, tree),
  )
