"""Token ids to token states. From `architecture`, to `pooling`.

Flax NNX describes the layers and nothing else: parameters are plain dicts of
arrays, layers stacked [N, ...] and scanned, every function pure.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from hybrid_ir.model.architecture import Architecture

Params = dict[str, Any]

TABLE_MULTIPLE = 128  # the table's rows are padded to it, for sharding
_INIT = nnx.initializers.normal(0.02)  # BERT's
_MASKED = -1e30  # logits of other texts; finite, so that empty rows stay so


class Embeddings(nnx.Module):
  """Positions and types added to words, then normalised."""

  def __init__(self, arch: Architecture, dtype: jnp.dtype, rngs: nnx.Rngs):
    D = arch.hidden_size
    self.positions = nnx.Param(_INIT(rngs.params(), (arch.max_positions, D)))
    self.types = nnx.Param(_INIT(rngs.params(), (arch.token_types, D)))
    self.norm = _norm(arch, dtype, rngs)

  def __call__(self, words: jax.Array, positions: jax.Array) -> jax.Array:
    """[R, L, D] words and [R, L] positions -> [R, L, D]."""
    x = words + self.positions[positions] + self.types[None, :1]
    return self.norm(x)


class Block(nnx.Module):
  """Self-attention and feed-forward, each with a residual and a norm."""

  def __init__(
    self, arch: Architecture, dtype: jnp.dtype, dropout: float, rngs: nnx.Rngs
  ):
    D, F = arch.hidden_size, arch.intermediate_size
    linear = functools.partial(
      nnx.Linear, dtype=dtype, kernel_init=_INIT, rngs=rngs
    )
    self.heads = arch.heads
    self.activation = arch.activation
    self.qkv = linear(D, 3 * D)
    self.attention_out = linear(D, D)
    self.attention_norm = _norm(arch, dtype, rngs)
    self.up = linear(D, F)
    self.down = linear(F, D)
    self.output_norm = _norm(arch, dtype, rngs)
    self.dropout = nnx.Dropout(dropout)

  def __call__(
    self, x: jax.Array, mask: jax.Array, key: jax.Array | None
  ) -> jax.Array:
    """[R * L, D] states, [R, 1, L, L] may-attend -> [R * L, D]."""
    keys = [None] * 3 if key is None else list(jax.random.split(key, 3))
    x = self.attention_norm(
      x + self._drop(self._attend(x, mask, keys[0]), keys[1])
    )
    hidden = self.up(x)
    hidden = (
      jax.nn.gelu(hidden, approximate=False)
      if self.activation == "gelu"
      else jax.nn.relu(hidden)
    )
    return self.output_norm(x + self._drop(self.down(hidden), keys[2]))

  def _attend(
    self, x: jax.Array, mask: jax.Array, key: jax.Array | None
  ) -> jax.Array:
    R, L, H = mask.shape[0], mask.shape[-1], self.heads
    D = x.shape[-1]
    heads = self.qkv(x).reshape(R, L, 3, H, D // H).transpose(2, 0, 3, 1, 4)
    q, k, v = heads  # [R, H, L, D / H]
    logits = jnp.einsum(
      "rhqd,rhkd->rhqk",
      q,
      k,
      preferred_element_type=jnp.promote_types(x.dtype, jnp.float32),
    )
    logits = jnp.where(mask, logits * (D // H) ** -0.5, _MASKED)
    weights = self._drop(jax.nn.softmax(logits), key).astype(x.dtype)
    mixed = jnp.einsum("rhqk,rhkd->rhqd", weights, v)
    return self.attention_out(mixed.swapaxes(1, 2).reshape(R * L, D))

  def _drop(self, x: jax.Array, key: jax.Array | None) -> jax.Array:
    if key is None:
      return x
    return self.dropout(x, deterministic=False, rngs=key)


@dataclasses.dataclass(frozen=True)
class Encoder:
  """Pure functions of an architecture; holds no array."""

  arch: Architecture
  dtype: str = "float32"  # of the computation; parameters are float32
  dropout: float = 0.0  # where a key is given
  remat: bool = False  # recompute layers in the backward pass

  def init(self, key: jax.Array) -> Params:
    """Fresh parameters, float32."""
    table_key, embeddings_key, *layer_keys = jax.random.split(
      key, 2 + self.arch.layers
    )
    D = self.arch.hidden_size

    def layer(key: jax.Array) -> Params:
      return _params(Block(self.arch, self._dtype, 0.0, nnx.Rngs(params=key)))

    return {
      "tokens": pad_table(
        _INIT(table_key, (self.arch.vocab_size, D), jnp.float32)
      ),
      "embeddings": _params(
        Embeddings(self.arch, self._dtype, nnx.Rngs(params=embeddings_key))
      ),
      "layers": jax.vmap(layer)(jnp.stack(layer_keys)),
    }

  def embed(self, params: Params, tokens: jax.Array) -> jax.Array:
    """[R, L] token ids -> [R, L, D] rows of the embedding table."""
    rows: jax.Array = params["tokens"][tokens]
    return rows

  def encode(
    self,
    params: Params,
    words: jax.Array,
    segments: jax.Array,
    positions: jax.Array,
    key: jax.Array | None = None,
  ) -> jax.Array:
    """Runs the layers; a token attends to its own text alone.

    Args:
      params: as `init` makes them.
      words: [R, L, D] from `embed`.
      segments: [R, L] which text of its row a token is of; 0: padding.
      positions: [R, L] of a token in its text.
      key: of dropout; None: no dropout.

    Returns:
      [R, L, D] token states, in `dtype`.
    """
    embeddings = nnx.merge(self._embeddings_def(), params["embeddings"])
    x = embeddings(words, positions).astype(self._dtype)
    first = None
    if key is not None:
      first, key = jax.random.split(key)
      x = nnx.Dropout(self.dropout)(x, deterministic=False, rngs=first)
    mask = (segments[:, None, :, None] == segments[:, None, None, :]) & (
      segments[:, None, None, :] > 0
    )  # [R, 1, L, L]
    block_def = self._block_def()

    def layer(
      x: jax.Array, inputs: tuple[Params, jax.Array | None]
    ) -> tuple[jax.Array, None]:
      layer_params, layer_key = inputs
      return nnx.merge(block_def, layer_params)(x, mask, layer_key), None

    if self.remat:
      layer = jax.checkpoint(layer)
    keys = None if key is None else jax.random.split(key, self.arch.layers)
    R, L, D = x.shape
    # Tokens in one axis: XLA:CPU's product over two axes at once, which the
    # gradient of every weight would be, is several times slower.
    x, _ = jax.lax.scan(layer, x.reshape(R * L, D), (params["layers"], keys))
    return x.reshape(R, L, D)

  @property
  def _dtype(self) -> jnp.dtype:
    return jnp.dtype(self.dtype)

  def _embeddings_def(self) -> Any:
    return nnx.graphdef(
      nnx.eval_shape(
        lambda: Embeddings(self.arch, self._dtype, nnx.Rngs(params=0))
      )
    )

  def _block_def(self) -> Any:
    return nnx.graphdef(
      nnx.eval_shape(
        lambda: Block(self.arch, self._dtype, self.dropout, nnx.Rngs(params=0))
      )
    )


def pad_table(table: jax.Array) -> jax.Array:
  """[V, D] -> [V rounded up, D]; the added rows are never looked up."""
  return jnp.pad(table, ((0, -len(table) % TABLE_MULTIPLE), (0, 0)))


def _norm(
  arch: Architecture, dtype: jnp.dtype, rngs: nnx.Rngs
) -> nnx.LayerNorm:
  return nnx.LayerNorm(
    arch.hidden_size,
    epsilon=arch.norm_epsilon,
    dtype=dtype,
    use_fast_variance=False,  # E[x^2] - E[x]^2 loses digits
    rngs=rngs,
  )


def _params(module: nnx.Module) -> Params:
  params: Params = nnx.to_pure_dict(nnx.state(module, nnx.Param))
  return params
