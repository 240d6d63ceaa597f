"""Exact search on device. Takes embeddings; feeds evaluation and search.

Ranks are by score descending, then by passage id descending (trec_eval's
rule). The pool stands by id descending, so ties go to the lower index, which
is also what `jax.lax.top_k` does.

Q queries, U distinct passage texts, C candidates, D dims, L languages, G golds
of all queries, B queries of a block, N most golds of a query.
"""

import dataclasses
import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import tqdm

from hybrid_ir.errors import UserError

# A block's scores: 128 MiB of float32, and at most so many queries.
_BLOCK_SCORES = 2**25
_BLOCK_QUERIES = 256


@dataclasses.dataclass(frozen=True, eq=False)
class Pool:
  """Candidates, in the order in which ties are broken."""

  texts: np.ndarray  # [C] int32: each candidate's row of the text embeddings
  languages: np.ndarray  # [C] int32 in 0 .. language_count - 1
  language_count: int  # L


@dataclasses.dataclass(frozen=True, eq=False)
class Ranking:
  """Where the gold stands, and what stands in front.

  Lists are padded with passage -1, score -inf where a pool is shorter.
  """

  gold_ranks: np.ndarray  # [G] int32, from 1, in the whole pool
  gold_language_ranks: np.ndarray  # [G] int32, in the pool of its language
  top: np.ndarray  # [Q, depth] int32: candidates of the whole pool
  top_scores: np.ndarray  # [Q, depth] float32
  language_top: np.ndarray  # [Q, L, language_depth] int32
  language_scores: np.ndarray  # [Q, L, language_depth] float32


