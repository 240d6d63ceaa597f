"""The parts of an encoder; the only importer of `flax`. To `encoder`.

Flax NNX describes them and nothing else: `init` and `bind` give and take plain
dicts of arrays. Tokens lie in one axis ([R * L, D]): XLA:CPU's product over two
axes at once, which the gradient of every weight would be, is several times
slower.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.attention import Rotation, attend, rotate
from hybrid_ir.model.dropout import drop
from hybrid_ir.model.gelu import gelu

Params = dict[str, Any]

draw = nnx.initializers.normal(0.02)  # BERT's


class Embeddings(nnx.Module):
  """Positions and types added to words, then normalised."""

  def __init__(self, arch: Architecture, dtype: jnp.dtype, rngs: nnx.Rngs):
    rows = arch.max_positions + arch.position_offset
    self.offset = arch.position_offset
    self.positions = nnx.Param(draw(rngs.params(), (rows, arch.hidden_size)))
    self.types = nnx.Param(
      draw(rngs.params(), (arch.token_types, arch.hidden_size))
    )
    self.norm = norm(arch, dtype, rngs)

  def __call__(self, words: jax.Array, positions: jax.Array) -> jax.Array:
    """[R, L, D] words and [R, L] positions -> [R, L, D]."""
    x = words + self.positions[positions + self.offset] + self.types[None, :1]
    return self.norm(x)


class BareEmbeddings(nnx.Module):
  """ModernBERT's: words normalised; positions are the attention's."""

  def __init__(self, arch: Architecture, dtype: jnp.dtype, rngs: nnx.Rngs):
    self.norm = norm(arch, dtype, rngs)

  def __call__(self, words: jax.Array, positions: jax.Array) -> jax.Array:
    """[R, L, D] words and [R, L] positions -> [R, L, D]."""
    return self.norm(words)


class Block(nnx.Module):
  """Self-attention and feed-forward, each with a residual and a norm."""

  def __init__(
    self, arch: Architecture, dtype: jnp.dtype, dropout: float, rngs: nnx.Rngs
  ):
    D, F = arch.hidden_size, arch.intermediate_size
    linear = functools.partial(
      nnx.Linear, dtype=dtype, kernel_init=draw, rngs=rngs
    )
    self.heads = arch.heads
    self.activation = arch.activation
    self.dropout = dropout
    self.qkv = linear(D, 3 * D)
    self.attention_out = linear(D, D)
    self.attention_norm = norm(arch, dtype, rngs)
    self.up = linear(D, F)
    self.down = linear(F, D)
    self.output_norm = norm(arch, dtype, rngs)

  def __call__(
    self,
    x: jax.Array,
    mask: jax.Array,
    turn: Rotation | None,
    key: jax.Array | None,
  ) -> jax.Array:
    """[R * L, D] states, [R, 1, L, L] may-attend -> [R * L, D]."""
    keys = _keys(key)
    q, k, v = _split(self.qkv(x), mask, self.heads)
    mixed = _join(attend(q, k, v, mask, self.dropout, keys[0]))
    mixed = drop(self.attention_out(mixed), self.dropout, keys[1])
    x = self.attention_norm(x + mixed)
    hidden = self.down(_activate(self.up(x), self.activation))
    return self.output_norm(x + drop(hidden, self.dropout, keys[2]))


class ModernBlock(nnx.Module):
  """ModernBERT's: norms first, rotary positions, a gated feed-forward."""

  def __init__(
    self,
    arch: Architecture,
    dtype: jnp.dtype,
    dropout: float,
    rngs: nnx.Rngs,
    first: bool = False,
  ):
    D, F = arch.hidden_size, arch.intermediate_size
    linear = functools.partial(
      nnx.Linear, dtype=dtype, kernel_init=draw, use_bias=False, rngs=rngs
    )
    self.heads = arch.heads
    self.activation = arch.activation
    self.dropout = dropout
    # The embeddings' norm stands before the first layer.
    self.attention_norm = None if first else norm(arch, dtype, rngs)
    self.qkv = linear(D, 3 * D)
    self.attention_out = linear(D, D)
    self.mlp_norm = norm(arch, dtype, rngs)
    self.up = linear(D, 2 * F)
    self.down = linear(F, D)

  def __call__(
    self,
    x: jax.Array,
    mask: jax.Array,
    turn: Rotation | None,
    key: jax.Array | None,
  ) -> jax.Array:
    """[R * L, D] states, [R, 1, L, L] may-attend -> [R * L, D]."""
    keys = _keys(key)
    normed = self.attention_norm(x) if self.attention_norm else x
    q, k, v = _split(self.qkv(normed), mask, self.heads)
    if turn is not None:
      q, k = rotate(q, turn), rotate(k, turn)
    mixed = _join(attend(q, k, v, mask, self.dropout, keys[0]))
    x = x + drop(self.attention_out(mixed), self.dropout, keys[1])
    hidden, gate = jnp.split(self.up(self.mlp_norm(x)), 2, axis=-1)
    hidden = self.down(_activate(hidden, self.activation) * gate)
    return x + drop(hidden, self.dropout, keys[2])


def norm(arch: Architecture, dtype: jnp.dtype, rngs: nnx.Rngs) -> nnx.LayerNorm:
  """The layer norm of a family (arXiv 1607.06450)."""
  return nnx.LayerNorm(
    arch.hidden_size,
    epsilon=arch.norm_epsilon,
    use_bias=arch.family != "modernbert",
    dtype=dtype,
    use_fast_variance=False,  # E[x^2] - E[x]^2 loses digits
    rngs=rngs,
  )


def init(make: Callable[[nnx.Rngs], nnx.Module], key: jax.Array) -> Params:
  """A module's fresh parameters, float32."""
  state = nnx.state(make(nnx.Rngs(params=key)), nnx.Param)
  params: Params = nnx.to_pure_dict(state)
  return params


def bind(make: Callable[[nnx.Rngs], nnx.Module]) -> Callable[[Params], Any]:
  """What gives the module with its parameters."""
  definition = nnx.graphdef(nnx.eval_shape(lambda: make(nnx.Rngs(params=0))))
  return functools.partial(nnx.merge, definition)


def _split(x: jax.Array, mask: jax.Array, heads: int) -> jax.Array:
  """[R * L, 3 * D] -> q, k and v: [3, R, H, L, D / H]."""
  R, L = mask.shape[0], mask.shape[-1]
  return x.reshape(R, L, 3, heads, -1).transpose(2, 0, 3, 1, 4)


def _join(x: jax.Array) -> jax.Array:
  """[R, H, L, D / H] -> [R * L, D]."""
  R, H, L, size = x.shape
  return x.swapaxes(1, 2).reshape(R * L, H * size)


def _activate(x: jax.Array, name: str) -> jax.Array:
  return gelu(x) if name == "gelu" else jax.nn.relu(x)


def _keys(key: jax.Array | None) -> list[jax.Array | None]:
  """One key for each place of dropout in a block."""
  return [None] * 3 if key is None else list(jax.random.split(key, 3))
