"""An index of ScaNN's on disk. From `ann`, to `approximate`.

FOLDER/ holds ScaNN's files, manifest.json, which says of which embeddings they
are, and tuned-K.json: how it is searched for K passages a query. It is complete
or absent. What was built of other embeddings is refused, never searched.
"""

import dataclasses
import json
import pathlib
import shutil
from typing import Any

from hybrid_ir.errors import UserError
from hybrid_ir.files import build_folder, write_aside
from hybrid_ir.retrieval import ann_searcher
from hybrid_ir.retrieval.ann import Tool
from hybrid_ir.retrieval.ann_parameters import Parameters
from hybrid_ir.retrieval.ann_searcher import Searcher
from hybrid_ir.retrieval.ann_tuning import Setting, Tuned

_MANIFEST = "manifest.json"
_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Source:
  """The embeddings of an index. Any other makes another one."""

  fingerprint: str  # of the embeddings' bytes
  passages: int  # C
  width: int  # E
  part: int
  parts: int  # that the passages are shared out in
  languages: tuple[str, ...]  # that are searched; empty: all


def save(folder: pathlib.Path, source: Source, tool: Tool) -> None:
  """Writes an index; it is there at once or not at all.

  Args:
    folder: to be made.
    source: the embeddings that it was built of.
    tool: the index, and how it is searched.
  """
  for left in folder.parent.glob(f".{folder.name}.*.tmp"):  # of a killed run
    shutil.rmtree(left)
  with build_folder(folder) as aside:
    tool.searcher.save(aside)
    if tool.tuned:
      write_tuned(aside, tool.tuned)
    content = {
      "format": _FORMAT,
      "scann": ann_searcher.version(),
      "source": dataclasses.asdict(source),
      "parameters": dataclasses.asdict(tool.searcher.parameters),
      "build_s": tool.build_s,
    }
    text = json.dumps(content, indent=1)
    (aside / _MANIFEST).write_text(text, encoding="utf-8")


def open_index(
  folder: pathlib.Path, source: Source
) -> tuple[Searcher, float] | None:
  """The index and the seconds that building it took; None where none is.

  Args:
    folder: that `save` wrote.
    source: the embeddings that are to be searched.

  Raises:
    UserError: it is of other embeddings, or damaged.
    AnnUnavailableError: where ScaNN is not installed.
  """
  for path in sorted(folder.parent.glob(f"[0-9]*/{_MANIFEST}")):
    parts = _read(path).get("source", {}).get("parts")
    if parts != source.parts:
      raise UserError(
        f"{path.parent}: one of {parts} parts, but {source.parts} processes"
        f" search; start {parts}, or delete {folder.parent}: it is built again"
      )
  if not folder.exists():
    return None
  manifest = _read(folder / _MANIFEST)
  ours = {
    "format": _FORMAT,
    "scann": ann_searcher.version(),
    "source": json.loads(json.dumps(dataclasses.asdict(source))),
  }
  changes = [
    f"{name} is {there!r}, not {here!r}"
    for name, there, here in _differences(manifest, ours)
  ]
  if changes:
    raise UserError(
      f"{folder}: was built of something else ({'; '.join(changes)}); delete"
      f" {folder.parent}, it is built again"
    )
  try:
    parameters = Parameters(**manifest["parameters"])
    build_s = float(manifest["build_s"])
  except (KeyError, TypeError, ValueError) as error:
    raise _damaged(folder / _MANIFEST, error) from None
  return ann_searcher.open_searcher(folder, parameters, source.width), build_s


def read_tuned(folder: pathlib.Path, depth: int) -> Tuned | None:
  """How an index is searched for so many passages; None: not tuned for them.

  Raises:
    UserError: a damaged file.
  """
  path = _tuned_path(folder, depth)
  if not path.exists():
    return None
  content = _read(path)
  try:
    return Tuned(**{**content, "setting": Setting(**content["setting"])})
  except (KeyError, TypeError) as error:
    raise _damaged(path, error) from None


def write_tuned(folder: pathlib.Path, tuned: Tuned) -> None:
  """Writes how an index is searched, for `read_tuned`."""
  content = {**dataclasses.asdict(tuned), "setting": tuned.setting._asdict()}
  with write_aside(_tuned_path(folder, tuned.depth)) as aside:
    aside.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _tuned_path(folder: pathlib.Path, depth: int) -> pathlib.Path:
  return folder / f"tuned-{depth}.json"


def _differences(
  there: dict[str, Any], here: dict[str, Any]
) -> list[tuple[str, Any, Any]]:
  """Names, and the values on both sides, where they are not the same."""
  found = []
  for name, value in here.items():
    if name == "source" and isinstance(there.get(name), dict):
      found += _differences(there[name], value)
    elif there.get(name) != value:
      found.append((name, there.get(name), value))
  return found


def _read(path: pathlib.Path) -> dict[str, Any]:
  try:
    content = json.loads(path.read_text(encoding="utf-8"))
  except (OSError, ValueError) as error:
    raise _damaged(path, error) from None
  if not isinstance(content, dict):
    raise _damaged(path, "no object")
  return content


def _damaged(path: pathlib.Path, reason: object) -> UserError:
  return UserError(
    f"{path}: damaged ({reason}); delete {path.parent}, it is built again"
  )
