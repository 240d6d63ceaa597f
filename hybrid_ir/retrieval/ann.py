"""Approximate search. Takes embeddings; feeds evaluation and search.

The only importer of ScaNN (Guo et al., ICML 2020, arXiv 1908.10396), which
has wheels for Linux only.
"""

import math
import os
from typing import Any

import numpy as np

# ScaNN's rules of thumb (its docs/algorithms.md).
_BRUTE_FORCE_BELOW = 20_000
_TREE_FROM = 100_000


class AnnUnavailableError(Exception):
  """ScaNN cannot be imported here; its message says so in one line."""


def load() -> Any:
  """ScaNN's Python operations.

  Raises:
    AnnUnavailableError: where it is not installed. Search exactly instead.
  """
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it imports TensorFlow
  try:
    from scann.scann_ops.py import scann_ops_pybind
  except ImportError as error:
    raise AnnUnavailableError(f"ScaNN cannot be used here ({error})") from error
  return scann_ops_pybind


def search(
  queries: np.ndarray, passages: np.ndarray, depth: int
) -> tuple[np.ndarray, np.ndarray]:
  """The passages of (nearly) the largest dot products.

  Args:
    queries: [Q, D] float32.
    passages: [C, D] float32.
    depth: how many a query.

  Returns:
    [Q, depth] int32 passages, best first, and [Q, depth] float32 scores; padded
    with -1 and -inf where fewer were found.

  Raises:
    AnnUnavailableError: where ScaNN is not installed.
  """
  builder = load().builder(passages, depth, "dot_product")
  searcher = configure(builder, len(passages), depth).build()
  found, scores = searcher.search_batched_parallel(queries)
  missing = np.isnan(scores)
  padding = (0, 0), (0, depth - found.shape[1])
  return (
    np.pad(
      np.where(missing, -1, found.astype(np.int32)), padding, constant_values=-1
    ),
    np.pad(
      np.where(missing, -np.inf, scores), padding, constant_values=-np.inf
    ),
  )


def configure(builder: Any, passages: int, depth: int) -> Any:
  """Chooses ScaNN's parameters by the corpus size.

  Brute force below 20,000 passages; asymmetric hashing, then rescoring of ten
  times the depth, below 100,000; from there on in a tenth of sqrt(C)
  partitions.

  Args:
    builder: a `ScannBuilder`.
    passages: C.
    depth: of the lists.
  """
  if passages < _BRUTE_FORCE_BELOW:
    return builder.score_brute_force()
  if passages >= _TREE_FROM:
    leaves = math.isqrt(passages)
    builder = builder.tree(
      num_leaves=leaves,
      num_leaves_to_search=math.ceil(leaves / 10),
      training_sample_size=min(passages, 250_000),
    )
  return builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(
    max(100, 10 * depth)
  )


def recall(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
  """Share of the exact lists that was found.

  Args:
    found: [..., K] passages of the approximate search; -1 pads.
    exact: [..., K] passages of the exact search; -1 pads.

  Returns:
    [...] float64; NaN where the exact list is empty.
  """
  real = exact >= 0
  hits = (exact[..., :, None] == found[..., None, :]).any(axis=-1) & real
  size = real.sum(axis=-1)
  return np.divide(
    hits.sum(axis=-1), size, out=np.full(size.shape, np.nan), where=size > 0
  )
