"""How ScaNN is built for a corpus, and what may be varied. To `ann`.

C passages, E dims.
"""

import dataclasses
import math
from collections.abc import Sequence

from hybrid_ir.retrieval.ann_tuning import Setting, Space

# ScaNN's rules of thumb (its docs/algorithms.md): nothing but exact scores for
# a small corpus, hashing for a larger one, partitions for a large one.
_BRUTE_FORCE_BELOW = 20_000
_TREE_FROM = 100_000
# They say about sqrt(C) partitions, or some times as many. Four times found as
# much in less time (bench/search.py), and take longer to build.
_PARTITIONS = 4
_TRAINING_SAMPLE = 250_000  # passages that partitions are learnt from
_DEEPEST = 100  # times the depth, at most rescored
# A passage that is rescored is read in float32 from anywhere in memory: as long
# as so many bytes of hashes, which stand in a row.
_SCATTERED = 3.0


@dataclasses.dataclass(frozen=True)
class Parameters:
  """What cannot be changed without building again."""

  method: str  # "brute force", "hashing", "partitions and hashing"
  passages: int  # C
  leaves: int = 0  # partitions
  training_sample: int = 0  # passages that partitions are learnt from
  dimensions_per_block: int = 0  # that share 4 bits
  # Of anisotropic quantisation (arXiv 1908.10396): T of section 3.2.
  anisotropic_threshold: float = 0.0
  soar_lambda: float = 0.0  # of a second partition (arXiv 2404.00774); 0: one

  @property
  def brute_force(self) -> bool:
    """Whether every passage is scored in full."""
    return self.method == "brute force"

  def line(self) -> str:
    """In words."""
    if self.brute_force:
      return self.method
    words = [self.method]
    if self.leaves:
      words.append(f"{self.leaves:,} partitions")
    if self.soar_lambda:
      words.append(f"each passage in two (SOAR, lambda {self.soar_lambda})")
    words.append(
      f"{self.dimensions_per_block} dimensions a block, threshold"
      f" {self.anisotropic_threshold}"
    )
    return ", ".join(words)


def choose(passages: int) -> Parameters:
  """ScaNN's rules of thumb by the corpus size.

  Args:
    passages: C.
  """
  if passages < _BRUTE_FORCE_BELOW:
    return Parameters("brute force", passages)
  hashing = Parameters(
    "hashing", passages, dimensions_per_block=2, anisotropic_threshold=0.2
  )
  if passages < _TREE_FROM:
    return hashing
  return dataclasses.replace(
    hashing,
    method="partitions and hashing",
    leaves=_PARTITIONS * math.isqrt(passages),
    training_sample=min(passages, _TRAINING_SAMPLE),
  )


def space(parameters: Parameters, width: int, depth: int) -> Space:
  """What can be set at query time, and what it costs.

  The cost is in bytes that a query reads: the partitions' centres, hashes of
  the passages in those that are looked at, embeddings that are rescored. It is
  counted, not timed, so that a busy machine makes the same choice.

  Args:
    parameters: of the index; not brute force.
    width: E.
    depth: passages a query.
  """
  leaves = parameters.leaves
  hashes = width / parameters.dimensions_per_block / 2
  copies = 2 if parameters.soar_lambda else 1
  a_leaf = copies * parameters.passages * hashes / max(1, leaves)

  def cost(setting: Setting) -> float:
    rescored = setting.rescored * 4 * width * _SCATTERED
    return rescored + a_leaf * max(1, setting.leaves) + 4 * width * leaves

  deepest = min(parameters.passages, _DEEPEST * depth)
  return Space(
    _ladder(1, leaves) if leaves else (0,), _ladder(depth, deepest), cost
  )


def _ladder(first: int, last: int) -> Sequence[int]:
  """Numbers from first to last, each about a quarter over the one before."""
  steps = [min(first, last)]
  while steps[-1] < last:
    steps.append(min(last, max(steps[-1] + 1, round(steps[-1] * 1.25))))
  return tuple(steps)
