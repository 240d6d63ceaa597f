"""Files that are complete or absent. Used by every stage that writes."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator


@contextlib.contextmanager
def write_aside(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
  """Gives a path to write to, renamed to `path` when the block succeeds."""
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
  try:
    yield aside
    os.replace(aside, path)
  finally:
    aside.unlink(missing_ok=True)


@contextlib.contextmanager
def build_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Gives an empty folder, renamed to `path` when the block succeeds.

  Where another process was first, its folder stands and this one goes.
  """
  aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
  shutil.rmtree(aside, ignore_errors=True)  # of a killed process of that id
  aside.mkdir(parents=True)
  try:
    yield aside
    try:
      os.rename(aside, path)
    except OSError:
      if not path.is_dir():
        raise
  finally:
    shutil.rmtree(aside, ignore_errors=True)
