"""Texts to embeddings, on all devices. From a model, to search."""

import collections
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray
from tqdm import tqdm

from hybrid_ir.config import Layout
from hybrid_ir.data.batch import arrange
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.encoder import Params
from hybrid_ir.model.pooling import normalize

_IN_FLIGHT = 2  # batches on the device while the next is tokenized


@dataclasses.dataclass(frozen=True)
class TextEncoder:
  """Encodes texts as the model's contract says."""

  model: BiEncoder
  contract: Contract
  tokenizer: Tokenizer
  layout: Layout
  mesh: Mesh
  texts_per_batch: int
  dimensions: int = 0  # leading ones kept; 0: all

  @property
  def size(self) -> int:
    """E, dimensions of an embedding."""
    return self.dimensions or self.contract.embedding_size

  def queries(
    self,
    params: Params,
    texts: Sequence[str],
    progress: str = "",
    instruction: str = "",
  ) -> NDArray[np.float32]:
    """Embeds queries.

    Args:
      params: of the model.
      texts: Q queries, without prefix.
      progress: names a progress bar; empty: none.
      instruction: what the queries are for, if the model knows instructions.

    Returns:
      [Q, E].
    """
    write = self.contract.prefixes.write_query
    return self._encode(
      params,
      [write(text, instruction) for text in texts],
      self.contract.query_length,
      progress,
    )

  def passages(
    self, params: Params, texts: Sequence[str], progress: str = ""
  ) -> NDArray[np.float32]:
    """[C, E] embeddings of passages; `progress` names a progress bar."""
    write = self.contract.prefixes.write_passage
    return self._encode(
      params,
      [write(text) for text in texts],
      self.contract.passage_length,
      progress,
    )

  def _encode(
    self, params: Params, texts: Sequence[str], length: int, progress: str
  ) -> NDArray[np.float32]:
    """Batches of one row length each, so that few shapes are compiled."""
    out = np.zeros((len(texts), self.size), np.float32)
    flying: collections.deque[tuple[NDArray[np.int64], jax.Array]] = (
      collections.deque()
    )

    def land() -> None:
      members, embeddings = flying.popleft()
      out[members] = np.asarray(embeddings)[: len(members)]
      bar.update(len(members))

    with tqdm(
      total=len(texts),
      desc=progress,
      unit=" texts",
      leave=False,
      disable=not progress,
    ) as bar:
      for members, tokens in self._batches(texts, length):
        flying.append((members, self._embed_batch(params, tokens)))
        if len(flying) > _IN_FLIGHT:
          land()
      while flying:
        land()
    return out

  def _batches(
    self, texts: Sequence[str], length: int
  ) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.int32]]]]:
    """Yields (text numbers, tokens), texts sorted by the row they need."""
    waiting: dict[int, list[tuple[int, NDArray[np.int32]]]] = {
      n: [] for n in self.layout.row_lengths
    }
    for start in range(0, len(texts), self.texts_per_batch):
      part = texts[start : start + self.texts_per_batch]
      for i, tokens in enumerate(self.tokenizer.encode(part)):
        cut = self._cut(tokens, length)
        row = next(n for n in self.layout.row_lengths if n >= len(cut))
        waiting[row].append((start + i, cut))
        if len(waiting[row]) == self.texts_per_batch:
          yield _unzip(waiting[row])
          waiting[row] = []
    for rest in waiting.values():
      if rest:
        yield _unzip(rest)

  def _cut(self, tokens: NDArray[np.int32], length: int) -> NDArray[np.int32]:
    """At most `length` tokens, the closing special ones kept."""
    if len(tokens) <= length:
      return tokens
    suffix = self.tokenizer.suffix
    return np.concatenate(
      [tokens[: length - suffix], tokens[len(tokens) - suffix :]]
    )

  def _embed_batch(
    self, params: Params, tokens: list[NDArray[np.int32]]
  ) -> jax.Array:
    arrays = arrange(
      np.concatenate(tokens),
      np.array([len(t) for t in tokens]),
      self.layout,
      self.mesh.devices.size,
    )
    absent = self.texts_per_batch - len(tokens)  # keeps T the same
    for name in ("text_row", "text_start", "text_segment"):
      arrays[name] = np.pad(arrays[name], (0, absent))
    return self._embed(params, arrays)

  @functools.cached_property
  def _embed(self) -> Callable[[Params, Any], jax.Array]:
    """The jitted encoder: (params, arranged texts) -> [T, E]."""
    rows = NamedSharding(self.mesh, PartitionSpec("data"))
    whole = NamedSharding(self.mesh, PartitionSpec())
    texts_per_row = self.layout.texts_per_row if self.layout.packing else 1

    def embed(params: Params, arrays: dict[str, jax.Array]) -> jax.Array:
      whole_size = self.model.embed(params, arrays, texts_per_row)
      leading = whole_size[:, : self.size]
      return normalize(leading) if self.model.normalize else leading

    placed = {
      name: rows if name in ("tokens", "segments", "positions") else whole
      for name in (
        "tokens",
        "segments",
        "positions",
        "text_row",
        "text_start",
        "text_segment",
      )
    }
    return jax.jit(embed, in_shardings=(None, placed), out_shardings=whole)


def _unzip(
  texts: list[tuple[int, NDArray[np.int32]]],
) -> tuple[NDArray[np.int64], list[NDArray[np.int32]]]:
  return np.array([i for i, _ in texts]), [tokens for _, tokens in texts]
