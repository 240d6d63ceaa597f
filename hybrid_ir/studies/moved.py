"""How changes move hybrid's distance. From the outcome, to study `paper`."""

from collections.abc import Iterator

from hybrid_ir.evaluation.comparison.cells import signed, title
from hybrid_ir.evaluation.comparison.figures import direction
from hybrid_ir.evaluation.report.figures import Interval, intervals
from hybrid_ir.evaluation.report.page import slug
from hybrid_ir.studies.mixture import kind_of_batches
from hybrid_ir.studies.outcome import Moved, OnBenchmark, Outcome
from hybrid_ir.studies.page import Finding, Plot, Table
from hybrid_ir.studies.shared_seeds import seeds_of, sides
from hybrid_ir.studies.tables import interval, probability
from hybrid_ir.studies.verdict import in_words

_HEADS = (
  *("arm", "setting", "measure", "hybrid minus", "as it is", "changed"),
  *("moved by", "interval", "p", "p (Holm)", "seeds", "verdict"),
)
_GAINS, _LOSES = "hybrid gains", "hybrid loses"


def distances(outcome: Outcome) -> Iterator[Plot]:
  """Hybrid minus the other kinds, as it is and changed, a plot a measure."""
  kinds = {arm.name: kind_of_batches(arm.config) for arm in outcome.arms}
  for one in outcome.benchmarks:
    for measure in dict.fromkeys(each.measure for each in one.moved):
      mine = [each for each in one.moved if each.measure == measure]
      pairs = dict.fromkeys(
        pair
        for each in mine
        for pair in (
          (each.as_it_is, each.other_as_it_is, each.setting),
          (each.hybrid, each.other, each.setting),
        )
      )
      rows = list(dict.fromkeys(hybrid for hybrid, _, _ in pairs))
      labels = {
        f"{setting}, minus {kinds[other]}": None for _, other, setting in pairs
      }
      found = [
        Interval(
          rows.index(hybrid),
          label,
          [*labels].index(label),
          d.value,
          d.low,
          d.high,
          filled=d.significant,
        )
        for hybrid, other, setting in pairs
        if (d := one.differences.get((hybrid, other, setting, measure)))
        if (label := f"{setting}, minus {kinds[other]}")
      ]
      if found:
        level = f"{100 * outcome.config.compare.level:.4g} %"
        yield Plot(
          slug("distance", one.benchmark, measure),
          f"{one.benchmark}: {title(measure)} of hybrid minus other kinds of"
          " batch, with the same change, over the seeds that both have; bars:"
          f" {level} interval of a paired bootstrap over questions; filled: p"
          " (Holm) in the table of tests is significant.",
          intervals(rows, found, axis=f"difference in {title(measure)}").svg,
        )


def moved(outcome: Outcome) -> Iterator[tuple[Table, list[Finding]]]:
  """A table a benchmark, and a sentence a row."""
  kinds = {arm.name: kind_of_batches(arm.config) for arm in outcome.arms}
  compare = outcome.config.compare
  for one in outcome.benchmarks:
    if one.moved:
      yield (
        Table(
          _name(one),
          f"{one.benchmark}: hybrid minus another kind of batch, with the arm's"
          " change and as it is, and what lies between the two, with the"
          f" {100 * compare.level:.4g} % interval of a paired bootstrap over"
          " questions and p of a paired randomisation test, two-sided"
          f" ({compare.resamples:,} resamples); Holm's correction is over these"
          f" {len(one.moved)} tests. Each is of the seeds that all four arms"
          " have. The verdict is of p (Holm), then of the seeds, as in the"
          " table of tests.",
          _HEADS,
          tuple(_row(one, each, kinds[each.other]) for each in one.moved),
        ),
        [_finding(one, each, kinds[each.other]) for each in one.moved],
      )


def _row(one: OnBenchmark, each: Moved, kind: str) -> tuple[str, ...]:
  before, after = _distances(one, each)
  seeds = seeds_of(one, _arms(each), each.setting, each.measure)
  return (
    *(each.hybrid, each.setting, title(each.measure), kind, before, after),
    *(signed(each.measure, each.value), interval(each)),
    *(probability(each.p), probability(each.p_holm), str(len(seeds))),
    _verdict(one, each),
  )


def _finding(one: OnBenchmark, each: Moved, kind: str) -> Finding:
  before, after = _distances(one, each)
  return Finding(
    f"On {one.benchmark}, {each.setting} {title(each.measure)} of hybrid minus"
    f" {kind} is {before} as it is ({each.as_it_is}) and {after} with"
    f" {each.hybrid}: moved by {signed(each.measure, each.value)}"
    f" {interval(each)}, p (Holm) {probability(each.p_holm)}:"
    f" {_verdict(one, each)}.",
    f"{_name(one)}, row {each.hybrid}, {each.setting} {title(each.measure)}",
  )


def _distances(one: OnBenchmark, each: Moved) -> tuple[str, str]:
  """As it is, and changed."""
  values = {
    side.system: side.value
    for side in sides(one, _arms(each), each.setting, each.measure)
  }

  def distance(hybrid: str, other: str) -> str:
    return signed(each.measure, values[hybrid] - values[other])

  return (
    distance(each.as_it_is, each.other_as_it_is),
    distance(each.hybrid, each.other),
  )


def _arms(each: Moved) -> tuple[str, str, str, str]:
  return each.hybrid, each.other, each.as_it_is, each.other_as_it_is


def _verdict(one: OnBenchmark, each: Moved) -> str:
  word = _GAINS if direction(each.measure) * each.value > 0 else _LOSES
  return in_words(one, _arms(each), each, word)


def _name(one: OnBenchmark) -> str:
  """By which findings name the table."""
  return f"{one.benchmark}: hybrid's distance, changed"
