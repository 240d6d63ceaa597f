"""Files that are complete or absent. Used by every stage that writes."""

import contextlib
import errno
import fnmatch
import math
import os
import pathlib
import shutil
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Several hosts may write to one folder: process ids are not enough.
_HOST = socket.gethostname()
_OF_MACOS = ".DS_Store"


def is_full(error: BaseException) -> bool:
  """Whether a disk, or this user's share of it, had no room left."""
  return isinstance(error, OSError) and error.errno in (
    errno.ENOSPC,
    errno.EDQUOT,
  )


@contextlib.contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
  """Names the file of a full disk: what a write raises names none."""
  try:
    yield
  except OSError as error:
    if is_full(error) and error.filename is None:
      error.filename = os.fspath(path)
    raise


def save_array(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
  """Writes an array as .npy, as numpy.save does.

  Raises:
    OSError: with its number, such as ENOSPC; numpy's own has none.
  """
  save_blocks(path, array.dtype, array.shape, [array])


def save_blocks(
  path: str | os.PathLike[str],
  dtype: DTypeLike,
  shape: tuple[int, ...],
  blocks: Iterable[NDArray[Any]],
) -> None:
  """Writes an array as .npy that is never whole in memory.

  Not by a memmap: where the disk fills up, storing to one kills the process.

  Args:
    path: to write.
    dtype: of the array.
    shape: of the array [R, ...].
    blocks: its rows in order, [any number, ...] each.

  Raises:
    OSError: with its number, such as ENOSPC.
    ValueError: the blocks are not of that shape together.
  """
  dtype = np.dtype(dtype)
  header = {
    "descr": np.lib.format.dtype_to_descr(dtype),
    "fortran_order": False,
    "shape": shape,
  }
  left = math.prod(shape)
  with open(path, "wb") as file:
    np.lib.format.write_array_header_1_0(file, header)
    for block in blocks:
      left -= block.size
      file.write(np.asarray(block, dtype, order="C").data)
  if left:
    raise ValueError(f"{path}: {left} elements missing of {shape}")


@contextlib.contextmanager
def write_aside(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
  """Gives a path to write to, renamed to `path` when the block succeeds."""
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  aside = path.with_name(f".{path.name}.{_HOST}.{os.getpid()}.tmp")
  try:
    with _named(path):
      yield aside
    os.replace(aside, path)
  finally:
    aside.unlink(missing_ok=True)


def not_of(folder: pathlib.Path, known: Iterable[str]) -> list[str]:
  """What a folder holds that has none of these names; sorted.

  For whoever puts a new folder in its place, and may not lose what is not
  theirs. What macOS writes of a folder that was looked at is nobody's.

  Args:
    folder: to look through, with its folders; none where it is not there.
    known: paths in the folder; `*` stands for any letters.
  """
  patterns = tuple(known)
  found = (
    path.relative_to(folder).as_posix()
    for path in folder.rglob("*")
    if path.name != _OF_MACOS
  )
  return sorted(
    path
    for path in found
    if not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
  )


@contextlib.contextmanager
def build_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Gives an empty folder, renamed to `path` when the block succeeds.

  Where another process was first, its folder stands and this one goes.
  """
  aside = path.with_name(f".{path.name}.{_HOST}.{os.getpid()}.tmp")
  shutil.rmtree(aside, ignore_errors=True)  # of a killed process of that id
  aside.mkdir(parents=True)
  try:
    with _named(path):
      yield aside
    try:
      os.rename(aside, path)
    except OSError:
      if not path.is_dir():
        raise
  finally:
    shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def replace_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """As `build_folder`, in the place of an older folder, where there is one.

  The older one is never there in parts: it stays as it was until the block
  succeeds, and whatever ends this before the new one stands puts it back. After
  a kill between two renames it is beside, as `.NAME.old`, and the next call
  puts it back. Of a link, the folder that it leads to is replaced.
  """
  path = path.resolve()
  old = path.with_name(f".{path.name}.old")
  if old.is_dir() and not path.exists():
    os.rename(old, path)
  try:
    with build_folder(path) as aside:
      yield aside
      if path.is_dir():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(path, old)
  finally:
    if path.exists():
      shutil.rmtree(old, ignore_errors=True)
    elif old.is_dir():
      os.rename(old, path)
