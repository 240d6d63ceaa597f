"""Embedded passages, searched exactly. From encoding, to search and the API.

Scores descend, then ids (trec_eval's rule); a shard's passages stand by id,
descending, so between equal scores the lower row is ahead, which is also what
`jax.lax.top_k` does. `shards` keeps an index on disk.

Q queries, B queries of a block, N passages of a block, n of a shard, E dims.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.passages import Passage
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval.nearest import check_finite
from hybrid_ir.retrieval.origin import Origin

_BLOCK_NUMBERS = 2**24  # of passage embeddings on the device at once
# Queries scored at once: always so many, so that a query's scores do not
# depend on what else is asked.
_QUERIES = 16
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


class _Places(NamedTuple):
  """The best of one block: rows of a shard; score -inf pads."""

  shard: int
  rows: NDArray[np.int64]  # [Q, k]
  scores: NDArray[np.float32]  # [Q, k]


def search(
  index: Index,
  queries: NDArray[np.float32],
  k: int,
  languages: Sequence[str] = (),
) -> list[list[Hit]]:
  """The best passages of each query, exactly.

  Memory: a block of passages, and so many queries' lists as fit.

  Args:
    index: to search.
    queries: [Q, E] embeddings, of the index's model.
    k: how many a query; fewer come back where there are no more.
    languages: only passages in these; empty: all.

  Returns:
    Q lists, best first: what is left of the ranking of all passages when those
    in other languages are left out.

  Raises:
    UserError: a language that the index does not have; embeddings of another
      size, or not finite.
  """
  check_finite(queries, "query")
  codes = index.codes(languages)
  N = _block_size(index, queries.shape[1])
  lists = sum(-(-len(shard.languages) // N) for shard in index.shards)
  a_pass = max(_QUERIES, _PLACES // max(1, lists * min(k, N)))
  hits: list[list[Hit]] = []
  for start in range(0, len(queries), a_pass):
    part = queries[start : start + a_pass]
    found = list(_find(index, part, k, codes, N))
    hits += [_merge(index, found, q, k) for q in range(len(part))]
  return hits


def _find(
  index: Index, queries: NDArray[np.float32], k: int, codes: list[int], N: int
) -> Iterator[_Places]:
  """The best of every block."""
  Q, E = queries.shape
  blocks = [
    np.pad(part, ((0, _QUERIES - len(part)), (0, 0)))
    for part in np.split(queries, range(_QUERIES, Q, _QUERIES))
  ]
  for number, shard in enumerate(index.shards):
    if shard.embeddings.shape[1] != E:
      raise UserError(
        f"{index.name}: its embeddings have {shard.embeddings.shape[1]}"
        f" dimensions, the queries' {E}; expected one model's"
      )
    for start in range(0, len(shard.languages), N):
      wanted = np.isin(shard.languages[start : start + N], codes)
      if not wanted.any():
        continue
      passages = shard.embeddings[start : start + N]
      if absent := N - len(wanted):
        passages = np.pad(passages, ((0, absent), (0, 0)))
        wanted = np.pad(wanted, (0, absent))
      on_device = jnp.asarray(passages), jnp.asarray(wanted)
      best = [_best(block, *on_device, k=min(k, N)) for block in blocks]
      scores, rows = (
        np.concatenate(part)[:Q]
        for part in zip(*jax.device_get(best), strict=True)
      )
      yield _Places(number, start + rows.astype(np.int64), scores)


def _block_size(index: Index, E: int) -> int:
  """N: parts of a whole shard, or a power of two, so that few are compiled."""
  longest = max((len(shard.languages) for shard in index.shards), default=1)
  most = max(1, _BLOCK_NUMBERS // max(1, E))
  if longest > most:
    return -(-longest // -(-longest // most))
  return min(most, 1 << (longest - 1).bit_length())


@functools.partial(jax.jit, static_argnames="k")
def _best(
  queries: jax.Array, passages: jax.Array, is_wanted: jax.Array, k: int
) -> tuple[jax.Array, jax.Array]:
  """[B, E], [N, E], [N] -> scores and rows of the k best: [B, k] each."""
  scores = jnp.matmul(
    queries,
    passages.astype(jnp.float32).T,
    precision=jax.lax.Precision.HIGHEST,
  )
  # top_k orders -0.0 under 0.0, comparisons do not: let there be one zero.
  scores = jnp.where(scores == 0, 0.0, scores)
  scores = jnp.where(is_wanted[None, :], scores, -jnp.inf)
  best: tuple[jax.Array, jax.Array] = jax.lax.top_k(scores, k)
  return best


def _merge(index: Index, found: list[_Places], query: int, k: int) -> list[Hit]:
  """One query's k best of all blocks.

  A block's k best are its best by score and id, so what is missing in them is
  not among the k best of all; of the rest only what ties for the last places
  must be read for its id.
  """
  if not found:
    return []
  scores = np.concatenate([places.scores[query] for places in found])
  rows = np.concatenate([places.rows[query] for places in found])
  shards = np.repeat(
    [places.shard for places in found],
    [len(places.rows[query]) for places in found],
  )
  kept = np.flatnonzero(scores > -np.inf)
  if len(kept) > k:
    last = np.partition(scores[kept], -k)[-k]
    kept = kept[scores[kept] >= last]
  candidates: list[tuple[float, Passage]] = []
  for shard in np.unique(shards[kept]).tolist():
    here = kept[shards[kept] == shard]
    passages = index.shards[shard].read(rows[here].tolist())
    candidates += zip(scores[here].tolist(), passages, strict=True)
  candidates.sort(key=lambda pair: (pair[0], pair[1].id), reverse=True)
  return [
    Hit(rank, score, passage.id, passage.language, passage.text)
    for rank, (score, passage) in enumerate(candidates[:k], 1)
  ]
