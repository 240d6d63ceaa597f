"""Texts to embeddings, on all devices. From a model, to search."""

import collections
import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray
from tqdm import tqdm

from hybrid_ir import processes
from hybrid_ir.ahead import ahead
from hybrid_ir.config import Data, Layout
from hybrid_ir.data.batch import OF_ROWS, OF_TEXTS
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.encoder import Params
from hybrid_ir.model.pooling import normalize
from hybrid_ir.retrieval.feed import Feed

_AHEAD = 2  # batches tokenized and packed before the device asks for them
_IN_FLIGHT = 2  # batches on the device while the next is sent


@dataclasses.dataclass(frozen=True)
class TextEncoder:
  """Encodes texts as the model's contract says."""

  model: BiEncoder
  contract: Contract
  tokenizer: Tokenizer
  layout: Layout
  mesh: Mesh
  tokens_per_batch: int  # slots, filled or not
  dimensions: int = 0  # leading ones kept; 0: all

  @property
  def size(self) -> int:
    """E, dimensions of an embedding."""
    return self.dimensions or self.contract.embedding_size

  def of(self, name: str, data: Data) -> "TextEncoder":
    """Itself, or with what `data.prefixes` has for a data set."""
    if name not in data.prefixes:
      return self
    own = self.contract.prefixes.of(name, data)
    contract = dataclasses.replace(
      self.contract, query_prefix=own.query, passage_prefix=own.passage
    )
    other = dataclasses.replace(self, contract=contract)
    # The computation knows no prefixes: it is compiled once for all of them.
    vars(other)["_embed"] = self._embed
    return other

  def queries(
    self,
    params: Params,
    texts: Sequence[str],
    progress: str = "",
    instruction: str = "",
    instructions: Sequence[str] = (),
  ) -> NDArray[np.float32]:
    """Embeds queries.

    Args:
      params: of the model.
      texts: Q queries, without prefix.
      progress: names a progress bar; empty: none.
      instruction: what the queries are for, if the model knows instructions.
      instructions: [Q], where each query has its own.

    Returns:
      [Q, E].
    """
    write = self.contract.prefixes.write_query
    own = instructions or [instruction] * len(texts)
    return self._encode(
      params,
      [write(text, told) for text, told in zip(texts, own, strict=True)],
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
    out = np.zeros((len(texts), self.size), np.float32)
    flying: collections.deque[tuple[NDArray[np.int64], jax.Array]] = (
      collections.deque()
    )
    feed = Feed(
      self.tokenizer,
      self.layout,
      self.tokens_per_batch,
      self.mesh.devices.size,
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
      for members, arrays in ahead(feed(texts, length), _AHEAD):
        placed = processes.place(dict(arrays), self._shardings)
        flying.append((members, self._embed(params, placed)))
        if len(flying) > _IN_FLIGHT:
          land()
      while flying:
        land()
    return out

  @functools.cached_property
  def _embed(self) -> Callable[[Params, Any], jax.Array]:
    """The jitted encoder: (params, arranged texts) -> [T, E]."""
    texts_per_row = self.layout.texts_per_row if self.layout.packing else 1

    def embed(params: Params, arrays: dict[str, jax.Array]) -> jax.Array:
      whole_size = self.model.embed(params, arrays, texts_per_row)
      leading = whole_size[:, : self.size]
      return normalize(leading) if self.model.normalize else leading

    return jax.jit(
      embed,
      in_shardings=(None, self._shardings),
      out_shardings=self._shardings["text_row"],
    )

  @functools.cached_property
  def _shardings(self) -> dict[str, NamedSharding]:
    """Rows over all devices, what tells texts apart on every one."""
    rows = NamedSharding(self.mesh, PartitionSpec(self.mesh.axis_names))
    whole = NamedSharding(self.mesh, PartitionSpec())
    return {
      **dict.fromkeys(OF_ROWS, rows),
      **dict.fromkeys(OF_TEXTS, whole),
    }
