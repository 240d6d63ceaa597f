"""Does hybrid hold the best of both? From the outcome, to its studies."""

import dataclasses
from collections.abc import Iterator, Sequence

from hybrid_ir.evaluation.comparison.cells import number, signed, title
from hybrid_ir.evaluation.comparison.figures import Difference, direction
from hybrid_ir.studies.best_of_both import DISTANCE, beside, questions
from hybrid_ir.studies.mixture import kind_of_batches
from hybrid_ir.studies.outcome import Arm, OnBenchmark, Outcome
from hybrid_ir.studies.page import Finding
from hybrid_ir.studies.tables import (
  interval,
  probability,
  row_name,
  tests_name,
)
from hybrid_ir.studies.verdict import NOISE, verdict

_NOT_FOUND, _NOT_TESTED = "no difference found", "not tested"


def founding_question(outcome: Outcome) -> Iterator[Finding]:
  """A sentence a benchmark and hybrid arm, so a training set.

  Left out where neither X-X nor X-Y was scored beside the hybrid arm.
  """
  for one in outcome.benchmarks:
    arms = [arm for arm in outcome.arms if arm.name in one.arms]
    columns = {(setting, measure) for _, setting, measure in one.estimates}
    asked = [*questions(columns, outcome.config.study.measures)]
    for arm in arms:
      if asked and kind_of_batches(arm.config) == "hybrid":
        others = {
          kind: other.name
          for kind, other in beside(outcome.config, arm, arms).items()
        }
        if others.keys() & {"X-X", "X-Y"}:
          yield _finding(one, arm, others, asked)


def _finding(
  one: OnBenchmark,
  arm: Arm,
  others: dict[str, str],
  asked: Sequence[tuple[str, str, str]],
) -> Finding:
  told: list[str] = []
  rows: list[str] = []
  by_verdict: dict[str, list[str]] = {}
  for setting, measure, kind in asked:
    name = f"{setting} {title(measure)} against {kind}"
    test = _test(one, arm.name, others.get(kind, ""), setting, measure)
    if test is None:
      told.append(f"{name}: {_NOT_TESTED}")
      by_verdict.setdefault(_NOT_TESTED, []).append(name)
      continue
    difference, row = test
    found, worst = _found(one, difference)
    told.append(
      f"{name}: {signed(measure, difference.value)} {interval(difference)}, p"
      f" (Holm) {probability(difference.p_holm)}, {found}"
      + (f": {worst}" if worst else "")
    )
    by_verdict.setdefault(found, []).append(
      f"{name} ({worst})" if worst else name
    )
    rows.append(row)
  if DISTANCE not in {measure for _, measure, _ in asked}:
    told.append("bias: not measured")
  verdicts = "; ".join(
    f"{found} in {', '.join(names)}" for found, names in by_verdict.items()
  )
  return Finding(
    f"Does hybrid hold the best of both? On {one.benchmark}, {arm.name},"
    f" trained on {' and '.join(arm.config.data.train)}: {'; '.join(told)}. So:"
    f" {verdicts}.",
    f"{tests_name(one)}, {' and '.join(dict.fromkeys(rows)) or 'no row'}",
  )


def _test(
  one: OnBenchmark, ours: str, theirs: str, setting: str, measure: str
) -> tuple[Difference, str] | None:
  """Ours minus theirs, whichever way it was tested, and the test's row."""
  found = one.differences.get((ours, theirs, setting, measure))
  if found:
    return found, row_name(found)
  turned = one.differences.get((theirs, ours, setting, measure))
  if not turned:
    return None
  found = dataclasses.replace(
    turned,
    system=ours,
    against=theirs,
    value=-turned.value,
    low=-turned.high,
    high=-turned.low,
  )
  return found, row_name(turned)


def _found(one: OnBenchmark, difference: Difference) -> tuple[str, str]:
  """A verdict, and the interval's worse end where there is no difference."""
  said = verdict(one, difference)
  if said != NOISE:
    return said, ""
  measure = difference.measure
  worst = difference.low if direction(measure) > 0 else difference.high
  way = "lower" if worst < 0 else "higher"
  return (
    _NOT_FOUND,
    f"at worst {number(measure, abs(worst))} {way} over questions",
  )
