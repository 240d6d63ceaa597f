"""ScaNN's indexes: built, searched, tuned, written. From embeddings, to `ann`.

The only importer of ScaNN (Guo et al., ICML 2020, arXiv 1908.10396), which
has wheels for Linux only.

Q queries, C passages, E dims.
"""

import dataclasses
import importlib.metadata
import os
import pathlib
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import ann_parameters, ann_tuning
from hybrid_ir.retrieval.ann_parameters import Parameters
from hybrid_ir.retrieval.ann_sample import Sample
from hybrid_ir.retrieval.ann_tuning import Setting, Tuned
from hybrid_ir.retrieval.finite import check_finite

_CHECKED = 2**16  # embeddings looked at at once

Found = tuple[NDArray[np.int32], NDArray[np.float32]]


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


def version() -> str:
  """ScaNN's."""
  return importlib.metadata.version("scann")


@dataclasses.dataclass(frozen=True, eq=False)
class Searcher:
  """An index of ScaNN's, in memory."""

  parameters: Parameters
  width: int  # E
  scann: Any

  def search(
    self,
    queries: NDArray[np.float32],
    depth: int,
    setting: Setting | None = None,
  ) -> Found:
    """The passages of (nearly) the largest dot products.

    Args:
      queries: [Q, E].
      depth: how many a query.
      setting: how much is looked at; None for brute force.

    Returns:
      [Q, depth] passages, best first, and [Q, depth] scores; padded with -1
      and -inf where fewer were found.

    Raises:
      UserError: embeddings of another size, not finite, or of length 0.
    """
    check(queries, "query", self.width)
    if not len(queries):
      return np.zeros((0, depth), np.int32), np.zeros((0, depth), np.float32)
    options = {}
    if setting is not None:
      options["pre_reorder_num_neighbors"] = max(depth, setting.rescored)
      if setting.leaves:
        options["leaves_to_search"] = setting.leaves
    found, scores = self.scann.search_batched_parallel(
      np.ascontiguousarray(queries, np.float32), depth, **options
    )
    missing = np.isnan(scores)
    padding = (0, 0), (0, depth - found.shape[1])
    found = np.where(missing, -1, found.astype(np.int32))
    scores = np.where(missing, np.float32(-np.inf), scores)
    return (
      np.pad(found, padding, constant_values=-1),
      np.pad(scores, padding, constant_values=-np.inf),
    )

  def tune(self, sample: Sample, target: float) -> Tuned:
    """The cheapest setting that reaches a recall on a sample.

    Not for brute force, which finds everything.

    Args:
      sample: queries with exact answers.
      target: of recall@k, k as many as the sample's lists have.
    """
    depth = sample.scores.shape[1]
    space = ann_parameters.space(self.parameters, self.width, depth)

    def recall(setting: Setting) -> float:
      return sample.recall(lambda queries, K: self.search(queries, K, setting))

    setting, reached = ann_tuning.cheapest(recall, space, target)
    start = time.perf_counter()
    recall(setting)
    speed = len(sample.embeddings) / (time.perf_counter() - start)
    return Tuned(
      depth,
      target,
      sample.asked,
      len(sample.embeddings),
      sample.kind,
      sample.seed,
      setting,
      reached,
      speed,
    )

  def save(self, folder: pathlib.Path) -> None:
    """Writes its files to an empty folder, which may be moved later."""
    self.scann.serialize(str(folder), relative_path=True)


def train(passages: NDArray[np.float32], parameters: Parameters) -> Searcher:
  """Builds an index.

  Args:
    passages: [C, E].
    parameters: of the index.

  Raises:
    AnnUnavailableError: where ScaNN is not installed.
    UserError: embeddings that are not finite, or of length 0.
  """
  scann = load()
  check(passages, "passage")
  # The depth is given with each search.
  builder = scann.builder(passages, 1, "dot_product")
  built = configure(builder, parameters).build()
  return Searcher(parameters, passages.shape[1], built)


def open_searcher(
  folder: pathlib.Path, parameters: Parameters, width: int
) -> Searcher:
  """Opens what `Searcher.save` wrote.

  Args:
    folder: of its files.
    parameters: that it was built with.
    width: E.

  Raises:
    AnnUnavailableError: where ScaNN is not installed.
    UserError: files that ScaNN cannot read.
  """
  try:
    searcher = load().load_searcher(str(folder))
    held = int(searcher.size())
  except (OSError, RuntimeError, ValueError) as error:
    reason = str(error).splitlines()[0]
  else:
    if held == parameters.passages:
      return Searcher(parameters, width, searcher)
    reason = f"{held:,} passages, expected {parameters.passages:,}"
  raise UserError(f"{folder}: damaged ({reason}); delete it, it is built again")


def configure(builder: Any, parameters: Parameters) -> Any:
  """Tells ScaNN's builder the parameters.

  Args:
    builder: a `ScannBuilder`.
    parameters: of the index.
  """
  if parameters.brute_force:
    return builder.score_brute_force()
  if parameters.leaves:
    builder = builder.tree(
      num_leaves=parameters.leaves,
      num_leaves_to_search=1,  # given with each search
      training_sample_size=parameters.training_sample,
      soar_lambda=parameters.soar_lambda or None,
    )
  return builder.score_ah(
    parameters.dimensions_per_block,
    anisotropic_quantization_threshold=parameters.anisotropic_threshold,
  ).reorder(1)


def check(
  embeddings: NDArray[np.float32], name: str, width: int | None = None
) -> None:
  """Refuses embeddings that ScaNN makes nothing of.

  Args:
    embeddings: [N, E].
    name: of what was embedded, for the message.
    width: E, where it is known.

  Raises:
    UserError: saying which.
  """
  if embeddings.ndim != 2 or embeddings.shape[1] != (
    width or embeddings.shape[1]
  ):
    raise UserError(
      f"{name} embeddings have shape {embeddings.shape}; expected [N,"
      f" {width or 'E'}], of the model that the passages were encoded with"
    )
  check_finite(embeddings, name)
  for start in range(0, len(embeddings), _CHECKED):
    part = embeddings[start : start + _CHECKED]
    empty = np.flatnonzero(~part.any(axis=1))
    if len(empty):
      raise UserError(
        f"{name} embedding {start + empty[0]} is of length 0: it is near to"
        " nothing; mend the model, or leave its text out"
      )