def rank(
  queries: np.ndarray,
  texts: np.ndarray,
  pool: Pool,
  gold_offsets: np.ndarray,
  gold: np.ndarray,
  *,
  depth: int,
  language_depth: int,
  block: int | None = None,
) -> Ranking:
  """Ranks every gold exactly, by counting what is ahead of it; never sorts.

  Identical texts share an embedding, so that they tie exactly. Memory: the
  embeddings on device, and a few arrays of a block's scores.

  Args:
    queries: [Q, D] embeddings; a score is a dot product, in float32.
    texts: [U, D] embeddings of the distinct texts.
    pool: the candidates.
    gold_offsets: [Q + 1]; query q's gold is `gold[offsets[q]:offsets[q + 1]]`.
    gold: [G] candidates.
    depth: how many of the whole pool to list, a query.
    language_depth: how many of each language's pool to list, a query.
    block: queries scored at once; by default as memory allows.

  Raises:
    UserError: embeddings that are not finite, or of unequal width.
  """
  _check(queries, texts)
  Q, C = len(queries), len(pool.texts)
  B = min(Q, block or max(1, min(_BLOCK_QUERIES, _BLOCK_SCORES // C)))
  is_gold, padded = _pad_gold(gold_offsets, gold)  # [Q, N]
  step = functools.partial(
    _rank_block,
    texts=jnp.asarray(texts, jnp.float32),
    pool_texts=jnp.asarray(pool.texts),
    pool_languages=jnp.asarray(pool.languages),
    columns=tuple(
      jnp.asarray(np.flatnonzero(pool.languages == language), jnp.int32)
      for language in range(pool.language_count)
    ),
    depth=depth,
    language_depth=language_depth,
  )
  blocks = [
    jax.device_get(step(_fill(queries[rows], B), gold=_fill(padded[rows], B)))
    for rows in _blocks(Q, B)
  ]
  ranks, language_ranks, *lists = (
    np.concatenate(parts)[:Q] for parts in zip(*blocks, strict=True)
  )
  return Ranking(ranks[is_gold], language_ranks[is_gold], *lists)


@functools.partial(jax.jit, static_argnames=("depth", "language_depth"))
def _rank_block(
  queries: jax.Array,
  *,
  texts: jax.Array,
  pool_texts: jax.Array,
  pool_languages: jax.Array,
  columns: tuple[jax.Array, ...],
  gold: jax.Array,
  depth: int,
  language_depth: int,
) -> tuple[jax.Array, ...]:
  """A block's `Ranking`, its gold ranks still padded: [B, N]."""
  scores = jnp.matmul(queries, texts.T, precision=jax.lax.Precision.HIGHEST)
  # top_k orders -0.0 under 0.0, comparisons do not: let there be one zero.
  scores = jnp.where(scores == 0, 0.0, scores)[:, pool_texts]  # [B, C]
  one_hot = jax.nn.one_hot(pool_languages, len(columns), dtype=jnp.float32)
  place = jnp.arange(len(pool_texts), dtype=jnp.int32)

  def count(_: None, gold: jax.Array) -> tuple[None, jax.Array]:
    score = jnp.take_along_axis(scores, gold[:, None], axis=1)
    return None, _ahead(scores, place, one_hot, score, gold[:, None])

  _, ahead = jax.lax.scan(count, None, gold.T)  # [N, B, L]
  languages = pool_languages[gold.T][..., None]  # [N, B, 1]
  own = jnp.take_along_axis(ahead, languages, axis=-1)[..., 0]
  by_language = [
    _top(scores[:, column], column, language_depth) for column in columns
  ]
  return (
    1 + ahead.sum(axis=-1).T,
    1 + own.T,
    *_top(scores, place, depth),
    *(jnp.stack(part, axis=1) for part in zip(*by_language, strict=True)),
  )


def _top(
  scores: jax.Array, candidates: jax.Array, depth: int
) -> tuple[jax.Array, jax.Array]:
  """The best of scores [B, C'], padded: candidates, scores. [B, depth]."""
  best, index = jax.lax.top_k(scores, min(depth, len(candidates)))
  padding = (0, 0), (0, depth - best.shape[1])
  return (
    jnp.pad(candidates[index], padding, constant_values=-1),
    jnp.pad(best, padding, constant_values=-jnp.inf),
  )


def _ahead(
  scores: jax.Array,
  place: jax.Array,
  one_hot: jax.Array,
  gold_score: jax.Array,
  gold_place: jax.Array,
) -> jax.Array:
  """How many candidates of each language stand ahead of a gold.

  Counts over slices of a pool add up, whichever slice holds the gold.

  Args:
    scores: [B, C].
    place: [C] in the order that breaks ties.
    one_hot: [C, L] languages. Float sums are exact to 2**24 candidates.
    gold_score: [B, 1].
    gold_place: [B, 1].

  Returns:
    [B, L] int32.
  """
  tie = (scores == gold_score) & (place[None, :] < gold_place)
  ahead = (scores > gold_score) | tie  # [B, C]
  return (ahead.astype(jnp.float32) @ one_hot).astype(jnp.int32)


def _check(queries: np.ndarray, texts: np.ndarray) -> None:
  if queries.shape[1] != texts.shape[1]:
    raise UserError(
      f"query embeddings have {queries.shape[1]} dims, passage embeddings"
      f" {texts.shape[1]}; expected one model's"
    )
  for name, embeddings in (("query", queries), ("passage", texts)):
    bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(bad):
      raise UserError(
        f"{len(bad)} of {len(embeddings)} {name} embeddings are not finite"
        f" (the first is row {bad[0]}); mend the model or its dtype"
      )


def _pad_gold(
  offsets: np.ndarray, gold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Ragged to [Q, N] (is a gold, its candidate or 0)."""
  counts = np.diff(offsets)
  is_gold = np.arange(counts.max(initial=0))[None, :] < counts[:, None]
  padded = np.zeros(is_gold.shape, np.int32)
  padded[is_gold] = gold
  return is_gold, padded


def _blocks(Q: int, B: int) -> Iterator[slice]:
  with tqdm.tqdm(
    total=Q, desc="exact search", unit=" queries", leave=False
  ) as bar:
    for start in range(0, Q, B):
      rows = slice(start, min(start + B, Q))
      yield rows
      bar.update(rows.stop - rows.start)


def _fill(rows: np.ndarray, B: int) -> np.ndarray:
  """Pads the last block with zero rows: one shape, one compilation."""
  return np.pad(rows, ((0, B - len(rows)), (0, 0)))
