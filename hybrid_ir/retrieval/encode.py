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
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.encoder import Encoder, Params
from hybrid_ir.model.pooling import pool

_IN_FLIGHT = 2  # batches on the device while the next is tokenized


@dataclasses.dataclass(frozen=True)
class TextEncoder:
  """Encodes texts as the model's contract says."""

  encoder: Encoder
  contract: Contract
  tokenizer: Tokenizer
  layout: Layout
  mesh: Mesh
  texts_per_batch: int

  def queries(
    self, params: Params, texts: Sequence[str], progress: str = ""
  ) -> NDArray[np.float32]:
    """[Q, D] embeddings of queries; `progress` names a progress bar."""
    c = self.contract
    return self._encode(params, texts, c.query_prefix, c.query_length, progress)

  def passages(
    self, params: Params, texts: Sequence[str], progress: str = ""
  ) -> NDArray[np.float32]:
    """[C, D] embeddings of passages; `progress` names a progress bar."""
    c = self.contract
    return self._encode(
      params, texts, c.passage_prefix, c.passage_length, progress
    )

  def _encode(
    self,
    params: Params,
    texts: Sequence[str],
    prefix: str,
    length: int,
    progress: str,
  ) -> NDArray[np.float32]:
    """Batches of one row length each, so that few shapes are compiled."""
    out = np.zeros(
      (len(texts), self.contract.architecture.hidden_size), np.float32
    )
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
      for members, tokens in self._batches(texts, prefix, length):
        flying.append((members, self._embed_batch(params, tokens)))
        if len(flying) > _IN_FLIGHT:
          land()
      while flying:
        land()
    return out

  def _batches(
    self, texts: Sequence[str], prefix: str, length: int
  ) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.int32]]]]:
    """Yields (text numbers, tokens), texts sorted by the row they need."""
    waiting: dict[int, list[tuple[int, NDArray[np.int32]]]] = {
      n: [] for n in self.layout.row_lengths
    }
    for start in range(0, len(texts), self.texts_per_batch):
      part = texts[start : start + self.texts_per_batch]
      for i, tokens in enumerate(
        self.tokenizer.encode([prefix + t for t in part])
      ):
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
    """The jitted encoder: (params, arranged texts) -> [T, D]."""
    rows = NamedSharding(self.mesh, PartitionSpec("data"))
    whole = NamedSharding(self.mesh, PartitionSpec())
    texts_per_row = self.layout.texts_per_row if self.layout.packing else 1

    def embed(params: Params, arrays: dict[str, jax.Array]) -> jax.Array:
      words = self.encoder.embed(params, arrays["tokens"])
      states = self.encoder.encode(
        params, words, arrays["segments"], arrays["positions"]
      )
      return pool(
        states,
        arrays["segments"],
        arrays["text_row"],
        arrays["text_start"],
        arrays["text_segment"],
        pooling=self.contract.pooling,
        texts_per_row=texts_per_row,
      )

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
