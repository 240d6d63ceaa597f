"""What a comparison found. From compare, to the tables, the JSON and the page.

Plain values only: `dataclasses.asdict` makes comparison.json of a Comparison,
and `report.decode` makes a Comparison of comparison.json.
"""

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
  """One scored workdir: a seed of a system."""

  path: str
  seed: int


@dataclasses.dataclass(frozen=True, slots=True)
class System:
  """All runs that go by one name."""

  name: str
  runs: tuple[Run, ...]  # by seed


@dataclasses.dataclass(frozen=True, slots=True)
class SeedValue:
  """One run's macro mean."""

  seed: int
  value: float
  queries: int = 0  # that it is over; 0: not known (an earlier version's file)


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
  """A system's macro mean over languages (cross: over ordered pairs)."""

  system: str
  setting: str  # mono, cross, multi
  measure: str
  value: float  # mean over the seeds
  deviation: float | None  # sample standard deviation; None: one seed
  seeds: tuple[SeedValue, ...]  # by seed
  low: float | None  # of the bootstrap interval over questions;
  high: float | None  # None: no per-query values, or not among the tested


@dataclasses.dataclass(frozen=True, slots=True)
class CellDifference:
  """Two systems on the queries of one language in one pool."""

  query_language: str
  passage_language: str  # a code; `all`: the pool of all languages
  value: float  # of `system`
  against: float  # of `against`


@dataclasses.dataclass(frozen=True, slots=True)
class QueryDifference:
  """Two systems on one query; in cross, means over the query's pools."""

  query_id: str  # "LANGUAGE:ID"
  value: float
  against: float


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
  """One system against another: one paired test, and what is behind it."""

  system: str
  against: str
  setting: str
  measure: str
  value: float  # macro mean of `system` minus that of `against`
  low: float  # of the paired bootstrap interval
  high: float
  p: float  # of the paired randomisation test, two-sided
  p_holm: float  # adjusted for all tests of the benchmark
  significant: bool  # p_holm <= 1 - level
  questions: int  # resampled: the question ids with a value
  ahead: int  # cells in which `system` is better
  behind: int  # cells in which `against` is better
  wins: int  # queries on which `system` is better
  ties: int
  losses: int
  cells: tuple[CellDifference, ...]
  won: tuple[QueryDifference, ...]  # by the most, most first
  lost: tuple[QueryDifference, ...]  # by the most, most first


@dataclasses.dataclass(frozen=True, slots=True)
class Bias:
  """Which languages fill a system's first ten hits in the pool of all."""

  system: str
  languages: tuple[str, ...]  # L codes
  top10_language_share: tuple[tuple[float | None, ...], ...]
  # [L query, L passage]; None: a language without queries, or no multi
  pool_language_share: tuple[float, ...]  # [L]


@dataclasses.dataclass(frozen=True, slots=True)
class BenchmarkComparison:
  """All systems on one benchmark."""

  benchmark: str
  unit: str  # what a candidate is
  languages: tuple[str, ...]  # L codes; empty: no per-query values
  systems: tuple[str, ...]  # that were scored on it, the baseline first
  measures: tuple[str, ...]  # asked for, that all systems have
  tests: int  # in Holm's family: pairs x settings x measures
  estimates: tuple[Estimate, ...]
  differences: tuple[Difference, ...]
  bias: tuple[Bias, ...]
  notes: tuple[str, ...]  # what was left out, and why


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
  """Systems beside each other, on every benchmark that two of them have."""

  baseline: str
  level: float  # of the intervals and tests, such as 0.95
  resamples: int
  seed: int  # of the resampling
  systems: tuple[System, ...]  # the baseline first
  benchmarks: tuple[BenchmarkComparison, ...]
  notes: tuple[str, ...]  # benchmarks left out, and why


def direction(measure: str) -> int:
  """1 where larger is better, -1 where smaller is, 0 where neither is."""
  family = measure.partition("@")[0]
  if family in ("rank_distance", "language_divergence"):
    return -1
  return 0 if family.startswith("own_language") else 1


def query_counts(
  estimates: Iterable[Estimate],
) -> dict[tuple[str, str], dict[str, list[int]]]:
  """Over how many queries means are, where these numbers differ.

  Between systems, or seeds of one. None of such means is the best.

  Returns:
    (setting, measure) -> system -> its seeds' numbers, sorted.
  """
  every: dict[tuple[str, str], dict[str, list[int]]] = {}
  for e in estimates:
    counts = sorted({seed.queries for seed in e.seeds})
    every.setdefault((e.setting, e.measure), {})[e.system] = counts
  return {
    column: by_system
    for column, by_system in every.items()
    if len({count for each in by_system.values() for count in each}) > 1
  }
