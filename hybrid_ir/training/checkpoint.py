"""States on disk; the only importer of orbax. From the loop, to evaluation."""

import contextlib
import dataclasses
import errno
import gc
import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import jax
from jax.sharding import Mesh
from orbax.checkpoint import v1 as ocp

from hybrid_ir import processes
from hybrid_ir.errors import UserError
from hybrid_ir.model.encoder import Params
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training import unreadable
from hybrid_ir.training.quiet import quiet
from hybrid_ir.training.step import State
from hybrid_ir.training.unreadable import DamagedError, UnreadError

# Apart, so that evaluation and warm starts read parameters alone.
_PARAMS, _REST = "params", "optimizer"
_Read = TypeVar("_Read")
_FULL = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT)))


@dataclasses.dataclass(frozen=True)
class Progress:
  """What the loop remembers of its dev evaluations."""

  best_step: int = 0
  best_value: float | None = None
  without_gain: int = 0  # evaluations since the best
  of: str = ""  # fingerprint of what was evaluated on; "": not known
  since: int = 0  # the step from which on figures can be compared


class FullDiskError(UserError):
  """A checkpoint for which there is no room."""


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
            # Those that can be compared with the latest, before all others;
            # of equals the first, which is the loop's best too.
            get_metric_fn=lambda metrics: (
              metrics.get("since", 0),
              metrics["dev"],
              -metrics["step"],
            ),
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

    Raises:
      FullDiskError: what was saved before is whole.
      UserError: another run was started in this workdir.
    """
    processes.check_held()
    metrics = {"dev": dev, "step": step, "since": progress.since}
    with self._full_disk():
      self._checkpointer.save_checkpointables_async(
        step,
        {
          _PARAMS: state["params"],
          _REST: {"step": state["step"], "optimizer": state["optimizer"]},
        },
        metrics=None if dev is None else metrics,
        custom_metadata={
          "contract": contract,
          "progress": dataclasses.asdict(progress),
        },
      )

  def metadata(self, step: int) -> tuple[dict[str, Any], Progress]:
    """The contract and the progress saved at `step`.

    Raises:
      DamagedError: what is in it cannot be read.
      UnreadError: something else kept it from being read.
    """

    def read() -> tuple[dict[str, Any], Progress]:
      for _ in range(2):  # orbax logs what keeps it from reading, and goes on
        saved = self._checkpointer.checkpointables_metadata(step)
        if kept := saved.custom_metadata:
          return kept["contract"], Progress(**kept["progress"])
      raise ValueError("no contract can be read in it")

    return self._whole(step, read)

  def restore(self, step: int, like: State, mesh: Mesh) -> State:
    """The state saved at `step`, laid out over `mesh`.

    Args:
      step: one of `steps`.
      like: a state (or its shapes) of the same tree.
      mesh: may differ from the one it was saved under.

    Raises:
      DamagedError: what is in it cannot be read.
      UnreadError: something else kept it from being read.
      UserError: it is of another tree, or of other shapes.
    """
    abstract = _abstract(like, mesh)
    rest = {"step": abstract["step"], "optimizer": abstract["optimizer"]}
    wanted = {_PARAMS: abstract["params"], _REST: rest}
    try:
      loaded = self._whole(
        step, lambda: self._checkpointer.load_checkpointables(step, wanted)
      )
    except DamagedError:
      self._check_fits(step, wanted)
      raise
    return State(
      step=loaded[_REST]["step"],
      params=loaded[_PARAMS],
      optimizer=loaded[_REST]["optimizer"],
    )

  def restore_params(self, step: int, mesh: Mesh) -> Params:
    """The parameters saved at `step`, without the optimizer's state.

    Raises:
      DamagedError: what is in it cannot be read.
      UnreadError: something else kept it from being read.
    """

    def read() -> Params:
      for _ in range(2):  # orbax warns of what it cannot read, and goes on
        saved = self._checkpointer.checkpointables_metadata(step).metadata
        if saved.get(_PARAMS) is not None:
          break
      else:
        raise ValueError(f"no shapes can be read in {_PARAMS}/")
      loaded = self._checkpointer.load_checkpointables(
        step, {_PARAMS: _abstract(saved[_PARAMS], mesh)}
      )
      params: Params = loaded[_PARAMS]
      return params

    return self._whole(step, read)

  def _whole(self, step: int, read: Callable[[], _Read]) -> _Read:
    """What `read` gives of a checkpoint, or why it gives nothing."""
    path = f"{self.directory}/{step}"
    with quiet():
      try:
        return read()
      except Exception as error:  # of many kinds, by which file is damaged
        place, reason = _explain(error)
      gc.collect()  # while it is quiet: what the error held says so as it goes
    if not place:
      try:  # orbax does not raise all that it meets
        unreadable.probe(path)
      except OSError as error:
        place, reason = _explain(error)
    if place:
      raise UnreadError(path, reason, place)
    raise DamagedError(
      f"{path}: the checkpoint is damaged ({reason})", self._mend(step)
    )

  def _check_fits(self, step: int, wanted: Mapping[str, Any]) -> None:
    """Tells a state that another config would have from a damaged one."""

    def read() -> dict[str, Any]:
      saved = self._checkpointer.checkpointables_metadata(step).metadata
      if any(saved.get(name) is None for name in wanted):  # orbax goes on
        raise ValueError("shapes are missing")
      return {name: saved[name] for name in wanted}

    try:
      saved = _shapes(self._whole(step, read))
    except DamagedError:  # its shapes cannot be read, either
      return
    asked = _shapes(wanted)
    changed = [
      f"{name} is {saved.get(name, 'not there')}, and would be"
      f" {asked.get(name, 'left out')}"
      for name in sorted(saved.keys() | asked.keys())
      if saved.get(name) != asked.get(name)
    ]
    if changed:
      more = f" (and {len(changed) - 1:,} more)" if len(changed) > 1 else ""
      raise UserError(
        f"{self.directory}/{step}: sound, but not of this config's state:"
        f" {changed[0]}{more}; set the keys back that changed since, or start"
        " from its parameters in another workdir (train.warm_start)"
      )

  def _mend(self, step: int) -> str:
    """What to do without the checkpoint of `step`."""
    if any(other < step for other in self.steps):
      return "delete the folder to go on from the one before it"
    if self.steps == [step]:
      return "delete the folder to start again"
    return "put it back from a copy, or train again in another workdir"

  def set_aside(self, step: int) -> str:
    """Moves a checkpoint out of the way; gives the folder it is in now."""
    aside = f"{os.path.abspath(self.directory)}_damaged"
    kept = f"{aside}/{step}"
    for number in itertools.count(1):
      if not os.path.exists(kept):
        break
      kept = f"{aside}/{step}.{number}"  # an earlier start's stays as it is
    processes.wait("the folder's name is found")
    if processes.is_first():
      os.makedirs(aside, exist_ok=True)
      os.rename(f"{os.path.abspath(self.directory)}/{step}", kept)
    processes.wait("checkpoint set aside")
    self._checkpointer.reload()
    return kept

  def close(self) -> None:
    """Waits for the save in flight; where none was made, no folder stays.

    Raises:
      FullDiskError: a save in flight had no room.
    """
    with self._full_disk():
      self._checkpointer.close()
    if self._saves:
      with contextlib.suppress(OSError):  # it holds checkpoints
        os.rmdir(self.directory)

  @contextlib.contextmanager
  def _full_disk(self) -> Iterator[None]:
    """A save that failed for want of room, as one line."""
    try:
      yield
    except Exception as error:  # tensorstore's has a type of its own
      said = f"{error} {unreadable.first_line(error)}"
      if not any(words in said for words in _FULL):
        raise
      raise FullDiskError(self._describe_full()) from None

  def _describe_full(self) -> str:
    """What is safe, and how to get room."""
    left = shutil.disk_usage(self.directory).free >> 20
    # Not orbax's list: a save adds its step and takes the oldest out before
    # anything is written. A folder has its name when it is whole.
    names = os.listdir(self.directory)
    whole = sorted(int(name) for name in names if name.isdecimal())
    mend = "free some room and run the same command again"
    if len(whole) > 1:
      mend += " (of these, all but the newest and the best may be deleted)"
    return (
      f"{self.directory}: the disk is full ({left:,} MiB left);"
      + (f" the checkpoints of steps {whole} are" if whole else " none is yet")
      + f" whole: {mend}"
    )


def _explain(error: Exception) -> tuple[str, str]:
  """Where to look for what kept it off (empty: it is damaged), and why."""
  cause, place = unreadable.find(error) or (error, "")
  return place, unreadable.first_line(cause)


def _shapes(tree: Any) -> dict[str, str]:
  """Shape of every array of a tree (or of its metadata), by its path."""
  return {
    jax.tree_util.keystr(path, simple=True, separator="/"): str(leaf.shape)
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
  }


def _abstract(tree: Any, mesh: Mesh) -> Any:
  """Shapes, types and places of a tree of arrays (or of their metadata)."""
  return jax.tree.map(
    lambda array, sharding: jax.ShapeDtypeStruct(
      array.shape, array.dtype, sharding=sharding
    ),
    tree,
    mesh_lib.shardings(mesh, tree),
  )
