"""A tiny encoder, texts of odd lengths, and what embeds them in rows."""

import functools

import jax
import numpy as np
import pytest

from hybrid_ir.config import Layout
from hybrid_ir.data.batch import arrange
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.model.pooling import normalize, pool


@pytest.fixture(scope="session")
def arches():
  """(family, changes) -> the architecture of fixtures/tiny_<family>."""

  def arches(family, **changes):
    own = {
      "bert": {},
      "xlm-roberta": {"token_types": 1, "position_offset": 2},
      "modernbert": {
        "layers": 5,
        "token_types": 0,
        "norm_epsilon": 1e-5,
        "window": 3,
        "global_every": 3,
        "global_theta": 160_000.0,
        "local_theta": 100.0,
      },
    }[family]
    shared = {
      "vocab_size": 61,
      "hidden_size": 16,
      "layers": 2,
      "heads": 2,
      "intermediate_size": 24,
      "max_positions": 20,
      "token_types": 2,
      "norm_epsilon": 1e-12,
      "activation": "gelu",
    }
    return Architecture(family, **{**shared, **own, **changes})

  return arches


@pytest.fixture(scope="session")
def arch(arches):
  return arches("bert")


@pytest.fixture(scope="session")
def draw():
  """(architecture) -> parameters, every one drawn, biases and norms too."""

  def draw(arch):
    shapes = jax.eval_shape(Encoder(arch).init, jax.random.key(0))
    rng = np.random.default_rng(0)

    def leaf(path, shape):
      mean = path[-1].key == "scale"
      return rng.normal(mean, 0.4, shape.shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(leaf, shapes)

  return draw


@pytest.fixture(scope="session")
def params(arch, draw):
  return draw(arch)


@pytest.fixture(scope="session")
def texts():
  rng = np.random.default_rng(1)
  return [rng.integers(1, 61, n) for n in (9, 3, 1, 6, 16, 7, 2)]


@pytest.fixture(scope="session")
def rows_of():
  """(texts, packed) -> `Arranged`, in rows of 16 tokens."""

  def rows_of(texts, packed):
    return arrange(
      np.concatenate(texts).astype(np.int32),
      np.array([len(text) for text in texts]),
      Layout(packing=packed, row_lengths=(16,), texts_per_row=4),
      rows_multiple=2,
    )

  return rows_of


@pytest.fixture(scope="session")
def embed():
  """(encoder, params, rows) -> (token states [R, L, D], embeddings [T, D])."""

  @functools.partial(jax.jit, static_argnames=("encoder", "pooling"))
  def embed(encoder, params, rows, pooling="mean", key=None):
    words = encoder.embed(params, rows["tokens"])
    states = encoder.encode(
      params, words, rows["segments"], rows["positions"], key
    )
    places = rows["text_row"], rows["text_start"], rows["text_segment"]
    pooled = pool(
      states, rows["segments"], *places, pooling=pooling, texts_per_row=4
    )
    return states, normalize(pooled)

  return embed
