"""Embedded passages, searched exactly. From encoding, to search and the API.

Scores descend, then ids (trec_eval's rule); a shard's passages stand by id,
descending, so between equal scores the lower row is ahead, which is also what
`jax.lax.top_k` does. `shards` keeps an index on disk.

Q queries, N passages of a block, n of a shard, E dims.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.passages import Passage
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import blocks
from hybrid_ir.retrieval.blocks import Block, Places
from hybrid_ir.retrieval.finite import check_finite
from hybrid_ir.retrieval.origin import Origin

_BLOCK_NUMBERS = 2**24  # of passage embeddings on a device at once
_PLACES = 2**24  # of lists of blocks, held before they are merged


@dataclasses.dataclass(frozen=True, eq=False)
class Shard:
  """Some passages of an index, by id, descending (code points)."""

  embeddings: NDArray[Any]  # [n, E] float32 or float16, in memory or mapped
  languages: NDArray[np.int32]  # [n] into the index's `languages`
  read: Callable[[Sequence[int]], list[Passage]]  # rows -> passages


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
  """Passages that can be searched."""

  name: str  # for messages
  languages: tuple[str, ...]  # codes
  shards: tuple[Shard, ...]
  origin: Origin | None  # None: not known
  corpus: str = ""  # the data set's name, as configured

  def __len__(self) -> int:
    return sum(len(shard.languages) for shard in self.shards)

  def codes(self, languages: Sequence[str]) -> list[int]:
    """Places of languages in `languages`; none asked for: of all.

    Raises:
      UserError: one that no passage is in.
    """
    for language in languages:
      if language not in self.languages:
        there = ", ".join(filter(None, self.languages)) or "none that is named"
        raise UserError(
          f"{self.name}: no passage is in language {language!r}; there is"
          f" {there}"
        )
    return [self.languages.index(c) for c in languages or self.languages]


@dataclasses.dataclass(frozen=True, slots=True)
class Hit:
  """A passage that was found."""

  rank: int  # from 1
  score: float  # dot product of the embeddings
  id: str
  language: str
  text: str


def in_memory(
  name: str,
  passages: Sequence[Passage],
  embeddings: NDArray[np.float32],
  origin: Origin | None,
) -> Index:
  """An index of what is held already.

  Args:
    name: for messages.
    passages: C, with distinct ids, in any order.
    embeddings: [C, E], in the same order.
    origin: what made them, if known.

  Raises:
    UserError: embeddings that are not finite.
  """
  check_finite(embeddings, "passage")
  order = sorted(
    range(len(passages)), key=lambda i: passages[i].id, reverse=True
  )
  ordered = [passages[i] for i in order]
  languages = tuple(sorted({passage.language for passage in passages}))
  codes = np.array([languages.index(p.language) for p in ordered], np.int32)
  shard = Shard(
    embeddings[order], codes, lambda rows: [ordered[row] for row in rows]
  )
  return Index(name, languages, (shard,), origin)


def search(
  index: Index,
  queries: NDArray[np.float32],
  k: int,
  languages: Sequence[str] = (),
) -> list[list[Hit]]:
  """The best passages of each query, exactly.

  Args:
    index: to search.
    queries: [Q, E] embeddings, of the index's model.
    k: how many a query; fewer come back where there are no more.
    languages: only passages in these; empty: all.

  Returns:
    Q lists, best first: what is left of the ranking of all passages when those
    in other languages are left out.

  Raises:
    UserError: as `best`.
  """
  return read(index, [best(index, queries, k, languages)], k)


def best(
  index: Index,
  queries: NDArray[np.float32],
  k: int,
  languages: Sequence[str] = (),
  part: int = 0,
  parts: int = 1,
) -> Places:
  """The best passages of a part of an index, for each query, exactly.

  Memory: a block of passages a device, and so many queries' lists as fit.

  Args:
    index: to search.
    queries: [Q, E] embeddings, of the index's model.
    k: how many a query.
    languages: only passages in these; empty: all.
    part: of `parts`; it has the shards number % parts == part.
    parts: that the index is shared out in.

  Returns:
    [Q, K] places, best first by score, equal scores in any order; K: k, or as
    many as the index has.

  Raises:
    UserError: a language that the index does not have; embeddings of another
      size, or not finite.
  """
  check_finite(queries, "query")
  codes = index.codes(languages)
  Q, E = queries.shape
  for shard in index.shards:
    if shard.embeddings.shape[1] != E:
      raise UserError(
        f"{index.name}: its embeddings have {shard.embeddings.shape[1]}"
        f" dimensions, the queries' {E}; expected one model's"
      )
  k = min(k, len(index))
  N = _block_size(index, E)
  lists = sum(-(-len(shard.languages) // N) for shard in index.shards)
  a_pass = max(blocks.QUERIES, _PLACES // max(1, lists * min(k, N)))
  found = blocks.no_places(Q, k)
  for start in range(0, Q, a_pass):
    some = queries[start : start + a_pass]
    here = _blocks(index, codes, N, part, parts)
    each = list(blocks.find(some, here, N, min(k, N)))
    for q in range(len(some) if each else 0):
      one = _of_query(each, q)
      kept = _k_best(index, one, k)
      for whole, of_query in zip(found, one, strict=True):
        whole[start + q, : len(kept)] = of_query[kept]
  return found


def read(index: Index, found: Sequence[Places], k: int) -> list[list[Hit]]:
  """What stands at the best places.

  Args:
    index: that was searched.
    found: [Q, K] places, of each of its parts.
    k: how many a query.

  Returns:
    Q lists, best first, equal scores by id.
  """
  return [
    _hits(index, _of_query(found, query), k)
    for query in range(len(found[0].scores))
  ]


def _blocks(
  index: Index, codes: list[int], N: int, part: int, parts: int
) -> Iterator[Block]:
  """A part's blocks, without those that have no passage of these languages."""
  for number in range(part, len(index.shards), parts):
    shard = index.shards[number]
    for start in range(0, len(shard.languages), N):
      wanted = np.isin(shard.languages[start : start + N], codes)
      if wanted.any():
        embeddings = shard.embeddings[start : start + N]
        yield Block(number, start, embeddings, wanted)


