"""The seeds that all sides of a test have. To the tests, and to their pages.

A seed draws the data's order, so sides of different seeds would differ in that,
too. An encoder that is not trained has no seed, and stands beside any.
"""

import dataclasses
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence

from hybrid_ir.evaluation.comparison.figures import Estimate
from hybrid_ir.evaluation.comparison.systems import Scored
from hybrid_ir.studies.outcome import Arm, OnBenchmark


def runs_of(
  arms: Sequence[Arm], groups: Mapping[str, Sequence[Scored]]
) -> dict[str, list[Scored]]:
  """Each arm's runs of the seeds that all have.

  Args:
    arms: the sides of a test.
    groups: an arm's name -> its runs, in the order of its cells.

  Returns:
    An arm's name -> runs; {}: no seed is all arms'.
  """
  seeds = _shared(
    {cell.seed for cell in arm.cells} for arm in arms if arm.cells[0].is_trained
  )
  found = {
    arm.name: [
      run
      for cell, run in zip(arm.cells, groups[arm.name], strict=True)
      if not cell.is_trained or cell.seed in seeds
    ]
    for arm in arms
  }
  return found if all(found.values()) else {}


def sides(
  one: OnBenchmark, names: Sequence[str], setting: str, measure: str
) -> list[Estimate]:
  """What the sides of a test scored, over the seeds that it is of.

  Args:
    one: the benchmark.
    names: of the arms.
    setting: as in results.
    measure: as in results.
  """
  estimates = [one.estimates[name, setting, measure] for name in names]
  seeds = _shared(
    {each.seed for each in estimate.seeds}
    for estimate in estimates
    if estimate.system not in one.seedless
  )
  return [
    estimate if estimate.system in one.seedless else _over(estimate, seeds)
    for estimate in estimates
  ]


def seeds_of(
  one: OnBenchmark, names: Sequence[str], setting: str, measure: str
) -> tuple[int, ...]:
  """The seeds that a test of these arms is of; (): none is trained."""
  for estimate in sides(one, names, setting, measure):
    if estimate.system not in one.seedless:
      return tuple(each.seed for each in estimate.seeds)
  return ()


def _shared(each: Iterable[set[int]]) -> set[int]:
  first, *others = [*each] or [set()]
  return first.intersection(*others)


def _over(estimate: Estimate, seeds: Collection[int]) -> Estimate:
  kept = tuple(each for each in estimate.seeds if each.seed in seeds)
  if len(kept) == len(estimate.seeds):
    return estimate
  values = [each.value for each in kept]
  return dataclasses.replace(
    estimate,
    value=statistics.fmean(values),
    deviation=statistics.stdev(values) if len(values) > 1 else None,
    seeds=kept,
    low=None,  # those of all seeds
    high=None,
  )
