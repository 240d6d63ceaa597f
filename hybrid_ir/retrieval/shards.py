"""An index on disk, complete or going on. From encoding, to `index`.

FOLDER/plan.json says what the index is to be, before anything is encoded; a
shard is there once its NNNNN.npy is, which is written last; manifest.json says
that all of them are.

  NNNNN.npy        [n, E] embeddings
  NNNNN.jsonl      a line a passage: id, language, text
  NNNNN.rows.npy   [n] where each line begins, and its language

Several processes may write shards, each of them others.
Memory is bounded: by three shards in writing (one is read, one encoded, one
written), by one in reading.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.passages import Passage
from hybrid_ir.errors import UserError
from hybrid_ir.files import save_array, write_aside
from hybrid_ir.retrieval.index import Index, Shard
from hybrid_ir.retrieval.origin import Origin

FOLDER = "index"  # of a workdir
_PLAN, _MANIFEST = "plan.json", "manifest.json"
_FORMAT = 1
_MEND = "delete the folder and run task=encode again"
_SHARE = "expected one folder that all processes share; name such a --workdir"
_LOOKS, _PAUSE_S = 5, 1.0  # for the shards of other hosts
_ROW = np.dtype([("offset", "<i8"), ("language", "<i4")])
Embed = Callable[[list[str], int], NDArray[np.float32]]  # texts, shard number


@dataclasses.dataclass(frozen=True)
class Plan:
  """What an index is to be."""

  origin: Origin
  corpus: str  # fingerprint
  corpus_name: str  # as configured
  languages: Mapping[str, int]  # code -> passages
  dtype: str  # float32, float16
  shard_size: int

  @property
  def passages(self) -> int:
    """How many there are."""
    return sum(self.languages.values())

  @property
  def shards(self) -> int:
    """How many there are."""
    return -(-self.passages // self.shard_size)

  def to_json(self) -> dict[str, Any]:
    """The content of plan.json."""
    return {"format": _FORMAT, **dataclasses.asdict(self)}


def start(folder: pathlib.Path, plan: Plan) -> None:
  """Makes or resumes an index, before any process writes to it.

  Raises:
    UserError: the folder holds another index.
  """
  path = folder / _PLAN
  if path.exists():
    _check_same(folder, plan, _read_json(path))
    for left in folder.glob(".*.tmp"):  # of a killed run
      left.unlink()
  else:
    with write_aside(path) as aside:
      aside.write_text(json.dumps(plan.to_json(), indent=1), encoding="utf-8")


def missing(folder: pathlib.Path, plan: Plan) -> set[int]:
  """The numbers of the shards that are still to be written.

  Raises:
    UserError: the index was not begun here.
  """
  # Listed, not asked for one by one: a network's file system remembers for a
  # while that a file was not there, but reads a folder anew when it is opened.
  there: set[str] = set()
  with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
    there = {entry.name for entry in entries}
  if _PLAN not in there:
    raise UserError(f"{folder}: {_PLAN} is not there; {_SHARE}")
  if _MANIFEST in there:
    return set()
  return {
    number
    for number in range(plan.shards)
    if _path(folder, number, "npy").name not in there
  }


def write_shards(
  folder: pathlib.Path,
  plan: Plan,
  shards: Iterable[tuple[int, Sequence[Passage]]],
  embed: Embed,
) -> Iterator[int]:
  """Encodes shards; each is written while the next is encoded.

  Each distinct text of a shard is encoded once, so that equal texts tie.

  Args:
    folder: of the index.
    plan: that it was started with.
    shards: numbers, and the passages of each, in any order.
    embed: passage texts -> [texts, E].

  Yields:
    The passages of each shard, how many, once it is on disk.

  Raises:
    UserError: embeddings that are not finite.
  """
  with concurrent.futures.ThreadPoolExecutor(1) as thread:
    flying = None
    for number, passages in shards:
      ordered = sorted(passages, key=lambda passage: passage.id, reverse=True)
      texts = list(dict.fromkeys(passage.text for passage in ordered))
      with np.errstate(over="ignore"):  # what overflows is refused
        embedded = embed(texts, number).astype(plan.dtype)
      _check_finite(folder, plan, texts, embedded)
      place = {text: i for i, text in enumerate(texts)}
      embeddings = embedded[[place[passage.text] for passage in ordered]]
      landed, flying = (
        flying,
        thread.submit(_write, folder, plan, number, ordered, embeddings),
      )
      if landed:
        yield landed.result()
    if flying:
      yield flying.result()


def _check_finite(
  folder: pathlib.Path,
  plan: Plan,
  texts: Sequence[str],
  embedded: NDArray[np.floating[Any]],
) -> None:
  bad = np.flatnonzero(~np.isfinite(embedded).all(axis=1))
  if len(bad):
    raise UserError(
      f"{folder}: {len(bad)} of {len(texts)} embeddings are not finite in"
      f" {plan.dtype} (the first is of the text {texts[bad[0]][:40]!r}); mend"
      " the model, its dtype or config key 'encode.dtype'"
    )


def _write(
  folder: pathlib.Path,
  plan: Plan,
  number: int,
  passages: Sequence[Passage],
  embeddings: NDArray[np.floating[Any]],
) -> int:
  """Writes a shard's files, the embeddings last; how many passages it has."""
  codes = {code: i for i, code in enumerate(plan.languages)}
  rows = np.zeros(len(passages), _ROW)
  with (
    write_aside(_path(folder, number, "jsonl")) as aside,
    aside.open("wb") as file,
  ):
    for row, passage in zip(rows, passages, strict=True):
      row["offset"] = file.tell()
      row["language"] = codes[passage.language]
      line = {
        "id": passage.id,
        "language": passage.language,
        "text": passage.text,
      }
      file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
  _save(_path(folder, number, "rows.npy"), rows)
  _save(_path(folder, number, "npy"), embeddings)
  return len(passages)


