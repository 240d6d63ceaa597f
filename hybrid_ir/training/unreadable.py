"""Why a checkpoint cannot be read: damaged, or kept off. From errors, to it.

Another job's memory, a limit, a mount that is gone for a minute: these damage
nothing, and the checkpoint is read once they are mended.
"""

import errno
import os
import pathlib
from collections.abc import Iterator

from hybrid_ir.errors import UserError

# Of these the file itself is the cause: it is not there, or not what it was.
_OF_THE_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL}
_MEMORY = "what else holds memory, of the devices (nvidia-smi) or the host"
_RIGHTS = "who may read its files, and as whom this runs"
_LIMIT = "the limit of open files (ulimit -n), here and of the system"
_DISK = "the disk or the mount that it lies on (dmesg)"
_PLACES = {
  errno.ENOMEM: _MEMORY,
  errno.EACCES: _RIGHTS,
  errno.EPERM: _RIGHTS,
  errno.EMFILE: _LIMIT,
  errno.ENFILE: _LIMIT,
  errno.EIO: _DISK,
  errno.ESTALE: _DISK,
  errno.ETIMEDOUT: _DISK,
}
# What C++ libraries raise has no number: the system's words, or absl's codes.
_WORDS = {os.strerror(number): place for number, place in _PLACES.items()} | {
  "RESOURCE_EXHAUSTED": _MEMORY,
  "PERMISSION_DENIED": _RIGHTS,
  "UNAUTHENTICATED": _RIGHTS,
  "DEADLINE_EXCEEDED": f"{_DISK}, and at the other processes' logs",
  "UNAVAILABLE": _DISK,
}


class DamagedError(UserError):
  """A checkpoint that cannot be read."""

  def __init__(self, fault: str, mend: str):
    """Says what is wrong, and apart from it what to do without it."""
    super().__init__(f"{fault}; {mend}")
    self.fault = fault


class UnreadError(UserError):
  """A checkpoint that was not read, and may well be sound."""

  def __init__(self, path: str, reason: str, place: str):
    """Says what kept it from being read, and where to look."""
    super().__init__(
      f"{path}: the checkpoint was not read ({reason}); that does not make it"
      f" damaged, so leave it there: look at {place}, and run the same command"
      " again"
    )
    self.reason = reason


def find(error: BaseException) -> tuple[BaseException, str] | None:
  """What kept a file from being read, and where to look; None: its damage.

  Args:
    error: looked through with its causes, what it was raised in, and the
      members of groups.
  """
  for one in _all(error, set()):
    if place := _place(one):
      return one, place
  return None


def probe(folder: str) -> None:
  """Opens every file below a folder.

  Raises:
    OSError: one is there that cannot be read.
  """

  def refuse(error: OSError) -> None:
    if find(error):
      raise error

  for root, _, names in os.walk(folder, onerror=refuse):
    for name in names:
      try:
        with pathlib.Path(root, name).open("rb") as file:
          file.read(1)
      except OSError as error:
        refuse(error)


def first_line(error: BaseException) -> str:
  """Of the error at the bottom: those above it tell of orbax's handlers."""
  while error.__cause__:
    error = error.__cause__
  lines = str(error).strip().splitlines()
  return lines[0][:200] if lines else type(error).__name__


def _place(error: BaseException) -> str:
  """Where to look for what an error tells; empty: it tells of the file."""
  if isinstance(error, MemoryError):
    return _MEMORY
  if isinstance(error, OSError) and error.errno is not None:
    if error.errno in _OF_THE_FILE:
      return ""
    return _PLACES.get(error.errno, _DISK)
  if isinstance(error, TimeoutError):
    return _DISK
  text = str(error)
  return next((place for word, place in _WORDS.items() if word in text), "")


def _all(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
  """An error and all that stand behind it, each once."""
  if id(error) in seen:
    return
  seen.add(id(error))
  yield error
  behind = [error.__cause__, error.__context__]
  if isinstance(error, BaseExceptionGroup):
    behind += error.exceptions
  for one in behind:
    if one is not None:
      yield from _all(one, seen)
