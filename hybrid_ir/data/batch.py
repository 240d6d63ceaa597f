"""One step's arrays, in numpy. From plan and layout, to the step.

`Batches` is a function of the step alone. It needs neither TensorFlow nor a
device; `pipeline` runs it ahead of the loop.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from hybrid_ir import config as config_lib
from hybrid_ir.data.corpus import Corpus
from hybrid_ir.data.layout import Layout as Places
from hybrid_ir.data.layout import lay_out
from hybrid_ir.data.permutation import make_key, uniform
from hybrid_ir.data.plan import Plan, PlannedBatch
from hybrid_ir.data.tokens import Texts

Int = NDArray[np.int32]
Float = NDArray[np.float32]
Part = tuple[Texts, NDArray[np.int64], int]  # numbers of texts, tokens kept


class Batch(TypedDict):
  """A global batch of B pairs: T texts in R rows of L tokens.

  Texts stand in the order queries [B], passages [B], hard negatives [B * N];
  an absent hard negative has segment 0.
  """

  tokens: Int  # [R, L]
  segments: Int  # [R, L] which text of the row a token is of; 0: padding
  positions: Int  # [R, L] of a token in its text
  text_row: Int  # [T]
  text_start: Int  # [T]
  text_segment: Int  # [T]
  group: Int  # [B]
  negative_group: Int  # [B, N] -1: of no group
  teacher: Float  # [B, 1 + N] scores of the passage, the negatives; NaN: none


OF_ROWS = ("tokens", "segments", "positions")  # [R, L] each
OF_TEXTS = ("text_row", "text_start", "text_segment")  # [T] each


@dataclasses.dataclass(frozen=True)
class Batches:
  """step -> Batch."""

  plan: Plan
  corpora: Sequence[Corpus]
  query_length: int  # tokens kept
  passage_length: int
  layout: config_lib.Layout
  hard_negatives: int  # N
  suffix: int  # special tokens that end a text
  rows_multiple: int  # devices x chunks
  seed: int
  renumber: Int | None = None  # [V] id -> row of a trimmed table; None: its own
  # R -> [R] rows whose tokens are read; those of the others are 0. None: all.
  own_rows: Callable[[int], NDArray[np.bool_]] | None = None

  def __call__(self, step: int) -> Batch:
    """The batch of a step, 0 for the first."""
    planned = self.plan(step)
    corpus = self.corpora[planned.corpus]
    query_rows = corpus.row_of[planned.ids, planned.query_language]
    passage_rows = corpus.row_of[planned.ids, planned.passage_language]
    negatives = self._negatives(corpus, passage_rows.astype(np.int64), step)
    present = negatives >= 0  # [B, N]
    negative_group = np.full(negatives.shape, -1, np.int32)
    negative_group[present] = corpus.negative_group[negatives[present]]
    # Of the passage's record, as its negatives are: in a cross-lingual pair the
    # teacher saw the query in the passage's language.
    teacher = np.full((len(negatives), 1 + self.hard_negatives), np.nan)
    teacher[:, 0] = corpus.scores[passage_rows]
    teacher[:, 1:][present] = corpus.negative_scores[negatives[present]]
    parts: list[Part] = [
      (corpus.queries, query_rows.astype(np.int64), self.query_length),
      (corpus.passages, passage_rows.astype(np.int64), self.passage_length),
      (corpus.negatives, negatives[present], self.passage_length),
    ]
    lengths = np.concatenate(
      [np.minimum(store.lengths(texts), kept) for store, texts, kept in parts]
    )
    places = lay_out_as(self.layout, lengths, self.rows_multiple)
    arrays = place(self._read(parts, lengths, places), lengths, places)
    pairs = 2 * len(planned.ids)
    all_texts = np.concatenate([np.ones(pairs, bool), present.ravel()])
    return Batch(
      tokens=arrays["tokens"],
      segments=arrays["segments"],
      positions=arrays["positions"],
      text_row=_spread(arrays["text_row"], all_texts),
      text_start=_spread(arrays["text_start"], all_texts),
      text_segment=_spread(arrays["text_segment"], all_texts),
      group=np.asarray(corpus.group_of[planned.ids], np.int32),
      negative_group=negative_group,
      teacher=teacher.astype(np.float32),
    )

  def describe(self, step: int) -> tuple[PlannedBatch, Corpus]:
    """What a step was made of, for messages."""
    planned = self.plan(step)
    return planned, self.corpora[planned.corpus]

  def _read(
    self, parts: Sequence[Part], lengths: NDArray[np.int64], places: Places
  ) -> Int:
    """The tokens of all texts, one after the other; 0 for others' rows."""
    own = np.ones(len(lengths), bool)
    if self.own_rows is not None:
      own = self.own_rows(places.rows)[places.row]
    ends = np.cumsum([len(texts) for _, texts, _ in parts])[:-1]
    read = np.concatenate(
      [
        store.gather(texts[mask], kept, self.suffix)[0]
        for (store, texts, kept), mask in zip(
          parts, np.split(own, ends), strict=True
        )
      ]
    )
    tokens = np.zeros(lengths.sum(), np.int32)
    tokens[np.repeat(own, lengths)] = (
      read if self.renumber is None else self.renumber[read]
    )
    return tokens

  def _negatives(
    self, corpus: Corpus, passage_rows: NDArray[np.int64], step: int
  ) -> NDArray[np.int64]:
    """Hard negatives of the passage's record: [B, N], -1 for none.

    Of a longer list, N neighbours in the list, taken as a ring, from a place
    drawn anew each step.
    """
    first = corpus.negatives_of[passage_rows]
    count = corpus.negatives_of[passage_rows + 1] - first
    draws = uniform(
      make_key(self.seed, "negatives", step), np.arange(len(passage_rows))
    )
    nth = np.arange(self.hard_negatives)
    start = (draws * count).astype(np.int64)
    place = (start[:, None] + nth) % np.maximum(count, 1)[:, None]
    absent = nth >= count[:, None]
    return np.where(absent, -1, first[:, None] + place)