def finish(folder: pathlib.Path, plan: Plan) -> None:
  """Writes manifest.json.

  Raises:
    UserError: a shard is not there, nor seconds later: what another host has
      written may be seen here a little late.
  """
  for _ in range(_LOOKS):
    if not missing(folder, plan):
      break
    time.sleep(_PAUSE_S)
  if absent := missing(folder, plan):
    raise UserError(
      f"{folder}: {len(absent)} of {plan.shards} shards are not there, such as"
      f" {min(absent)}; {_SHARE}"
    )
  content = {**plan.to_json(), "passages": plan.passages, "shards": plan.shards}
  with write_aside(folder / _MANIFEST) as aside:
    aside.write_text(json.dumps(content, indent=1), encoding="utf-8")


def open_index(folder: pathlib.Path) -> Index:
  """An index that is complete. Reads no text and no embedding.

  Raises:
    UserError: none there, not complete, or damaged.
  """
  path = folder / _MANIFEST
  if not path.exists():
    begun = (folder / _PLAN).exists()
    raise UserError(
      f"{folder}: the index is not complete; run task=encode again, it goes on"
      " where it stopped"
      if begun
      else f"{folder}: no index there; run task=encode first"
    )
  manifest = _read_json(path)
  languages = tuple(manifest["languages"])
  shards = tuple(
    _open_shard(folder, number, manifest["origin"]["size"])
    for number in range(manifest["shards"])
  )
  index = Index(
    str(folder),
    languages,
    shards,
    Origin(**manifest["origin"]),
    manifest["corpus_name"],
  )
  if len(index) != manifest["passages"]:
    raise UserError(
      f"{folder}: holds {len(index)} passages, but {_MANIFEST} says"
      f" {manifest['passages']}; {_MEND}"
    )
  return index


def _open_shard(folder: pathlib.Path, number: int, size: int) -> Shard:
  texts = _path(folder, number, "jsonl")
  path = _path(folder, number, "npy")
  try:
    embeddings = np.load(path, mmap_mode="r")
    rows = np.load(_path(folder, number, "rows.npy"))
  except (OSError, EOFError, ValueError) as error:
    raise UserError(
      f"{folder}: shard {number} cannot be read ({error}); {_MEND}"
    ) from None
  if embeddings.shape != (len(rows), size) or not texts.exists():
    raise UserError(f"{path}: does not fit the files beside it; {_MEND}")
  return Shard(
    embeddings,
    np.ascontiguousarray(rows["language"]),
    functools.partial(_read_passages, texts, rows["offset"]),
  )


def _read_passages(
  path: pathlib.Path, offsets: NDArray[np.int64], rows: Sequence[int]
) -> list[Passage]:
  """The passages of rows."""
  with path.open("rb") as file:

    def lines() -> Iterator[bytes]:
      for row in rows:
        file.seek(offsets[row])
        yield file.readline()

    try:
      return [Passage(**json.loads(line)) for line in lines()]
    except (ValueError, TypeError) as error:
      raise UserError(f"{path}: damaged ({error}); {_MEND}") from None


def _check_same(
  folder: pathlib.Path, plan: Plan, stored: dict[str, Any]
) -> None:
  ours = json.loads(json.dumps(plan.to_json()))
  if stored.get("corpus") != plan.corpus:
    there = stored.get("corpus_name")
    changes = [
      f"the content of {there!r} has changed since it was encoded"
      if there == plan.corpus_name
      else f"its corpus is {there!r}, not {plan.corpus_name!r}"
    ]
  else:
    changes = [
      f"its {name} is another"
      if isinstance(ours[name], dict)
      else f"its {name} is {stored.get(name)!r}, not {ours[name]!r}"
      for name in ours.keys() - {"corpus_name"}
      if stored.get(name) != ours[name]
    ]
  if changes:
    raise UserError(
      f"{folder}: holds another index ({'; '.join(sorted(changes))}); name"
      " another workdir, or delete that folder"
    )


def _path(folder: pathlib.Path, number: int, kind: str) -> pathlib.Path:
  return folder / f"{number:05d}.{kind}"


def _save(path: pathlib.Path, array: NDArray[Any]) -> None:
  with write_aside(path) as aside:
    save_array(aside, array)


def _read_json(path: pathlib.Path) -> dict[str, Any]:
  try:
    content = json.loads(path.read_text(encoding="utf-8"))
  except ValueError as error:
    raise UserError(f"{path}: not JSON ({error}); {_MEND}") from None
  if not isinstance(content, dict) or content.get("format") != _FORMAT:
    raise UserError(f"{path}: not of format {_FORMAT}; {_MEND}")
  return content
