"""Arms tested against their baselines. From scores, to `reading`."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from hybrid_ir.config import Config
from hybrid_ir.evaluation.comparison import significance
from hybrid_ir.evaluation.comparison.figures import Difference, Estimate
from hybrid_ir.evaluation.comparison.per_benchmark import (
  compare_on,
  too_few_resamples,
)
from hybrid_ir.evaluation.comparison.systems import Scored
from hybrid_ir.studies.outcome import Arm
from hybrid_ir.studies.shared_seeds import runs_of


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
  """What the arms scored on one benchmark, and the tests of their pairs."""

  unit: str  # what a candidate is
  estimates: Mapping[tuple[str, str, str], Estimate]  # (arm, setting, measure)
  # (arm, against, setting, measure)
  differences: Mapping[tuple[str, str, str, str], Difference]
  notes: tuple[str, ...]


def compare_pairs(
  config: Config,
  benchmark: str,
  arms: Sequence[Arm],
  groups: Mapping[str, Sequence[Scored]],
) -> Pairs:
  """Tests each arm against each of its baselines that is there.

  Each test is of the seeds that both arms have. Holm's correction is over all
  of these tests. The intervals of means are of one draw of questions, so they
  are the same in all of an arm's pairs that are of all its seeds.

  Args:
    config: of the study.
    benchmark: its name in results.
    arms: at least one.
    groups: an arm's name -> its runs on the benchmark.

  Raises:
    UserError: runs that were not scored on the same queries and candidates.
  """
  resamples, level = config.compare.resamples, config.compare.level
  too_few = functools.partial(
    too_few_resamples, resamples=resamples, level=level
  )
  by_name = {arm.name: arm for arm in arms}
  pairs = [
    (by_name[against], arm)
    for arm in arms
    for against in arm.against
    if against in groups
  ]
  of_pairs = [runs_of(pair, groups) for pair in pairs]
  alone = [{arm.name: [*groups[arm.name]]} for arm in arms]
  # An arm alone has no intervals: pairs come after, and theirs stand.
  compared = [
    compare_on(
      benchmark,
      runs,
      measures=config.study.measures,
      resamples=resamples,
      level=level,
      seed=config.seed,
    )
    for runs in (*alone, *of_pairs)
    if runs
  ]
  estimates = {
    (e.system, e.setting, e.measure): e
    for one in compared
    for e in one.estimates
    if len(e.seeds) == len(groups[e.system])
  }
  # A measure that a seed's run lacks is no figure of its arm, and not tested.
  tested = [
    d
    for one in compared
    for d in one.differences
    if {
      (d.system, d.setting, d.measure),
      (d.against, d.setting, d.measure),
    }
    <= estimates.keys()
  ]
  p_holm = significance.holm(np.array([d.p for d in tested]))
  notes = [
    note
    for one in compared
    for note in one.notes
    if note not in too_few(one.tests)  # alone: here a test is one of all
  ]
  notes += [
    f"{arm.name}: no test against {against.name}, as no seed of both is done"
    for (against, arm), runs in zip(pairs, of_pairs, strict=True)
    if not runs
  ]
  return Pairs(
    unit=compared[0].unit,
    estimates=estimates,
    differences={
      (d.system, d.against, d.setting, d.measure): dataclasses.replace(
        d, p_holm=float(p), significant=bool(p <= 1 - level)
      )
      for d, p in zip(tested, p_holm, strict=True)
    },
    notes=tuple(dict.fromkeys((*notes, *too_few(len(tested))))),
  )
