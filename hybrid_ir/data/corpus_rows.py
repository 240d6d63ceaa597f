"""What a store knows of each record beside its tokens. From records, to corpus.

Millions of records are held as flat arrays: of a text its digest, of a place
in a file nothing, as it can be read again where an error must name it.
"""

import array
import hashlib
import itertools
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.components import components
from hybrid_ir.data.names import NamesWriter
from hybrid_ir.data.places import Places
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.files import save_array, save_blocks

_NONE = -1
_IDS = 1 << 16  # written together


class CorpusRows:
  """Collects N records (rows), then writes the arrays of the store."""

  def __init__(self, ids: NamesWriter, where: Callable[[int], str]):
    """Begins with no records.

    Args:
      ids: where the parallel ids go, in the order of their numbers.
      where: row -> file and line of its record.
    """
    self.instructed = False
    self._ids = ids
    self._where = where
    self._number_of = Places()  # id -> its number
    self._count = 0  # of ids
    self._id_of = array.array("i")  # [N]
    self._rows: dict[str, array.array[int]] = {}  # language -> row of an id
    self._passages = array.array("Q")  # [N] digests
    self._grouped = array.array("i")  # ids of records that name a group
    self._groups = array.array("Q")  # and the group's digest
    self._counts = array.array("i")  # [N] of negatives
    self._negatives = array.array("Q")  # [M] digests
    self._scores = array.array("f")  # [N]
    self._negative_scores = array.array("f")  # [M]

  def __len__(self) -> int:
    return len(self._id_of)

  def add(self, records: Sequence[Record]) -> None:
    """Appends records.

    Raises:
      UserError: an (id, language) that comes twice, or an instruction in some
        of the records only.
    """
    new = []
    for record in records:
      if self._add(record):
        new.append(record.id)
    self._ids.write_names(new)

  def _add(self, record: Record) -> bool:
    """Appends a record; returns whether its id is new."""
    row = len(self)
    id_ = self._number_of.first(record.id, self._count)
    column = self._rows.setdefault(record.language, array.array("i"))
    column.extend(itertools.repeat(_NONE, id_ + 1 - len(column)))
    if column[id_] != _NONE:
      raise UserError(
        f"{record.where}: id '{record.id}' comes twice in language"
        f" '{record.language}', first at {self._where(column[id_])}"
      )
    column[id_] = row
    self._check_instructed(record, row)
    missing = float("nan")
    first_score, *others = record.scores or (
      missing,
      *(missing for _ in record.negatives),
    )
    self._scores.append(first_score)
    self._negative_scores.extend(others)
    self._id_of.append(id_)
    self._passages.append(_digest(record.passage))
    if record.group:
      self._grouped.append(id_)
      self._groups.append(_digest(record.group))
    self._counts.append(len(record.negatives))
    self._negatives.extend(map(_digest, record.negatives))
    is_new = id_ == self._count
    self._count += is_new
    return is_new

  def _check_instructed(self, record: Record, row: int) -> None:
    if not row:
      self.instructed = bool(record.instruction)
    elif self.instructed != bool(record.instruction):
      has, lacks = record.where, self._where(0)
      if self.instructed:
        has, lacks = lacks, has
      raise UserError(
        f"{has} has an 'instruction', {lacks} has none; expected one in every"
        " record of a data set, or in none"
      )

  def save(self, folder: pathlib.Path) -> list[str]:
    """Writes the arrays; returns the languages, sorted."""
    languages = sorted(self._rows)
    shape = self._count, len(languages)
    blocks = self._row_of(languages)
    save_blocks(folder / "row_of.npy", np.int32, shape, blocks)
    group_of, negative_group = self._connect()
    ranges = np.zeros(len(self) + 1, np.int64)
    np.cumsum(self._counts, out=ranges[1:])
    arrays: dict[str, NDArray[Any]] = {
      "group_of": group_of,
      "negatives_of": ranges,
      "negative_group": negative_group,
      "scores": np.asarray(self._scores),
      "negative_scores": np.asarray(self._negative_scores),
    }
    for name, values in arrays.items():
      save_array(folder / f"{name}.npy", values)
    return languages

  def _row_of(self, languages: Sequence[str]) -> Iterator[NDArray[np.int32]]:
    """[I, K] the row of an id in a language, a block of ids at a time."""
    for start in range(0, self._count, _IDS):
      size = min(_IDS, self._count - start)
      block = np.full((size, len(languages)), _NONE, np.int32)
      for place, language in enumerate(languages):
        part = self._rows[language][start : start + size]
        block[: len(part), place] = part
      yield block

  def _connect(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Groups: the connected components over what two ids may share.

    An id is joined to the passage texts that it has in any language, and to
    its `group` if it names one; what hangs together is one group.

    Returns:
      the group of each id [I] and of each negative's text [M], -1: of none.
    """
    id_of = np.asarray(self._id_of)
    texts, first, text_of = np.unique(
      np.asarray(self._passages), return_index=True, return_inverse=True
    )
    _, named = np.unique(np.asarray(self._groups), return_inverse=True)
    # An edge from an id to the id that had the text first says the same as one
    # from each to the text; most texts come once and need none.
    owner = id_of[first]  # of each text
    shared = np.flatnonzero(owner[text_of] != id_of)
    left = np.concatenate([id_of[shared], np.asarray(self._grouped)])
    right = np.concatenate([owner[text_of[shared]], self._count + named])
    group = components(
      left.astype(np.int64),
      right.astype(np.int64),
      self._count + len(self._groups),
    )
    place = np.searchsorted(texts, np.asarray(self._negatives))
    place = np.minimum(place, len(texts) - 1)
    known = texts[place] == np.asarray(self._negatives)
    negative_group = np.where(known, group[owner[place]], _NONE)
    return group[: self._count], negative_group.astype(np.int32)


def _digest(text: str) -> int:
  """64 bits of a text: two texts that met in them would be in one group."""
  digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
  return int.from_bytes(digest, "little")
