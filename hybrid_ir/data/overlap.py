"""Does training text hold evaluation text? From records, to studies.

  index(records, passages) -> Index    of what is evaluated on
  overlap(records, Index) -> Overlap   of what is trained on, in one pass

Texts are compared as `word_grams` folds them: NFKC, case, white space and
punctuation make no difference. Hard negatives are not looked at.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from hybrid_ir.data import word_grams
from hybrid_ir.data.records import Record

_T = TypeVar("_T")
_BATCH = 2048  # of some hundred thousand words, hashed at once


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
  """The texts evaluated on, as hashes: 8 bytes a word."""

  queries: np.ndarray  # [·] uint64, sorted, distinct: so all three
  passages: np.ndarray
  grams: Mapping[word_grams.Length, Mapping[int, np.ndarray]]  # by units


@dataclasses.dataclass(frozen=True, slots=True)
class Overlap:
  """Training records, and how many share text with what is evaluated on."""

  records: int
  same_query: int  # the query equals a query evaluated on
  same_passage: int  # the passage equals a passage evaluated on
  same_words: int  # query or passage shares a gram with either of them
  any: int  # at least one of these


def index(records: Iterable[Record], passages: Iterable[str] = ()) -> Index:
  """Reads what is evaluated on.

  Args:
    records: the queries with their passages.
    passages: other texts that are searched: sentences, whole paragraphs.
  """
  keys: dict[bool, list[np.ndarray]] = {True: [], False: []}
  grams: dict[tuple[word_grams.Length, int], list[np.ndarray]] = {}
  texts = itertools.chain(
    (side for r in records for side in ((True, r.query), (False, r.passage))),
    ((False, text) for text in passages),
  )
  for batch in _batches(texts, "evaluation for overlap"):
    folded = [word_grams.folded(text) for _, text in batch]
    is_query = np.array([query for query, _ in batch])
    hashes = _keys(folded)
    keys[True].append(hashes[is_query])
    keys[False].append(hashes[~is_query])
    for part in word_grams.Texts.of(folded):
      for units, found in part.grams().items():
        grams.setdefault((part.length, units), []).append(found)
  by_length: dict[word_grams.Length, dict[int, np.ndarray]] = {}
  for (length, units), found_there in sorted(grams.items()):
    by_length.setdefault(length, {})[units] = _distinct(found_there)
  return Index(_distinct(keys[True]), _distinct(keys[False]), by_length)


def overlap(records: Iterable[Record], evaluated: Index) -> Overlap:
  """Compares what is trained on with what is evaluated on.

  Its memory is the index's: the records stream by.
  """
  counts = np.zeros(5, np.int64)  # in the order of Overlap's fields
  for batch in _batches(records, "training for overlap"):
    n = len(batch)
    folded = [word_grams.folded(record.query) for record in batch]
    folded += [word_grams.folded(record.passage) for record in batch]
    keys = _keys(folded)
    same_query = _is_in(keys[:n], evaluated.queries)
    same_passage = _is_in(keys[n:], evaluated.passages)
    shares = _share_grams(folded, evaluated)
    same_words = shares[:n] | shares[n:]
    found = same_query | same_passage | same_words
    kinds = (same_query, same_passage, same_words, found)
    counts += [n, *(int(kind.sum()) for kind in kinds)]
  return Overlap(*counts.tolist())


def _batches(items: Iterable[_T], of: str) -> Iterator[list[_T]]:
  left = iter(items)
  with tqdm(
    desc=f"reading {of}", unit=" rows", leave=False, disable=None
  ) as bar:
    while batch := list(itertools.islice(left, _BATCH)):
      yield batch
      bar.update(len(batch))


def _keys(folded: list[str]) -> np.ndarray:
  """Hashes that are equal where texts are. [N] uint64; 0: no text."""
  keys = (hash(word_grams.closed(text)) for text in folded)
  return np.fromiter(keys, np.int64, len(folded)).view(np.uint64)


def _distinct(hashes: list[np.ndarray]) -> np.ndarray:
  """All hashes but 0, sorted."""
  found = np.unique(np.concatenate([np.zeros(1, np.uint64), *hashes]))
  return found[1:]


def _is_in(hashes: np.ndarray, table: np.ndarray) -> np.ndarray:
  """Which hashes are in a sorted table. [N] bool."""
  if not len(table):
    return np.zeros(len(hashes), bool)
  places = np.searchsorted(table, hashes)
  return table[np.minimum(places, len(table) - 1)] == hashes


def _share_grams(folded: list[str], evaluated: Index) -> np.ndarray:
  """Which texts have a gram of what is evaluated on. [N] bool."""
  shares = np.zeros(len(folded), bool)
  for part in word_grams.Texts.of(folded):
    for units, grams in evaluated.grams.get(part.length, {}).items():
      texts, runs = part.windows(units)
      shares[texts[_is_in(runs, grams)]] = True
  return shares
