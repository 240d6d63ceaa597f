"""Token ids to token states. From `architecture` and `layers`, to `pooling`.

Parameters are plain dicts of arrays, layers stacked [N, ...] and scanned; every
function is pure. A layer unlike the others stands outside the scan.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from hybrid_ir.model import layers as layers_lib
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.attention import (
  MIXED,
  WEIGHTS,
  Rotation,
  nearby,
  rotation,
  same_text,
)
from hybrid_ir.model.dropout import drop
from hybrid_ir.model.layers import Params as Params

TABLE_MULTIPLE = 128  # the table's rows are padded to it, for sharding

# What a layer is told of the tokens: may-attend [R, 1, L, L], and angles.
View = tuple[jax.Array, Rotation | None]
Flag = jax.Array | bool


@dataclasses.dataclass(frozen=True)
class Encoder:
  """Pure functions of an architecture; holds no array."""

  arch: Architecture
  dtype: str = "float32"  # of the computation; parameters are float32
  dropout: float = 0.0  # where a key is given
  remat: str = "dots"  # what a layer keeps for the backward pass

  def init(self, key: jax.Array) -> Params:
    """Fresh parameters, float32."""
    table_key, embeddings_key, *layer_keys = jax.random.split(
      key, 2 + self.arch.layers
    )
    shape = self.arch.vocab_size, self.arch.hidden_size
    params = {
      "tokens": pad_table(layers_lib.draw(table_key, shape, jnp.float32)),
      "embeddings": layers_lib.init(self._embeddings, embeddings_key),
    }
    if self._modern:
      params["first"] = layers_lib.init(self._first_block, layer_keys.pop(0))
      params["final_norm"] = layers_lib.init(self._norm, key)
    block = functools.partial(layers_lib.init, self._block)
    return {**params, "layers": jax.vmap(block)(jnp.stack(layer_keys))}

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
    frozen_layers: int = 0,
  ) -> jax.Array:
    """Runs the layers; a token attends to its own text alone.

    Args:
      params: as `init` makes them.
      words: [R, L, D] from `embed`.
      segments: [R, L] which text of its row a token is of; 0: padding.
      positions: [R, L] of a token in its text.
      key: of dropout; None: no dropout.
      frozen_layers: so many lower layers, and the embeddings, get no gradient,
        and none is computed below them. 0: all get theirs.

    Returns:
      [R, L, D] token states, in `dtype`.
    """
    N = self.arch.layers
    below = params
    if frozen_layers:
      below, words = jax.lax.stop_gradient((params, words))
    R, L, D = words.shape
    embeddings = layers_lib.bind(self._embeddings)(below["embeddings"])
    x = embeddings(words, positions).astype(self._dtype)
    keys = None
    if key is not None:
      first_key, key = jax.random.split(key)
      x = drop(x, self.dropout, first_key)
      keys = jax.random.split(key, N)
    x = x.reshape(R * L, D)
    view = self._view(segments, positions)
    start = 0
    if self._modern:
      layer = self._layer(self._first_block, view)
      x, _ = layer(x, (below["first"], keys if keys is None else keys[0], True))
      start = 1
    middle = max(start, frozen_layers)
    x = self._scan(below, x, view, keys, start, middle)
    x = self._scan(params, x, view, keys, middle, N)
    if self._modern:
      x = layers_lib.bind(self._norm)(params["final_norm"])(x)
    return x.reshape(R, L, D)

  def _scan(
    self,
    params: Params,
    x: jax.Array,
    view: Callable[[Flag], View],
    keys: jax.Array | None,
    start: int,
    stop: int,
  ) -> jax.Array:
    """[R * L, D] states through the stacked layers from `start` to `stop`."""
    if start == stop:
      return x
    outside = int(self._modern)
    stacked = jax.tree.map(
      lambda p: p[start - outside : stop - outside], params["layers"]
    )
    keys = None if keys is None else keys[start:stop]
    flags = jnp.array([self.arch.is_global(n) for n in range(start, stop)])
    x, _ = jax.lax.scan(
      self._layer(self._block, view), x, (stacked, keys, flags)
    )
    return x

  def _layer(
    self,
    make: Callable[[Any], Any],
    view: Callable[[Flag], View],
  ) -> Callable[..., tuple[jax.Array, None]]:
    """One layer as `lax.scan` wants it."""
    bound = layers_lib.bind(make)

    def layer(
      x: jax.Array, inputs: tuple[Params, jax.Array | None, Flag]
    ) -> tuple[jax.Array, None]:
      params, key, is_global = inputs
      return bound(params)(x, *view(is_global), key), None

    if self.remat == "none":
      return layer
    policy = None
    if self.remat == "dots":
      # Of attention's products not the logits, but the weights made of them.
      known = jax.checkpoint_policies
      policy = known.save_from_both_policies(
        known.dots_with_no_batch_dims_saveable,
        known.save_only_these_names(WEIGHTS, MIXED),
      )
    return jax.checkpoint(layer, policy=policy)

  def _view(
    self, segments: jax.Array, positions: jax.Array
  ) -> Callable[[Flag], View]:
    """Gives a layer's view; by whether it is a global layer."""
    arch = self.arch
    mask = same_text(segments)
    if not self._modern:
      return lambda is_global: (mask, None)
    size = arch.hidden_size // arch.heads
    whole = mask, rotation(positions, arch.global_theta, size)
    if not arch.window:
      return lambda is_global: whole
    near = (
      mask & nearby(mask.shape[-1], arch.window),
      rotation(positions, arch.local_theta, size),
    )
    return lambda is_global: jax.tree.map(
      lambda x, y: jnp.where(is_global, x, y), whole, near
    )

  @property
  def _dtype(self) -> jnp.dtype:
    return jnp.dtype(self.dtype)

  @property
  def _modern(self) -> bool:
    return self.arch.family == "modernbert"

  # What `layers.init` and `layers.bind` make modules with.

  def _embeddings(self, rngs: Any) -> Any:
    kind = layers_lib.BareEmbeddings if self._modern else layers_lib.Embeddings
    return kind(self.arch, self._dtype, rngs)

  def _first_block(self, rngs: Any) -> Any:
    return layers_lib.ModernBlock(
      self.arch, self._dtype, self.dropout, rngs, first=True
    )

  def _block(self, rngs: Any) -> Any:
    kind = layers_lib.ModernBlock if self._modern else layers_lib.Block
    return kind(self.arch, self._dtype, self.dropout, rngs)

  def _norm(self, rngs: Any) -> Any:
    return layers_lib.norm(self.arch, self._dtype, rngs)


def pad_table(table: jax.Array) -> jax.Array:
  """[V, D] -> [V rounded up, D]; the added rows are never looked up."""
  return jnp.pad(table, ((0, -len(table) % TABLE_MULTIPLE), (0, 0)))
