"""Queries to the best passages of a pool. From a model or BM25, to mining."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hybrid_ir.data.records import Record
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.model.encoder import Params
from hybrid_ir.prefixes import Prefixes
from hybrid_ir.retrieval import bm25, nearest
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.retrieval.finite import check_finite
from hybrid_ir.retrieval.mining import Candidates, Pool

# Records and the places of their own passages [B] -> candidates.
Rank = Callable[[Sequence[Record], NDArray[np.int32]], Candidates]

_AT_ONCE = 2048  # texts tokenized together


@dataclasses.dataclass(frozen=True)
class DataEncoder:
  """A model that reads one data set's texts, as training does."""

  encoder: TextEncoder
  params: Params
  prefixes: Prefixes  # the data set's

  def passages(
    self, texts: Sequence[str], progress: str
  ) -> NDArray[np.float32]:
    """[P, E] embeddings; `progress` names the bar.

    Raises:
      UserError: embeddings that are not finite.
    """
    written = [self.prefixes.write_passage(text) for text in texts]
    embeddings = self._bare.passages(self.params, written, progress)
    check_finite(embeddings, "passage")
    return embeddings

  def queries(self, records: Sequence[Record]) -> NDArray[np.float32]:
    """[B, E] embeddings; each query with its own instruction, if it has one."""
    written = [
      self.prefixes.write_query(record.query, record.instruction)
      for record in records
    ]
    return self._bare.queries(self.params, written)

  @functools.cached_property
  def _bare(self) -> TextEncoder:
    """The encoder for texts that have their prefixes already."""
    contract = dataclasses.replace(
      self.encoder.contract, query_prefix="", passage_prefix=""
    )
    return dataclasses.replace(self.encoder, contract=contract)


def by_model(
  encoder: DataEncoder,
  embeddings: NDArray[np.float32],
  pool: Pool,
  which: str,
  depth: int,
) -> Rank:
  """Ranks by the embeddings' dot product (a cosine, where they have length 1).

  Args:
    encoder: of the queries.
    embeddings: [P, E] of the pool's passages; may be a memmap.
    pool: P passages.
    which: languages looked at: own, other or any.
    depth: K candidates a query.
  """

  def rank(records: Sequence[Record], own: NDArray[np.int32]) -> Candidates:
    queries = encoder.queries(records)
    places = np.empty((len(records), depth), np.int32)
    scores = np.empty((len(records), depth), np.float32)
    languages = np.array([record.language for record in records])
    for language in sorted(set(languages.tolist())):
      rows = np.flatnonzero(languages == language)
      places[rows], scores[rows] = nearest.search(
        queries[rows], embeddings, pool.allowed(language, which), depth
      )
    positive = np.einsum("be,be->b", queries, embeddings[own])
    return Candidates(places, scores, positive)

  return rank


def by_bm25(
  tokenizer: Tokenizer, pool: Pool, which: str, depth: int, name: str
) -> Rank:
  """Ranks by BM25 over the tokenizer's pieces (arXiv 2210.05481).

  Pieces need no spaces between words, and no rules of a language. Statistics
  are those of the passages looked at: the language's for "own", else all.

  Args:
    tokenizer: of the model; special tokens and spaces alone are left out.
    pool: P passages.
    which: languages looked at: own, other or any.
    depth: K candidates a query.
    name: of the data set, for the progress bar.
  """
  # What says nothing of a text: special tokens, and the piece of a space.
  empty = np.concatenate(tokenizer.encode(["", " "]))
  unknown = tokenizer.id_of("unk_token")
  unwanted = empty if unknown is None else np.append(empty, unknown)

  def pieces(texts: Sequence[str]) -> list[NDArray[np.int32]]:
    return [ids[~np.isin(ids, unwanted)] for ids in tokenizer.encode(texts)]

  passages: list[NDArray[np.int32]] = []
  with tqdm(
    total=len(pool.texts), desc=f"{name}: pieces", unit=" passages", leave=False
  ) as bar:
    for start in range(0, len(pool.texts), _AT_ONCE):
      passages += pieces(pool.texts[start : start + _AT_ONCE])
      bar.update(len(passages) - start)
  parts = pool.spans
  if which != "own":
    parts = dict.fromkeys(pool.languages, (0, len(passages)))
  index_of = {}
  with tqdm(
    total=len(passages), desc=f"{name}: index", unit=" passages", leave=False
  ) as bar:
    for part in sorted(set(parts.values())):
      index_of[part] = bm25.Index(passages[slice(*part)])
      bar.update(part[1] - part[0])

  def rank(records: Sequence[Record], own: NDArray[np.int32]) -> Candidates:
    places = np.empty((len(records), depth), np.int32)
    scores = np.empty((len(records), depth), np.float32)
    positive = np.empty(len(records), np.float32)
    queries = pieces([record.query for record in records])
    for i, (record, query) in enumerate(zip(records, queries, strict=True)):
      part = parts[record.language]
      scored = index_of[part].scores(query)  # of the places from part[0]
      spans = [
        (start - part[0], stop - part[0])
        for start, stop in pool.allowed(record.language, which)
      ]
      found, scores[i] = bm25.best(scored, spans, depth)
      places[i] = np.where(found >= 0, found + part[0], -1)
      positive[i] = scored[own[i] - part[0]]
    return Candidates(places, scores, positive)

  return rank
