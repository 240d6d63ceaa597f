"""Arms along a number, with intervals. From the outcome, to the studies."""

from collections.abc import Callable, Iterator

from hybrid_ir.evaluation.comparison.cells import title
from hybrid_ir.evaluation.comparison.figures import Estimate
from hybrid_ir.evaluation.report.page import slug
from hybrid_ir.studies.outcome import Arm, OnBenchmark, Outcome
from hybrid_ir.studies.page import Plot
from hybrid_ir.studies.points import Points, points


def along(
  outcome: Outcome,
  number: Callable[[Arm], float | None],
  line: Callable[[Arm], str],
  *,
  name: str,
  axis: str,
) -> Iterator[Plot]:
  """A plot a benchmark and measure, a line a setting and kind of arm.

  Args:
    outcome: of the study.
    number: where an arm stands; None: not in these plots.
    line: what joins arms to a line.
    name: of the plots' files, together with benchmark and measure.
    axis: what the numbers are, with their unit.
  """
  level = f"{100 * outcome.config.compare.level:.4g} %"
  for one in outcome.benchmarks:
    for measure in outcome.config.study.measures:
      lines = _lines(outcome, one, measure, number, line)
      if any(len(each.places) > 1 for each in lines):
        yield Plot(
          slug(name, one.benchmark, measure),
          f"{one.benchmark}: {title(measure)} over {axis}; bars: {level}"
          " interval over questions where it was computed, else one standard"
          " deviation over seeds.",
          points(lines, across=axis, along=title(measure)),
        )


def _lines(
  outcome: Outcome,
  one: OnBenchmark,
  measure: str,
  number: Callable[[Arm], float | None],
  line: Callable[[Arm], str],
) -> list[Points]:
  found: dict[str, list[tuple[float, Estimate]]] = {}
  for (name, setting, of), estimate in one.estimates.items():
    arm = next(arm for arm in outcome.arms if arm.name == name)
    place = number(arm)
    if of == measure and place is not None:
      label = " ".join(part for part in (setting, line(arm)) if part)
      found.setdefault(label, []).append((place, estimate))
  lines = []
  for label, places in found.items():
    places.sort(key=lambda each: each[0])
    bars = [ends(estimate) for _, estimate in places]
    lines.append(
      Points(
        label,
        [place for place, _ in places],
        [estimate.value for _, estimate in places],
        [low for low, _ in bars],
        [high for _, high in bars],
      )
    )
  return lines


def ends(estimate: Estimate) -> tuple[float, float]:
  """Of its interval over questions, else one standard deviation over seeds."""
  if estimate.low is not None and estimate.high is not None:
    return estimate.low, estimate.high
  half = estimate.deviation or 0.0
  return estimate.value - half, estimate.value + half
