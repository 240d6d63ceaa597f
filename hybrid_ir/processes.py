"""Processes that run one program, and what they share. To `main`, tasks, loop.

Texts go through the key-value store of JAX's coordination service: it needs no
devices, and so works where hosts differ. Arrays go through the devices.
"""

import hashlib
import importlib.metadata
import itertools
import json
import pathlib
import secrets
import socket
from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import numpy as np
from jax._src import distributed  # the store has no public name
from jax.experimental import multihost_utils
from numpy.typing import NDArray

from hybrid_ir.errors import UserError
from hybrid_ir.files import write_aside
from hybrid_ir.hosts.joining import join as join
from hybrid_ir.hosts.progress import arrive as arrive
from hybrid_ir.hosts.progress import tick as tick
from hybrid_ir.hosts.progress import waiting as waiting

T = TypeVar("T")
# Processes wait for each other's work (data, an evaluation) as long as it
# takes: the watchdog ends them where one is dead, or does nothing.
_PATIENCE_S = 7 * 24 * 3600
_LIBRARIES = ("jax", "jaxlib", "flax", "optax")
_turns = itertools.count()  # collective calls come in one order everywhere
_MARK = ".shared"  # of the last training that started in a folder
_MARK_OF_READERS = ".shared_read"  # of what only reads its checkpoints
_marks: dict[pathlib.Path, str] = {}  # folder -> this start's, in process 0


def index() -> int:
  """The number of this process, from 0."""
  return distributed.global_state.process_id


def count() -> int:
  """How many processes run this program."""
  return distributed.global_state.num_processes


def is_first() -> bool:
  """Whether this process writes what is written once."""
  return index() == 0


def coordinator_host() -> str:
  """Name or address at which all processes find process 0."""
  address = distributed.global_state.coordinator_address or ""
  return address.rpartition(":")[0].strip("[]")


def tell(key: str, text: str) -> None:
  """Stores a text for all processes; a key is told once."""
  _client().key_value_set(f"hybrid_ir/{key}", text)


def ask(key: str, timeout_s: int) -> str:
  """A text that some process tells, waited for.

  Raises:
    UserError: it was not told in time.
  """
  try:
    return _client().blocking_key_value_get(
      f"hybrid_ir/{key}", timeout_s * 1000
    )
  except jax.errors.JaxRuntimeError as error:
    if "DEADLINE_EXCEEDED" not in str(error):
      raise
    raise UserError(
      f"another process did not come to {key!r} within {timeout_s} s; look at"
      " the other processes' logs"
    ) from None


def wait(name: str) -> None:
  """Returns when all processes have called it with this name."""
  if count() > 1:
    turn = f"hybrid_ir/{name}/{next(_turns)}"
    arrive(name)
    _client().wait_at_barrier(turn, _PATIENCE_S * 1000)


def agree(
  facts: Mapping[str, str], mend: str = "start all of them from the same"
) -> None:
  """Refuses processes of different code, config or data. All call it.

  Args:
    facts: what is compared, by a name that stands in the message.
    mend: what to do where they differ; ends the message.

  Raises:
    UserError: on every process alike; it names what differs, the values and
      which processes (and hosts) have them.
  """
  if count() == 1:
    if (hosts := jax.process_count()) > 1:
      raise UserError(
        f"this host's devices belong to a slice of {hosts} hosts; set config"
        " key 'mesh.distributed' to True and start a process on each"
      )
    return
  turn = f"agree/{next(_turns)}"
  arrive(f"comparing {next(iter(facts), 'nothing')}")
  tell(f"{turn}/{index()}", json.dumps([socket.gethostname(), dict(facts)]))
  if is_first():
    told = [
      json.loads(ask(f"{turn}/{other}", _PATIENCE_S))
      for other in range(count())
    ]
    tell(f"{turn}/verdict", differences(told, mend))
  if verdict := ask(f"{turn}/verdict", _PATIENCE_S):
    raise UserError(verdict)


def agree_on(folder: pathlib.Path, *, hold: bool) -> None:
  """Refuses a folder that not all processes share.

  All call it.

  Args:
    folder: as each process sees it.
    hold: mark it as this start's, for `check_held`; what saves no checkpoints
      leaves the mark of a training that runs elsewhere as it is.

  Raises:
    UserError: on every process alike, naming those that see another folder.
  """
  name = _MARK if hold else _MARK_OF_READERS
  if is_first() and (hold or count() > 1):
    mark = secrets.token_hex(8)
    with write_aside(folder / name) as aside:
      aside.write_text(mark)
    if hold:
      _marks[folder] = mark
  if count() == 1:
    return
  wait("folder marked")
  agree(
    {f"the mark of this start in {folder}": _mark_in(folder / name)},
    f"--workdir={folder} must be one folder for all of them: mount a bucket or"
    " a network disk there on every host (docs/launch.md)",
  )


