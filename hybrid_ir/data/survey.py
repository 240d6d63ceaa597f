"""Counts a data set's rows as they stream by. From `own_files`, to `findings`.

A row leaves some 55 bytes behind: 64-bit hashes of its texts, by which equal
ones are told, and a few numbers. Python salts its hashes anew in each process;
these stay in one.
"""

import array
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data import findings
from hybrid_ir.data.fields import Row
from hybrid_ir.data.findings import Findings, Repeats

_HASHED = ("id", "query", "passage", "group")
_DIGITS = "0123456789"
_MOST_DIGITS = 18  # of a number that surely fits 64 bits
_ODD = np.uint64(0x9E3779B97F4A7C15)  # sets a text apart by its language


class Survey:
  """Rows in, figures out; the texts are not kept."""

  def __init__(self) -> None:
    self._hashes = {name: array.array("q") for name in _HASHED}
    self._query_lengths = array.array("I")
    self._passage_lengths = array.array("I")
    self._language = _Names()
    self._split = _Names()
    self._places = _Places()
    self._counts: Counter[str] = Counter()

  def add(self, row: Row, query_length: int, passage_length: int) -> None:
    """Counts a row; the lengths are of its texts as they are encoded."""
    record = row.record
    for name, hashes in self._hashes.items():
      text = getattr(record, name)
      hashes.append(hash(text) if text else 0)
    self._query_lengths.append(query_length)
    self._passage_lengths.append(passage_length)
    self._language.add(record.language)
    self._split.add(row.split)
    self._places.add(record.where)
    self._counts["with_negatives"] += bool(record.negatives)
    self._counts["negatives"] += len(record.negatives)
    self._counts["with_scores"] += bool(record.scores)
    self._counts["with_instruction"] += bool(record.instruction)

  def findings(
    self, query_limit: int | None, passage_limit: int | None
  ) -> Findings | None:
    """All figures; None: no row was added.

    Args:
      query_limit: what is kept of a query, in the unit of its length.
      passage_limit: what is kept of a passage.
    """
    codes, language = self._language.sorted()
    names, split = self._split.sorted()
    if not codes:
      return None
    hashes = {
      name: np.frombuffer(buffer, np.int64)
      for name, buffer in self._hashes.items()
    }
    _, id_of = np.unique(hashes["id"], return_inverse=True)
    ids = int(id_of.max()) + 1
    shared, languages_of = findings.alignment(id_of, language, ids, len(codes))
    group_of = findings.groups(id_of, hashes["passage"], hashes["group"])
    _, group_sizes = np.unique(group_of, return_counts=True)
    return Findings(
      rows=len(language),
      ids=ids,
      languages=findings.counted(codes, language),
      splits=findings.counted(names, split),
      shared=shared,
      ids_by_languages=findings.histogram(languages_of),
      group_sizes=findings.histogram(group_sizes),
      groups_across=findings.count_across(group_of[id_of], split),
      query_repeats=self._repeats(hashes["query"], language),
      passage_repeats=self._repeats(hashes["passage"], language),
      query_lengths=findings.measure(
        np.frombuffer(self._query_lengths, np.uint32), query_limit
      ),
      passage_lengths=findings.measure(
        np.frombuffer(self._passage_lengths, np.uint32), passage_limit
      ),
      with_negatives=self._counts["with_negatives"],
      negatives=self._counts["negatives"],
      with_scores=self._counts["with_scores"],
      with_instruction=self._counts["with_instruction"],
    )

  def _repeats(
    self, hashes: NDArray[np.int64], language: NDArray[np.int64]
  ) -> Repeats:
    keys = hashes.view(np.uint64) + language.astype(np.uint64) * _ODD
    _, firsts, counts = np.unique(keys, return_index=True, return_counts=True)
    most = int(counts.max())
    return Repeats(
      texts=int((counts > 1).sum()),
      rows=int(counts[counts > 1].sum()),
      most=most,
      where=self._places.at(int(firsts[counts == most].min())),
    )


class _Names:
  """A name a row, out of few."""

  def __init__(self) -> None:
    self._numbers = array.array("I")
    self._number_of: dict[str, int] = {}

  def add(self, name: str) -> None:
    number = self._number_of.setdefault(name, len(self._number_of))
    self._numbers.append(number)

  def sorted(self) -> tuple[list[str], NDArray[np.int64]]:
    """The names in order, and the place of each row's among them [N]."""
    names = sorted(self._number_of)
    place = np.empty(len(names), np.int64)
    place[[self._number_of[name] for name in names]] = np.arange(len(names))
    return names, place[np.frombuffer(self._numbers, np.uint32)]


class _Places:
  """Where each row stands: texts that mostly differ in their last number."""

  def __init__(self) -> None:
    self._numbers = array.array("q")
    self._heads: list[str] = []  # what comes before the number
    self._starts: list[int] = []  # first row of each head

  def add(self, where: str) -> None:
    head = where.rstrip(_DIGITS)
    number = where[len(head) :]
    # An id's last digits may be no number that comes back as it is written.
    if (number.startswith("0") and number != "0") or len(number) > _MOST_DIGITS:
      head, number = where, ""
    if not self._heads or head != self._heads[-1]:
      self._heads.append(head)
      self._starts.append(len(self._numbers))
    self._numbers.append(int(number or -1))

  def at(self, row: int) -> str:
    """The place of a row."""
    head = self._heads[int(np.searchsorted(self._starts, row, "right")) - 1]
    number = self._numbers[row]
    return head if number < 0 else f"{head}{number}"
