"""The cheapest search that finds enough. From recall on a sample, to `ann`.

Two numbers are set at query time: how many partitions are looked at, and how
many passages are scored again in full. More of either finds more, so both are
found by halving, in a dozen or two searches of the sample.
"""

import bisect
import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

# Partitions beyond the fewest that do: more of them may take less rescoring.
_WIDER = 3


class Setting(NamedTuple):
  """What is set at query time."""

  leaves: int  # partitions looked at; 0 where there are none
  rescored: int  # passages scored again in full


@dataclasses.dataclass(frozen=True)
class Space:
  """The settings of an index."""

  leaves: Sequence[int]  # ascending
  rescored: Sequence[int]  # ascending
  cost: Callable[[Setting], float]  # rises in both


@dataclasses.dataclass(frozen=True)
class Tuned:
  """What a search was tuned to, and what it reaches."""

  depth: int  # k of recall@k
  target: float
  asked: int  # queries that the sample was to have
  queries: int  # that it has
  sampled: str  # "queries", "passages"
  seed: int
  setting: Setting
  recall: float  # on the sample
  queries_per_s: float  # of the sample, all at once

  def line(self) -> str:
    """In words; one that begins with ! says that the target was not reached."""
    leaves = f"{self.setting.leaves:,} looked at, " * bool(self.setting.leaves)
    reached = (
      f"{leaves}{self.setting.rescored:,} rescored: recall@{self.depth}"
      f" {self.recall:.3f} on {self.queries:,} sampled {self.sampled},"
      f" {self.queries_per_s:,.0f} queries/s"
    )
    if self.recall < self.target:
      missed = f"! target {self.target} NOT reached, with all that can be had"
      return f"{missed}: {reached}"
    return f"{reached} (target {self.target})"


def cheapest(
  recall: Callable[[Setting], float], space: Space, target: float
) -> tuple[Setting, float]:
  """The cheapest setting that reaches a recall, and what it reaches.

  Recall is taken to rise with both numbers. Where even the largest do not
  reach it, they are what is given.

  Args:
    recall: of a setting, on the sample.
    space: the settings.
    target: of recall.
  """
  known: dict[Setting, float] = {}

  def enough(setting: Setting) -> bool:
    if setting not in known:
      known[setting] = recall(setting)
    return known[setting] >= target

  deepest = space.rescored[-1]
  fewest = _first([Setting(leaves, deepest) for leaves in space.leaves], enough)
  most = Setting(space.leaves[-1], deepest)
  if fewest == len(space.leaves):
    return most, known[most]
  for leaves in space.leaves[fewest : fewest + _WIDER]:
    _first([Setting(leaves, r) for r in space.rescored], enough)
  best = min((s for s in known if known[s] >= target), key=space.cost)
  return best, known[best]


def _first(
  settings: Sequence[Setting], enough: Callable[[Setting], bool]
) -> int:
  """The place of the first that is enough, as all after it are; or behind."""
  return bisect.bisect_left(settings, True, key=enough)
