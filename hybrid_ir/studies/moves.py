"""Does a change move hybrid's distance from X-X or X-Y? Scores to `reading`."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from hybrid_ir.config import Config
from hybrid_ir.evaluation.comparison import significance
from hybrid_ir.evaluation.comparison.contrast import contrast
from hybrid_ir.evaluation.comparison.matching import Matched, match
from hybrid_ir.evaluation.comparison.systems import Scored
from hybrid_ir.studies.best_of_both import beside, questions
from hybrid_ir.studies.grid import first_kept
from hybrid_ir.studies.mixture import axes_of_alpha, kind_of_batches
from hybrid_ir.studies.outcome import Arm, Moved
from hybrid_ir.studies.shared_seeds import runs_of

# (hybrid - other) - (hybrid as it is - other as it is)
_WEIGHTS = (1, -1, -1, 1)


def moves(
  config: Config,
  benchmark: str,
  arms: Sequence[Arm],
  groups: Mapping[str, Sequence[Scored]],
  known: Collection[tuple[str, str, str]],
) -> tuple[tuple[Moved, ...], list[str]]:
  """Tests every change of hybrid's distance; Holm's correction is over these.

  A change is any choice of variants that is not of the mixture; as it is are
  the first of them that `study.only` leaves. A test is of the seeds that all
  four arms have.

  Args:
    config: of the study.
    benchmark: its name in results.
    arms: those that were scored on it.
    groups: an arm's name -> its runs on the benchmark.
    known: (arm, setting, measure) that there are means of.

  Returns:
    The tests, and a note on every four that share no seed.

  Raises:
    UserError: runs that were not scored on the same queries.
  """
  found: list[Moved] = []
  notes: list[str] = []
  for four in _fours(config, arms):
    runs = runs_of(four, groups)
    if not runs:
      notes.append(
        f"{four[0].name}: no test of how far it moved from {four[1].name}, as"
        f" no seed of both, of {four[2].name} and of {four[3].name} is done"
      )
    elif all(run.values for group in runs.values() for run in group):
      matched = match(benchmark, runs)
      kind = kind_of_batches(four[1].config)
      found += [
        one
        for one in _of_four(config, matched, kind)
        if all((arm.name, one.setting, one.measure) in known for arm in four)
      ]
  p_holm = significance.holm(np.array([one.p for one in found]))
  tested = (
    dataclasses.replace(
      one, p_holm=float(p), significant=bool(p <= 1 - config.compare.level)
    )
    for one, p in zip(found, p_holm, strict=True)
  )
  return tuple(tested), notes


def _fours(
  config: Config, arms: Sequence[Arm]
) -> Iterator[tuple[Arm, Arm, Arm, Arm]]:
  """Hybrid and another kind, changed; then both as they are."""
  mixed = axes_of_alpha(config)
  first = first_kept(config)
  for hybrid in arms:
    if kind_of_batches(hybrid.config) != "hybrid":
      continue
    labels = {
      axis: variant if axis in mixed else first[axis]
      for axis, variant in hybrid.labels.items()
    }
    as_it_is = next((arm for arm in arms if arm.labels == labels), None)
    if as_it_is is None or as_it_is is hybrid:
      continue
    others = beside(config, hybrid, arms)
    before = beside(config, as_it_is, arms)
    for kind in ("X-X", "X-Y"):
      if kind in others and kind in before:
        yield hybrid, others[kind], as_it_is, before[kind]


def _of_four(config: Config, matched: Matched, kind: str) -> Iterator[Moved]:
  compare = config.compare
  for setting, measure, against in questions(
    matched.values, config.study.measures
  ):
    if against != kind:
      continue
    found = contrast(
      matched,
      _WEIGHTS,
      setting,
      measure,
      resamples=compare.resamples,
      level=compare.level,
      seed=config.seed,
    )
    if found:
      hybrid, other, as_it_is, other_as_it_is = matched.systems
      yield Moved(
        hybrid=hybrid,
        other=other,
        as_it_is=as_it_is,
        other_as_it_is=other_as_it_is,
        setting=setting,
        measure=measure,
        value=found.value,
        low=found.low,
        high=found.high,
        p=found.p,
        p_holm=found.p,  # until all are known
        significant=False,
      )
