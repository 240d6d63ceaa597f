"""A score of some query languages over a size. To `scaling`'s fits, plots."""

import dataclasses
import statistics
from collections.abc import Mapping

from hybrid_ir.studies.outcome import Arm, OnBenchmark, Outcome
from hybrid_ir.studies.plots import ends
from hybrid_ir.studies.seen import fixed, zero_shot
from hybrid_ir.studies.sizes import Size, size_of


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
  """Query languages that are taken together."""

  name: str
  languages: tuple[str, ...]  # (): all, as the benchmark's macro mean is

  def __str__(self) -> str:
    """Its name and members."""
    members = f" ({' '.join(self.languages)})" if self.languages else ""
    return f"{self.name}{members}"


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
  """An arm on an axis."""

  arm: str
  size: float
  values: tuple[float, ...]  # by seed
  low: float  # of the mean's interval over questions, or one standard deviation
  high: float  # over seeds

  @property
  def mean(self) -> float:
    """Over seeds."""
    return statistics.fmean(self.values)

  @property
  def deviation(self) -> float | None:
    """The sample standard deviation over seeds; None: one seed."""
    return statistics.stdev(self.values) if len(self.values) > 1 else None


# (setting, measure) -> its arms, by size.
Series = Mapping[tuple[str, str], list[Place]]

ALL = Group("all languages", ())


def on_axis(outcome: Outcome, one: OnBenchmark, size: Size) -> list[Arm]:
  """The arms of an axis that were scored on the benchmark, by size."""
  sizes = {
    arm.name: size_of(outcome.config, size, arm)
    for arm in outcome.arms
    if arm.name in one.arms
  }
  found = [arm for arm in outcome.arms if sizes.get(arm.name)]
  return sorted(found, key=lambda arm: sizes[arm.name] or 0.0)


def languages_of(one: OnBenchmark) -> list[str]:
  """The benchmark's query languages, sorted."""
  return sorted({mean.language for mean in one.by_language})


def groups_of(outcome: Outcome, one: OnBenchmark, size: Size) -> list[Group]:
  """The languages that no arm of an axis trained on, if any; then all."""
  arms = on_axis(outcome, one, size)
  found = fixed(arms, languages_of(one), zero_shot)
  return [*(Group(name, codes) for name, codes in found.items()), ALL]


def series(
  outcome: Outcome, one: OnBenchmark, size: Size, group: Group
) -> Series:
  """The study's measures in each setting, over a size."""
  found: dict[tuple[str, str], list[Place]] = {}
  columns = dict.fromkeys((s, m) for _, s, m in one.estimates)
  for arm in on_axis(outcome, one, size):
    for setting, measure in columns:
      if measure not in outcome.config.study.measures:
        continue
      place = _place(one, arm.name, setting, measure, group)
      if place:
        at = size_of(outcome.config, size, arm) or 0.0
        found.setdefault((setting, measure), []).append(
          Place(arm.name, at, *place)
        )
  return found


def _place(
  one: OnBenchmark, arm: str, setting: str, measure: str, group: Group
) -> tuple[tuple[float, ...], float, float] | None:
  """(values by seed, low, high); None: it lacks a language."""
  if not group.languages:
    estimate = one.estimates.get((arm, setting, measure))
    if estimate is None:
      return None
    return tuple(run.value for run in estimate.seeds), *ends(estimate)
  means = [
    mean
    for mean in one.by_language
    if (mean.arm, mean.setting, mean.measure) == (arm, setting, measure)
    and mean.language in group.languages
  ]
  if len(means) < len(group.languages):
    return None
  by_seed: dict[int, list[float]] = {}
  for mean in means:
    for run in mean.seeds:
      by_seed.setdefault(run.seed, []).append(run.value)
  values = tuple(statistics.fmean(by_seed[seed]) for seed in sorted(by_seed))
  half = statistics.stdev(values) if len(values) > 1 else 0.0
  middle = statistics.fmean(values)
  return values, middle - half, middle + half
