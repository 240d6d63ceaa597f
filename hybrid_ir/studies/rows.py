"""Arms in rows, with intervals. From the outcome, to studies and `write`."""

import dataclasses
from collections.abc import Iterator, Sequence

from hybrid_ir.evaluation.comparison.cells import title
from hybrid_ir.evaluation.report.figures import Interval, intervals
from hybrid_ir.evaluation.report.page import slug
from hybrid_ir.studies.outcome import Outcome
from hybrid_ir.studies.page import Plot
from hybrid_ir.studies.plots import ends


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
  """A figure of an arm, with its interval."""

  arm: str
  label: str  # of what is measured of every arm, such as a setting
  value: float
  low: float
  high: float


def in_rows(outcome: Outcome) -> Iterator[Plot]:
  """A plot a benchmark and measure, a row an arm, a mark a setting.

  For arms that stand at no number.
  """
  level = f"{100 * outcome.config.compare.level:.4g} %"
  for one in outcome.benchmarks:
    for measure in outcome.config.study.measures:
      marks = [
        Mark(arm, setting, estimate.value, *ends(estimate))
        for (arm, setting, of), estimate in one.estimates.items()
        if of == measure
      ]
      if marks:
        yield Plot(
          slug("arms", one.benchmark, measure),
          f"{one.benchmark}: {title(measure)} by arm; bars: {level} interval"
          " over questions where it was computed, else one standard deviation"
          " over seeds.",
          rows_svg(one.arms, marks, axis=title(measure)),
        )


def rows_svg(arms: Sequence[str], marks: Sequence[Mark], *, axis: str) -> str:
  """Marks with their intervals, a row an arm, as SVG.

  Args:
    arms: the rows, the first on top.
    marks: at least one, of these arms.
    axis: what is measured.
  """
  labels = list(dict.fromkeys(mark.label for mark in marks))
  found = [
    Interval(
      row=arms.index(mark.arm),
      label=mark.label,
      colour=labels.index(mark.label),
      value=mark.value,
      low=mark.low,
      high=mark.high,
      filled=True,
    )
    for mark in marks
  ]
  return intervals(arms, found, axis=axis, zero=False).svg
