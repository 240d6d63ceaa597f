"""The tables that every study has. From its outcome, to `write`."""

from collections.abc import Iterator

from hybrid_ir.config import SETTINGS
from hybrid_ir.evaluation.comparison.cells import number, signed, title
from hybrid_ir.evaluation.comparison.figures import Difference
from hybrid_ir.studies.mixture import by_example
from hybrid_ir.studies.outcome import Moved, OnBenchmark, Outcome
from hybrid_ir.studies.page import Table
from hybrid_ir.studies.shared_seeds import seeds_of
from hybrid_ir.studies.verdict import verdict

_TESTS = (
  *("arm", "against", "setting", "measure", "difference", "interval"),
  *("p", "p (Holm)", "seeds", "verdict"),
)


def benchmark_tables(outcome: Outcome, one: OnBenchmark) -> Iterator[Table]:
  """Means, tests, and means by language, of one benchmark."""
  yield _means(outcome, one)
  if one.differences:
    yield _tests(outcome, one)
  yield from _languages(one)


def means_name(one: OnBenchmark) -> str:
  """By which findings name the table of means."""
  return f"{one.benchmark}: means"


def tests_name(one: OnBenchmark) -> str:
  """By which findings name the table of tests."""
  return f"{one.benchmark}: tests"


def row_name(difference: Difference) -> str:
  """By which findings name a row of the table of tests."""
  return f"row {difference.system} against {difference.against}"


def spread(measure: str, value: float, deviation: float | None) -> str:
  """A mean, and ± its standard deviation over seeds where there are some."""
  text = number(measure, value)
  return text if deviation is None else f"{text} ± {number(measure, deviation)}"


def interval(difference: Difference | Moved) -> str:
  """From low to high."""
  ends = (difference.low, difference.high)
  return f"[{', '.join(signed(difference.measure, end) for end in ends)}]"


def probability(p: float) -> str:
  """Three decimals."""
  return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _means(outcome: Outcome, one: OnBenchmark) -> Table:
  columns = [
    (setting, measure)
    for setting in SETTINGS
    for measure in outcome.config.study.measures
    if any((arm, setting, measure) in one.estimates for arm in one.arms)
  ]
  seeds = {
    arm.name: "–" if arm.name in one.seedless else str(len(arm.cells))
    for arm in outcome.arms
  }
  marked = {
    (d.system, d.setting, d.measure)
    for d in one.differences.values()
    if d.significant
  }
  rows = []
  for arm in one.arms:
    texts = []
    for column in columns:
      estimate = one.estimates.get((arm, *column))
      text = "–"
      if estimate:
        text = spread(column[1], estimate.value, estimate.deviation)
        text += "†" * ((arm, *column) in marked)
      texts.append(text)
    rows.append((arm, *texts, seeds[arm]))
  return Table(
    means_name(one),
    f"{one.benchmark} (what is ranked: {one.unit}). Macro means over languages"
    " (cross: over ordered pairs of languages); ± is the sample standard"
    " deviation over seeds; † differs over questions from one of the arm's"
    f" baselines at least (see the tests).{by_example(outcome)}",
    (
      "arm",
      *(f"{setting} {title(measure)}" for setting, measure in columns),
      "seeds",
    ),
    tuple(rows),
  )


def _tests(outcome: Outcome, one: OnBenchmark) -> Table:
  compare = outcome.config.compare
  return Table(
    tests_name(one),
    f"{one.benchmark}: an arm minus its baseline (column against), with the"
    f" {100 * compare.level:.4g} % interval of a paired bootstrap over"
    f" questions and p of a paired randomisation test, two-sided"
    f" ({compare.resamples:,} resamples); Holm's correction is over these"
    f" {one.tests} tests. Each is of the seeds that both arms have: the means"
    " above may be of more. The verdict is of p (Holm), then of the seeds:"
    " beyond them is a difference that exceeds half of Welch's 95 % interval"
    " over seeds, which is of each test alone.",
    _TESTS,
    tuple(
      (
        d.system,
        d.against,
        d.setting,
        title(d.measure),
        signed(d.measure, d.value),
        interval(d),
        probability(d.p),
        probability(d.p_holm),
        str(len(_seeds(one, d)) or "–"),
        verdict(one, d),
      )
      for d in one.differences.values()
    ),
  )


def _seeds(one: OnBenchmark, d: Difference) -> tuple[int, ...]:
  return seeds_of(one, (d.system, d.against), d.setting, d.measure)


def _languages(one: OnBenchmark) -> Iterator[Table]:
  """A table a setting and measure: arms by query language."""
  for setting, measure in dict.fromkeys(
    (mean.setting, mean.measure) for mean in one.by_language
  ):
    means = {
      (mean.arm, mean.language): spread(measure, mean.value, mean.deviation)
      for mean in one.by_language
      if (mean.setting, mean.measure) == (setting, measure)
    }
    languages = sorted({language for _, language in means})
    yield Table(
      f"{one.benchmark}: {setting} {title(measure)} by language",
      f"{one.benchmark}, {setting} {title(measure)} by query language"
      + (", the mean over passage languages." if setting == "cross" else "."),
      ("arm", *languages),
      tuple(
        (arm, *(means.get((arm, language), "–") for language in languages))
        for arm in one.arms
      ),
    )