def _block_size(index: Index, E: int) -> int:
  """N: parts of a whole shard, or a power of two, so that few are compiled."""
  longest = max((len(shard.languages) for shard in index.shards), default=1)
  most = max(1, _BLOCK_NUMBERS // max(1, E))
  if longest > most:
    return -(-longest // -(-longest // most))
  return min(most, 1 << (longest - 1).bit_length())


def _of_query(found: Sequence[Places], query: int) -> Places:
  """[K'] places of one query, of all lists."""
  shards, rows, scores = (
    np.concatenate([places[i][query] for places in found]) for i in range(3)
  )
  return Places(shards, rows, scores)


def _k_best(index: Index, places: Places, k: int) -> NDArray[np.int64]:
  """Which are a query's k best, by score; equal scores in any order.

  A list's k best are its best by score and id, so what is missing in them is
  not among the k best of all; only what ties for the last places must be read
  for its id.

  Args:
    index: of the places.
    places: [K'] of one query.
    k: how many.
  """
  kept = np.flatnonzero(places.scores > -np.inf)
  scores = places.scores[kept]
  if len(kept) > k:
    last = np.partition(scores, -k)[-k]
    ahead, ties = kept[scores > last], kept[scores == last]
    if len(ahead) + len(ties) > k:
      ids = [passage.id for passage in _read(index, places, ties)]
      order = sorted(range(len(ids)), key=ids.__getitem__, reverse=True)
      ties = ties[order[: k - len(ahead)]]
    kept = np.concatenate([ahead, ties])
  return kept[np.argsort(-places.scores[kept], kind="stable")]


def _read(
  index: Index, places: Places, which: NDArray[np.int64]
) -> list[Passage]:
  """Passages, each shard's at once."""
  passages: dict[int, Passage] = {}
  for shard in np.unique(places.shards[which]).tolist():
    here = which[places.shards[which] == shard]
    found = index.shards[shard].read(places.rows[here].tolist())
    passages.update(zip(here.tolist(), found, strict=True))
  return [passages[place] for place in which.tolist()]


def _hits(index: Index, places: Places, k: int) -> list[Hit]:
  """One query's, best first."""
  kept = _k_best(index, places, k)
  scores = places.scores[kept].tolist()
  found = list(zip(scores, _read(index, places, kept), strict=True))
  found.sort(key=lambda pair: (pair[0], pair[1].id), reverse=True)
  return [
    Hit(rank, score, passage.id, passage.language, passage.text)
    for rank, (score, passage) in enumerate(found, 1)
  ]
