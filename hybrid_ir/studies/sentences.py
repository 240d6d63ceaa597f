"""Findings that every study has: sentences made of figures. To `write`."""

from collections.abc import Iterator, Sequence

from hybrid_ir.evaluation.comparison.cells import signed, title
from hybrid_ir.evaluation.comparison.figures import (
  Difference,
  Estimate,
  direction,
)
from hybrid_ir.studies.outcome import OnBenchmark, Outcome
from hybrid_ir.studies.page import Finding
from hybrid_ir.studies.shared_seeds import sides
from hybrid_ir.studies.tables import (
  interval,
  means_name,
  probability,
  row_name,
  spread,
  tests_name,
)
from hybrid_ir.studies.verdict import (
  BETTER,
  NOISE,
  ONE_SEED,
  UNSURE,
  WORSE,
  verdict,
)

_MOST = 3  # baselines that are told one by one


def findings(outcome: Outcome) -> Iterator[Finding]:
  """Which arm has the best mean, then each test, benchmark by benchmark."""
  for one in outcome.benchmarks:
    columns = dict.fromkeys((s, m) for _, s, m in one.estimates)
    for setting, measure in columns:
      if measure in outcome.config.study.measures:
        yield from _best(one, setting, measure)
    for difference in one.differences.values():
      yield compared(one, difference)


def compared(one: OnBenchmark, difference: Difference) -> Finding:
  """Two arms' means, their difference, its interval and p, a verdict.

  The means are over the seeds that both have, and where one has others, too,
  that is told.
  """
  setting, measure = difference.setting, difference.measure
  names = difference.system, difference.against
  ours, theirs = sides(one, names, setting, measure)
  all_seeds = all(
    len(side.seeds) == len(one.estimates[side.system, setting, measure].seeds)
    for side in (ours, theirs)
  )
  of = "" if all_seeds else " over the seeds that both have"
  return Finding(
    f"On {one.benchmark}, {setting} {title(measure)} of {difference.system} is"
    f" {_mean(one, ours)}, of {difference.against} {_mean(one, theirs)}{of}:"
    " difference"
    f" {signed(measure, difference.value)} {interval(difference)}, p (Holm)"
    f" {probability(difference.p_holm)}: {verdict(one, difference)}.",
    f"{tests_name(one)}, {row_name(difference)}",
  )


def _best(one: OnBenchmark, setting: str, measure: str) -> Iterator[Finding]:
  """The first and the last arm by their means, and what the tests say."""
  way = direction(measure)
  estimates = sorted(
    (
      e
      for e in one.estimates.values()
      if (e.setting, e.measure) == (setting, measure)
    ),
    key=lambda e: way * e.value,
  )
  if way == 0 or len(estimates) < 2:
    return
  worst, best = estimates[0], estimates[-1]
  ends = ("highest", "lowest") if way > 0 else ("lowest", "highest")
  tally = _tally(one, setting, measure)
  tests = f"; {tests_name(one)}, {setting} {title(measure)}" if tally else ""
  what = f"mean {setting} {title(measure)}"
  said = (
    f"of {len(estimates)} arms {best.system} has the {ends[0]} {what}"
    f" ({_mean(one, best)}), {worst.system} the {ends[1]} ({_mean(one, worst)})"
  )
  if best.value == worst.value:
    said = f"{len(estimates)} arms have the same {what}"
    said += f" ({_mean(one, best)} of {best.system})"
  yield Finding(
    f"On {one.benchmark}, {said}{tally}.",
    f"{means_name(one)}, rows {best.system} and {worst.system}{tests}",
  )


def _tally(one: OnBenchmark, setting: str, measure: str) -> str:
  """How many arms the tests tell from each of their baselines."""
  said: dict[str, list[str]] = {}
  for d in one.differences.values():
    if (d.setting, d.measure) == (setting, measure):
      said.setdefault(d.against, []).append(verdict(one, d))
  if len(said) > _MOST:
    every = [word for words in said.values() for word in words]
    said = {"their baselines": every}
  return "".join(
    f"; tested against {against}: {', '.join(_counts(words))}"
    for against, words in said.items()
  )


def _counts(words: Sequence[str]) -> Iterator[str]:
  """How many verdicts are of each kind."""
  for word in (BETTER, WORSE, NOISE):
    yield f"{words.count(word)} {word}"
  for doubt, told in (
    (UNSURE, f"significant {UNSURE}"),
    (ONE_SEED, "significant over questions, by one seed"),
  ):
    if count := sum(word.endswith(doubt) for word in words):
      yield f"{count} {told}"


def _mean(one: OnBenchmark, estimate: Estimate) -> str:
  text = spread(estimate.measure, estimate.value, estimate.deviation)
  if estimate.system in one.seedless:
    return f"{text} (not trained)"
  return text if len(estimate.seeds) > 1 else f"{text} (one seed)"
