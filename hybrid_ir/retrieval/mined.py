"""Mined data sets on disk. From task=mine, to the reader of JSON lines.

FOLDER/NAME.jsonl is the data set, NAME.json how it was made and its figures,
which is written last. Until then there is NAME.parts: a file a block, its
counts in the first line.
"""

import collections
import dataclasses
import json
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.files import save_array, write_aside

Counts = collections.Counter[str]


@dataclasses.dataclass(frozen=True)
class Mined:
  """The files of one data set."""

  folder: pathlib.Path
  name: str

  @property
  def path(self) -> pathlib.Path:
    """The data set."""
    return self.folder / f"{self.name}.jsonl"

  @property
  def _figures(self) -> pathlib.Path:
    return self.folder / f"{self.name}.json"

  @property
  def _parts(self) -> pathlib.Path:
    return self.folder / f"{self.name}.parts"

  def check(self, plan: Mapping[str, Any]) -> None:
    """Refuses what stands there already, unless it is of the same plan.

    Raises:
      UserError: saying what differs, or that the file is of unknown origin.
    """
    begun = self._parts / "plan.json"
    if self._figures.exists():
      stored, where = _read(self._figures).get("plan"), self._figures
    elif begun.exists():
      stored, where = _read(begun), begun
    elif self.path.exists():
      raise UserError(
        f"{self.path}: stands there already, without {self._figures.name} to"
        " say how it was mined; move it away, or name another workdir"
      )
    else:
      return
    old = dict(_flatten(stored)) if isinstance(stored, dict) else {}
    new = dict(_flatten(json.loads(json.dumps(plan))))
    changes = [
      f"{key}: {old.get(key)!r} there, {new.get(key)!r} now"
      for key in sorted(old.keys() | new.keys())
      if old.get(key) != new.get(key)
    ]
    if changes:
      raise UserError(
        f"{where}: mined in another way ({'; '.join(changes)}); set that back,"
        f" or remove {self.folder / self.name}.*, or name another workdir"
      )

  def figures(self) -> dict[str, Any] | None:
    """The figures of a data set that is complete; None: it is not."""
    if not self._figures.exists():
      return None
    shutil.rmtree(self._parts, ignore_errors=True)  # of a run killed at its end
    if not self.path.exists():
      raise UserError(
        f"{self.path}: gone, though {self._figures} says that it was mined; put"
        " it back, or remove that file too to mine again"
      )
    return _read(self._figures)

  def begin(self, plan: Mapping[str, Any]) -> None:
    """Makes the folder of parts, where there is none yet."""
    with write_aside(self._parts / "plan.json") as aside:
      aside.write_text(json.dumps(plan, indent=1))

  def has(self, block: int) -> bool:
    """Whether a block is complete."""
    return self._part(block).exists()

  def write(
    self,
    block: int,
    records: Sequence[Record],
    negatives: Iterable[Sequence[str]],
    counts: Counts,
  ) -> None:
    """Writes the records of a block, with their negatives."""
    with (
      write_aside(self._part(block)) as aside,
      aside.open("w", encoding="utf-8") as file,
    ):
      file.write(json.dumps(counts) + "\n")
      for record, found in zip(records, negatives, strict=True):
        file.write(_line(record, found) + "\n")

  def finish(
    self, blocks: int, plan: Mapping[str, Any], facts: Mapping[str, Any]
  ) -> dict[str, Any]:
    """Joins the blocks; returns the figures.

    Args:
      blocks: how many there are.
      plan: how they were made.
      facts: to stand with the figures.
    """
    counts: Counts = collections.Counter()
    with write_aside(self.path) as aside, aside.open("wb") as joined:
      for block in range(blocks):
        with self._part(block).open("rb") as part:
          counts.update(json.loads(part.readline()))
          shutil.copyfileobj(part, joined)
    figures = {**facts, **_summary(counts), "plan": plan}
    with write_aside(self._figures) as aside:
      aside.write_text(json.dumps(figures, indent=1) + "\n")
    shutil.rmtree(self._parts)
    return figures

  def embeddings(self) -> NDArray[np.float32] | None:
    """The passages' embeddings [P, E] that a killed run left behind."""
    path = self._parts / "passages.npy"
    if not path.exists():
      return None
    stored: NDArray[np.float32] = np.load(path, mmap_mode="r")
    return stored

  def keep_embeddings(self, embeddings: NDArray[np.float32]) -> None:
    """Keeps them [P, E] for a run that goes on."""
    with write_aside(self._parts / "passages.npy") as aside:
      save_array(aside, embeddings)

  def _part(self, block: int) -> pathlib.Path:
    return self._parts / f"{block:06}.jsonl"


def _line(record: Record, negatives: Sequence[str]) -> str:
  """A record as the reader of JSON lines takes it."""
  fields: dict[str, Any] = {
    "id": record.id,
    "language": record.language,
    "query": record.query,
    "passage": record.passage,
  }
  if negatives:
    fields["negatives"] = list(negatives)
  if record.group:
    fields["group"] = record.group
  if record.instruction:
    fields["instruction"] = record.instruction
  return json.dumps({**fields, "split": "train"}, ensure_ascii=False)


def _summary(counts: Counts) -> dict[str, Any]:
  """The figures of a data set; docs/hard_negatives.md says what they mean."""

  def share(part: str, whole: str) -> float:
    return counts[part] / counts[whole] if counts[whole] else 0.0

  prefix = "kept_in_"
  return {
    **{k: counts[k] for k in ("queries", "looked_at", "positives")},
    "left_out": {k: counts[k] for k in ("in_group", "over_cut", "repeated")},
    "kept": counts["kept"],
    "kept_per_query": share("kept", "queries"),
    "without": counts["without"],
    "kept_by_language": {
      key.removeprefix(prefix): counts[key]
      for key in sorted(counts)
      if key.startswith(prefix)
    },
    "false_by_group": {
      "looked_at": share("in_group", "looked_at"),
      "first": share("first_in_group", "first"),
      "after_cut": share("after_cut_in_group", "after_cut"),
    },
  }


def _flatten(
  tree: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
  for key, value in tree.items():
    if isinstance(value, dict):
      yield from _flatten(value, f"{prefix}{key}.")
    else:
      yield f"{prefix}{key}", value


def _read(path: pathlib.Path) -> dict[str, Any]:
  try:
    stored = json.loads(path.read_text(encoding="utf-8"))
  except ValueError as error:
    raise UserError(f"{path}: not JSON ({error}); remove it") from None
  if not isinstance(stored, dict):
    raise UserError(f"{path}: expected a JSON object; remove it")
  return stored
