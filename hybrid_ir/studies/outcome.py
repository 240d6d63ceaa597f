"""The runs' figures, by arm and benchmark. From `reading`, to the pages.

An arm is the runs that differ in nothing but the seed.
"""

import dataclasses
from collections.abc import Mapping

from hybrid_ir.config import Config
from hybrid_ir.evaluation.comparison.figures import (
  Difference,
  Estimate,
  SeedValue,
)
from hybrid_ir.studies.grid import Cell, Labels


@dataclasses.dataclass(frozen=True, eq=False)
class Arm:
  """Runs that differ in nothing but the seed."""

  name: str
  labels: Labels
  cells: tuple[Cell, ...]  # those that are done, by seed
  against: tuple[str, ...]  # names of the arms that it is tested against

  @property
  def config(self) -> Config:
    """That of its first seed."""
    return self.cells[0].config


@dataclasses.dataclass(frozen=True, slots=True)
class LanguageMean:
  """A figure of one query language; in cross, the mean over pools."""

  arm: str
  setting: str
  measure: str
  language: str
  value: float  # mean over seeds
  deviation: float | None  # sample standard deviation; None: one seed
  seeds: tuple[SeedValue, ...]  # by seed


@dataclasses.dataclass(frozen=True, slots=True)
class Moved:
  """How far hybrid is from another kind of batch, changed and as it is.

  `value` is (hybrid - other) - (as_it_is - other_as_it_is): by how much the
  change moves hybrid away from the other kind, or towards it.
  """

  hybrid: str  # arms
  other: str
  as_it_is: str
  other_as_it_is: str
  setting: str
  measure: str
  value: float
  low: float  # of the paired bootstrap over questions
  high: float
  p: float
  p_holm: float
  significant: bool


@dataclasses.dataclass(frozen=True, eq=False)
class OnBenchmark:
  """What the arms scored on one benchmark."""

  benchmark: str  # its name in results.jsonl
  source: str  # its name in `evaluate.benchmarks`
  unit: str
  arms: tuple[str, ...]
  estimates: Mapping[tuple[str, str, str], Estimate]  # (arm, setting, measure)
  # (arm, against, setting, measure)
  differences: Mapping[tuple[str, str, str, str], Difference]
  by_language: tuple[LanguageMean, ...]
  tests: int  # in Holm's family: pairs of arms x settings x measures
  notes: tuple[str, ...]
  seedless: frozenset[str] = frozenset()  # arms that are not trained: one run
  moved: tuple[Moved, ...] = ()
  asked_in: str = ""  # the language whose queries these are; "": all of them


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
  """All that a study found."""

  config: Config
  arms: tuple[Arm, ...]
  benchmarks: tuple[OnBenchmark, ...]
