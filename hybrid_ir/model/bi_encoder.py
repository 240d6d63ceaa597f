"""Arranged texts to embeddings. From the encoder, to training and search.

Queries and passages go through the same: encoder, pooling, any dense layers,
normalisation.
"""

import dataclasses
from collections.abc import Mapping

import jax

from hybrid_ir.config import Encoder as EncoderConfig
from hybrid_ir.model import dense as dense_lib
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.encoder import Encoder, Params
from hybrid_ir.model.pooling import normalize, pool, pool_slots
from hybrid_ir.model.sentence_transformers import Dense

Arrays = Mapping[str, jax.Array]  # `data.batch.Arranged`, on device


@dataclasses.dataclass(frozen=True)
class BiEncoder:
  """Pure functions of a contract; holds no array."""

  encoder: Encoder
  pooling: str
  dense: tuple[Dense, ...]
  normalize: bool

  def init(self, key: jax.Array) -> Params:
    """Fresh parameters, float32."""
    params = self.encoder.init(key)
    if self.dense:
      key = jax.random.fold_in(key, 0)
      sizes = self.encoder.arch.hidden_size, *(d.size for d in self.dense)
      params["dense"] = dense_lib.init(key, self.dense, sizes)
    return params

  def embed(
    self, params: Params, arrays: Arrays, texts_per_row: int
  ) -> jax.Array:
    """[T, E] embeddings of arranged texts, without dropout."""
    words = self.encoder.embed(params, arrays["tokens"])
    states = self.encoder.encode(
      params, words, arrays["segments"], arrays["positions"]
    )
    return self.finish(params, states, arrays, texts_per_row)

  def finish(
    self,
    params: Params,
    states: jax.Array,
    arrays: Arrays,
    texts_per_row: int,
  ) -> jax.Array:
    """[R, L, D] token states -> [T, E] embeddings.

    Args:
      params: as `init` makes them.
      states: of `encoder.encode`.
      arrays: what was encoded.
      texts_per_row: most texts in a row.
    """
    pooled = pool(
      states,
      arrays["segments"],
      arrays["text_row"],
      arrays["text_start"],
      arrays["text_segment"],
      pooling=self.pooling,
      texts_per_row=texts_per_row,
    )
    return self.project(params, pooled)

  def slots(
    self, states: jax.Array, segments: jax.Array, texts_per_row: int
  ) -> jax.Array:
    """[R, L, D] token states -> [R, S, D], for `project`.

    Args:
      states: of `encoder.encode`.
      segments: [R, L].
      texts_per_row: S, most texts in a row; not every slot is a text.
    """
    return pool_slots(
      states, segments, pooling=self.pooling, texts_per_row=texts_per_row
    )

  def project(self, params: Params, pooled: jax.Array) -> jax.Array:
    """[T, D] pooled -> [T, E] embeddings."""
    if self.dense:
      pooled = dense_lib.apply(params["dense"], self.dense, pooled)
    return normalize(pooled) if self.normalize else pooled


def make_bi_encoder(contract: Contract, config: EncoderConfig) -> BiEncoder:
  """The bi-encoder of a contract.

  Args:
    contract: what it computes.
    config: how: dtype, dropout, remat.
  """
  encoder = Encoder(
    contract.architecture, config.dtype, config.dropout, config.remat
  )
  return BiEncoder(
    encoder, contract.pooling, contract.dense, contract.normalize
  )
