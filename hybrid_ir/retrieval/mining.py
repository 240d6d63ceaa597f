"""Which ranked passages are hard negatives. From candidates, to task=mine.

B queries, K candidates a query, N records, P passages, L languages.
"""

import collections
import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.corpus import Corpus
from hybrid_ir.data.records import Record


@dataclasses.dataclass(frozen=True, eq=False)
class Pool:
  """The distinct (language, text) of a data set, by passage id descending.

  A passage's id is "LANGUAGE:ID" of the first record with its text, so that
  the passages of a language stand together.
  """

  texts: tuple[str, ...]  # P
  languages: tuple[str, ...]  # L
  spans: dict[str, tuple[int, int]]  # language -> its places
  language_of: NDArray[np.int32]  # [P] index in `languages`
  text_of: NDArray[np.int32]  # [P] number of the text, in any language
  group_of: NDArray[np.int32]  # [P]
  positive_of: NDArray[np.int32]  # [N] place of a record's own passage

  def allowed(self, language: str, which: str) -> list[tuple[int, int]]:
    """Places to look at for a query in `language`: own, other or any."""
    whole = 0, len(self.texts)
    if which == "any":
      return [whole]
    start, stop = self.spans[language]
    if which == "own":
      return [(start, stop)]
    return [(whole[0], start), (stop, whole[1])]


@dataclasses.dataclass(frozen=True, eq=False)
class Candidates:
  """What was found for B queries."""

  places: NDArray[np.int32]  # [B, K] best first; -1 pads
  scores: NDArray[np.float32]  # [B, K]
  positive_scores: NDArray[np.float32]  # [B] of the query's own passage


def make_pool(records: Iterable[Record], corpus: Corpus) -> Pool:
  """Collects the passages of a data set.

  Args:
    records: N, in the order of the corpus's rows.
    corpus: of the same records, for their groups.
  """
  first: dict[tuple[str, str], int] = {}  # (language, text) -> number
  ids: list[str] = []
  number_of: list[int] = []
  row_of: list[int] = []
  for row, record in enumerate(records):
    number = first.setdefault((record.language, record.passage), len(first))
    number_of.append(number)
    if number == len(ids):
      ids.append(f"{record.language}:{record.id}")
      row_of.append(row)
  order = sorted(range(len(ids)), key=ids.__getitem__, reverse=True)
  place_of = np.empty(len(order), np.int32)
  place_of[order] = np.arange(len(order), dtype=np.int32)
  distinct = list(first)
  texts = tuple(distinct[i][1] for i in order)
  numbers: dict[str, int] = {}
  text_of = [numbers.setdefault(text, len(numbers)) for text in texts]
  spans: dict[str, tuple[int, int]] = {}
  for place, i in enumerate(order):
    language = distinct[i][0]
    spans[language] = spans.get(language, (place, 0))[0], place + 1
  languages = tuple(sorted(spans))
  language_of = np.empty(len(texts), np.int32)
  for i, language in enumerate(languages):
    language_of[slice(*spans[language])] = i
  return Pool(
    texts=texts,
    languages=languages,
    spans=spans,
    language_of=language_of,
    text_of=np.array(text_of, np.int32),
    group_of=_group_of_row(corpus)[np.array(row_of)[order]],
    positive_of=place_of[number_of],
  )


def _group_of_row(corpus: Corpus) -> NDArray[np.int32]:
  groups = np.empty(len(corpus.passages), np.int32)
  for rows in corpus.row_of.T:
    groups[rows[rows >= 0]] = corpus.group_of[rows >= 0]
  return groups


def select(
  candidates: Candidates,
  own: NDArray[np.int32],
  pool: Pool,
  negatives: int,
  most: float,
) -> tuple[NDArray[np.int32], collections.Counter[str]]:
  """The best candidates that are no false negatives.

  Left out are the query's own passage, members of its group, and what scores
  over `most` of the own passage's score: arXiv 2407.15831, "Top-k to margin by
  percentage of the positive". Where that score is below zero, the limit lies as
  far below it as it would lie below its amount.

  Args:
    candidates: of B queries.
    own: [B] places of the queries' own passages.
    pool: of the places.
    negatives: how many to keep, a query.
    most: share of the own passage's score.

  Returns:
    [B, negatives] places, best first, -1 pads; and the counts, over B:
      queries;
      looked_at: candidates without the queries' own passages;
      positives: own passages among the candidates;
      in_group, over_cut, repeated: left out for the first reason that holds, in
        this order (repeated: a text kept already, from another language);
      kept, kept_in_LANGUAGE, and without: queries for which nothing was;
      first, first_in_group: of the first `negatives` looked at;
      after_cut, after_cut_in_group: of the first `negatives` that pass the
        cut, as a miner that knows no groups would keep them.
  """
  places, scores = candidates.places, candidates.scores.astype(np.float64)
  positive = candidates.positive_scores.astype(np.float64)[:, None]
  limit = np.where(positive >= 0, most * positive, (2 - most) * positive)
  real = places >= 0
  is_own = real & (places == own[:, None])
  looked_at = real & ~is_own
  in_group = looked_at & (pool.group_of[places] == pool.group_of[own][:, None])
  over = looked_at & (scores > limit)
  allowed = looked_at & ~in_group & ~over
  repeated = allowed & _repeated(pool.text_of[places], allowed)
  kept = _first(allowed & ~repeated, negatives)
  first = _first(looked_at, negatives)
  after_cut = _first(looked_at & ~over, negatives)
  counts = {
    "queries": len(places),
    "looked_at": looked_at.sum(),
    "positives": is_own.sum(),
    "in_group": in_group.sum(),
    "over_cut": (over & ~in_group).sum(),
    "repeated": repeated.sum(),
    "kept": kept.sum(),
    "without": (~kept.any(axis=1)).sum(),
    "first": first.sum(),
    "first_in_group": (first & in_group).sum(),
    "after_cut": after_cut.sum(),
    "after_cut_in_group": (after_cut & in_group).sum(),
  }
  by_language = np.bincount(
    pool.language_of[places[kept]], minlength=len(pool.languages)
  )
  for language, count in zip(pool.languages, by_language, strict=True):
    counts[f"kept_in_{language}"] = count
  chosen = np.full((len(places), negatives), -1, np.int32)
  rows, columns = np.nonzero(kept)
  chosen[rows, np.cumsum(kept, axis=1)[rows, columns] - 1] = places[kept]
  return chosen, collections.Counter({k: int(v) for k, v in counts.items()})


def _first(mask: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
  """Of each row's True [B, K], the first `count`."""
  return mask & (np.cumsum(mask, axis=1) <= count)


def _repeated(
  texts: NDArray[np.int32], mask: NDArray[np.bool_]
) -> NDArray[np.bool_]:
  """Where a text [B, K] stands again, among those in the mask."""
  columns = np.arange(texts.shape[1], dtype=np.int32)
  distinct = np.where(mask, texts, -1 - columns[None, :])
  order = np.argsort(distinct, axis=1, kind="stable")
  ordered = np.take_along_axis(distinct, order, axis=1)
  again = np.zeros(texts.shape, bool)
  np.put_along_axis(
    again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1
  )
  return again
