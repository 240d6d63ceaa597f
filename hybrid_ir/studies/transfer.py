"""Every arm's languages by script and by kinship, as tables. To `scaling`."""

import statistics
from collections.abc import Iterator, Sequence

from hybrid_ir.data import scripts
from hybrid_ir.evaluation.comparison.cells import title
from hybrid_ir.studies.along_size import languages_of
from hybrid_ir.studies.outcome import Arm, LanguageMean, OnBenchmark, Outcome
from hybrid_ir.studies.page import Table
from hybrid_ir.studies.seen import (
  SOURCES,
  TIES,
  UNPLACED,
  Grouping,
  languages_seen,
  script,
  tie,
)
from hybrid_ir.studies.tables import spread


def by_tie(outcome: Outcome, one: OnBenchmark) -> Iterator[Table]:
  """Means over languages of each closest tie to a language trained on.

  Members change with the languages that an arm trained on: they are named.
  """
  arms = _known(outcome, one)
  groups = [*TIES.values()]
  if any(tie(a, code) == UNPLACED for a in arms for code in languages_of(one)):
    groups.append(UNPLACED)
  yield from _grouped(outcome, one, tie, groups, "kinship")


def by_script(outcome: Outcome, one: OnBenchmark) -> Iterator[Table]:
  """Means over the languages of each script that an arm did not train on."""
  codes = {scripts.script_of_language(code) for code in languages_of(one)}
  yield from _grouped(outcome, one, script, sorted(codes), "script, zero-shot")


def _known(outcome: Outcome, one: OnBenchmark) -> list[Arm]:
  """The benchmark's arms whose training languages are known."""
  return [
    arm
    for arm in outcome.arms
    if arm.name in one.arms and languages_seen(arm) is not None
  ]


def _grouped(
  outcome: Outcome,
  one: OnBenchmark,
  grouping: Grouping,
  groups: Sequence[str],
  what: str,
) -> Iterator[Table]:
  arms = _known(outcome, one)
  lacking = [name for name in one.arms if name not in {a.name for a in arms}]
  caption = (
    f"{one.benchmark}: means over the query languages in parentheses; ± over"
    f" seeds. {SOURCES}"
  )
  if lacking:
    caption += (
      f" Without {', '.join(lacking)}: the languages trained on are not known."
    )
  for setting, measure in dict.fromkeys(
    (mean.setting, mean.measure) for mean in one.by_language
  ):
    rows = []
    for arm in arms:
      members: dict[str, list[LanguageMean]] = {}
      for mean in one.by_language:
        here = (mean.arm, mean.setting, mean.measure)
        if here == (arm.name, setting, measure):
          name = grouping(arm, mean.language)
          members.setdefault(name, []).append(mean)
      texts = {name: _mean(measure, means) for name, means in members.items()}
      rows.append((arm.name, *(texts.get(name, "–") for name in groups)))
    if rows:
      name = f"{one.benchmark}: {setting} {title(measure)} by {what}"
      yield Table(name, caption, ("arm", *groups), tuple(rows))


def _mean(measure: str, means: Sequence[LanguageMean]) -> str:
  """The mean over languages, its deviation over seeds, and the languages."""
  by_seed: dict[int, list[float]] = {}
  for mean in means:
    for run in mean.seeds:
      by_seed.setdefault(run.seed, []).append(run.value)
  values = [statistics.fmean(each) for each in by_seed.values()]
  deviation = statistics.stdev(values) if len(values) > 1 else None
  text = spread(measure, statistics.fmean(values), deviation)
  return f"{text} ({' '.join(sorted(mean.language for mean in means))})"
