"""Vectors to search. From noise or real embeddings, to search.

C passages, Q queries, E dims.
"""

import pathlib
from collections.abc import Sequence

import numpy as np
from ours import open_encoder

from hybrid_ir.config import Config
from hybrid_ir.evaluation.catalog import open_benchmark
from hybrid_ir.files import build_folder

WIDTH = 384
_CLUSTER = 100  # vectors of one
_NOISE = 0.7
_JITTER = 0.5
_BLOCK = 50_000  # vectors made at once

Corpus = tuple[np.ndarray, np.ndarray]  # [C, E] passages, [Q, E] queries


def synthetic(size: int, queries: int) -> Corpus:
  """Clusters, as `search` tells of them; of length 1."""
  rng = np.random.default_rng(0)
  scale = (1 / np.sqrt(1 + np.arange(WIDTH))).astype(np.float32)
  turn, _ = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))
  turn = turn.astype(np.float32)
  clusters = -(-size // _CLUSTER)
  centres = scale * rng.standard_normal((clusters, WIDTH), np.float32)

  def draw(count: int) -> np.ndarray:
    vectors = np.empty((count, WIDTH), np.float32)
    for start in range(0, count, _BLOCK):
      part = vectors[start : start + _BLOCK]
      noise = scale * rng.standard_normal(part.shape, np.float32)
      part[:] = centres[rng.integers(clusters, size=len(part))]
      part += _NOISE * noise
      part /= np.linalg.norm(part, axis=1, keepdims=True)
      part[:] = part @ turn
    return vectors

  return draw(size), draw(queries)


def jittered(real: Corpus, size: int, queries: int) -> Corpus:
  """Real passages, then copies of them with noise; real queries.

  A copy of x is x + .5 (a - b), made of length 1 again; a and b are two other
  passages, drawn anew for each copy, so that the noise lies where embeddings
  differ.

  Args:
    real: embeddings.
    size: C.
    queries: Q at most.
  """
  rng = np.random.default_rng(0)
  passages, asked = real
  N = len(passages)
  vectors = np.empty((size, passages.shape[1]), np.float32)
  vectors[: min(N, size)] = passages[:size]
  for start in range(N, size, _BLOCK):
    part = vectors[start : start + _BLOCK]
    part[:] = passages[np.arange(start, start + len(part)) % N]
    a, b = rng.integers(N, size=(2, len(part)))
    part += _JITTER * (passages[a] - passages[b])
    part /= np.linalg.norm(part, axis=1, keepdims=True)
  chosen = rng.choice(len(asked), min(queries, len(asked)), replace=False)
  return vectors, asked[chosen]


def real_embeddings(
  config: Config, share: float, folder: pathlib.Path | None
) -> Corpus:
  """Of the sentences and questions of XQuAD-R and MLQA-R.

  Args:
    config: names the encoder and the data.
    share: of the texts.
    folder: where they are kept, and found again; None: nowhere.
  """
  names = ("passages", "queries")
  if folder and folder.exists():
    kept = [np.load(folder / f"{name}.npy") for name in names]
    return kept[0], kept[1]
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  benchmarks = [
    open_benchmark(name, config.data, cache_dir)
    for name in ("xquad_r", "mlqa_r")
  ]
  rng = np.random.default_rng(0)

  def draw(texts: Sequence[str]) -> list[str]:
    distinct = list(dict.fromkeys(texts))
    count = round(share * len(distinct))
    chosen = np.sort(rng.choice(len(distinct), count, replace=False))
    return [distinct[i] for i in chosen]

  encoder, params = open_encoder(config)
  passages = encoder.passages(
    params, draw([t for b in benchmarks for t in b.passage_texts]), "passages"
  )
  queries = encoder.queries(
    params, draw([t for b in benchmarks for t in b.query_texts]), "queries"
  )
  if folder:
    with build_folder(folder) as aside:
      np.save(aside / "passages.npy", passages)
      np.save(aside / "queries.npy", queries)
  return passages, queries