class Arranged(TypedDict):
  """Texts in rows, without what the loss needs."""

  tokens: Int  # [R, L]
  segments: Int  # [R, L]
  positions: Int  # [R, L]
  text_row: Int  # [T]
  text_start: Int  # [T]
  text_segment: Int  # [T]


def arrange(
  tokens: Int,
  lengths: NDArray[np.int64],
  layout: config_lib.Layout,
  rows_multiple: int,
) -> Arranged:
  """Puts T texts, their tokens one after the other, into rows.

  Args:
    tokens: [sum of lengths].
    lengths: [T].
    layout: packing and row lengths.
    rows_multiple: R is a multiple of it.
  """
  return place(tokens, lengths, lay_out_as(layout, lengths, rows_multiple))


def lay_out_as(
  layout: config_lib.Layout, lengths: NDArray[np.int64], rows_multiple: int
) -> Places:
  """The places of T texts of [T] tokens, as a config lays them out."""
  return lay_out(
    lengths,
    layout.row_lengths,
    layout.texts_per_row if layout.packing else 1,
    rows_multiple,
  )


def place(tokens: Int, lengths: NDArray[np.int64], places: Places) -> Arranged:
  """Puts T texts, their tokens one after the other, where a layout says.

  Args:
    tokens: [sum of lengths].
    lengths: [T].
    places: of the T texts.
  """
  within = np.arange(len(tokens)) - np.repeat(
    np.cumsum(lengths) - lengths, lengths
  )
  rows = np.repeat(places.row, lengths)
  columns = np.repeat(places.start, lengths) + within
  shape = (places.rows, places.length)
  arranged = Arranged(
    tokens=np.zeros(shape, np.int32),
    segments=np.zeros(shape, np.int32),
    positions=np.zeros(shape, np.int32),
    text_row=places.row,
    text_start=places.start,
    text_segment=places.segment,
  )
  arranged["tokens"][rows, columns] = tokens
  arranged["segments"][rows, columns] = np.repeat(places.segment, lengths)
  arranged["positions"][rows, columns] = within
  return arranged


def _spread(values: Int, present: NDArray[np.bool_]) -> Int:
  """`values` of the present texts, 0 for the absent: [T]."""
  out = np.zeros(len(present), np.int32)
  out[present] = values
  return out