def check_held() -> None:
  """Refuses a workdir in which another training started since `agree_on`.

  A lock on a bucket, or on some network disks, holds on one machine alone: the
  last start has the workdir. Of several processes the first one looks.

  Raises:
    UserError: another run has it.
  """
  for folder, ours in _marks.items():
    if (seen := _mark_in(folder / _MARK)) == ours:
      continue
    raise UserError(
      f"{folder / _MARK}: another run was started in this workdir (its mark is"
      f" {seen}, this run's {ours}), so this one writes no more to it; end one"
      " of the two"
    )


def _mark_in(path: pathlib.Path) -> str:
  try:
    return path.read_text()
  except FileNotFoundError:
    return "not there"


def differences(told: list[tuple[str, dict[str, str]]], mend: str) -> str:
  """What processes do not agree on, as one line; empty: nothing.

  Args:
    told: host name and facts of each process.
    mend: what to do then.
  """
  names = sorted({name for _, facts in told for name in facts})
  found = []
  for name in names:
    holders: dict[str, list[str]] = {}
    for process, (host, facts) in enumerate(told):
      value = facts.get(name, "missing")
      holders.setdefault(value, []).append(f"{process} ({host})")
    if len(holders) > 1:
      found.append(
        f"{name} is "
        + ", ".join(
          f"{_short(value, 80)} in process {_some(who)}"
          for value, who in holders.items()
        )
      )
  if not found:
    return ""
  return (
    "the processes of a run must have the same code, config and data, but "
    + _some(found, "; ")
    + f"; {mend}"
  )


def fingerprint() -> str:
  """The code that this process runs: our files, JAX's and its kin's versions.

  Returns:
    16 hexadecimal digits.
  """
  digest = hashlib.sha256()
  package = pathlib.Path(__file__).parent
  for path in sorted(package.rglob("*")):
    if path.is_file() and "__pycache__" not in path.parts:
      content = hashlib.sha256(path.read_bytes()).hexdigest()
      digest.update(f"{path.relative_to(package)} {content}\n".encode())
  for library in _LIBRARIES:
    version = importlib.metadata.version(library)
    digest.update(f"{library} {version}\n".encode())
  return digest.hexdigest()[:16]


def place(tree: T, shardings: Any) -> T:
  """Arrays of this host as global arrays; with one process jax.device_put.

  Args:
    tree: of arrays in their global shapes, the same in every process. A
      process reads the parts of its own devices alone: others may be wrong,
      or lie unread in a file (numpy.memmap).
    shardings: one sharding, or a tree of them that is a prefix of `tree`.
  """
  if count() == 1:
    return jax.device_put(tree, shardings)
  # Others' devices are about to compute with them, and wait for each other.
  if all(x.is_fully_addressable for x in jax.tree.leaves(shardings)):
    tick()
  else:
    arrive()

  def put(leaf: Any, sharding: jax.sharding.Sharding) -> jax.Array:
    array = np.asarray(leaf)
    return jax.make_array_from_callback(
      array.shape, sharding, lambda part: array[part]
    )

  return jax.tree.map(put, tree, jax.tree.broadcast(shardings, tree))


def gather(tree: Any) -> Any:
  """The whole arrays in numpy, in every process. All call it.

  Args:
    tree: of arrays; those that lie on this process's devices alone (or in
      numpy) are taken as they are.
  """
  return jax.tree.map(_whole, tree)


def _whole(leaf: Any) -> NDArray[Any]:
  if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
    if leaf.is_fully_replicated:
      return np.asarray(leaf.addressable_data(0))
    arrive()
    return np.asarray(multihost_utils.process_allgather(leaf, tiled=True))
  return np.asarray(leaf)


def _client() -> Any:
  client = distributed.global_state.client
  if client is None:
    raise RuntimeError("processes share nothing before `join`")
  return client


def _short(text: str, most: int) -> str:
  return text if len(text) <= most else text[: most - 3] + "..."


def _some(texts: list[str], between: str = ", ", most: int = 5) -> str:
  """The first few, and how many more there are."""
  more = [f"{len(texts) - most} more"] if len(texts) > most else []
  return between.join(texts[:most] + more)
