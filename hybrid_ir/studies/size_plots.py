"""Scores over a size, with what was fitted. From along_size, to `scaling`."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hybrid_ir.evaluation.comparison.cells import title
from hybrid_ir.evaluation.report.page import slug
from hybrid_ir.studies.along_size import ALL, Group, Place, groups_of, series
from hybrid_ir.studies.fits import Fit
from hybrid_ir.studies.outcome import OnBenchmark, Outcome
from hybrid_ir.studies.page import Plot
from hybrid_ir.studies.points import Band, Points, points
from hybrid_ir.studies.power_law import PowerLaw
from hybrid_ir.studies.sizes import Size

_SEEDS = "bars: one standard deviation over seeds, of one seed none"
_ACROSS = 50  # places of a curve


def overall(
  outcome: Outcome, one: OnBenchmark, size: Size, found: Sequence[Fit]
) -> Iterator[Plot]:
  """A plot a measure and group of languages, a line a setting."""
  level = f"{100 * outcome.config.compare.level:.4g} %"
  fitted = {(fit.group, fit.setting, fit.measure): fit.law for fit in found}
  for group in groups_of(outcome, one, size):
    there = series(outcome, one, size, group)
    bars = _SEEDS
    if group == ALL:
      bars = (
        f"bars: {level} interval over questions where it was computed, else one"
        " standard deviation over seeds, of one seed none"
      )
    for measure in dict.fromkeys(measure for _, measure in there):
      laws = {
        setting: fitted[group, setting, measure]
        for setting, of in there
        if of == measure and (group, setting, measure) in fitted
      }
      lines = [
        _line(setting, places, laws.get(setting))
        for (setting, of), places in there.items()
        if of == measure
      ]
      curves = (
        "; lines: the power law fitted, with its 95 % interval"
        if any(law.has_intervals for law in laws.values())
        else ""
      )
      yield from _plot(
        slug(size.axis, one.benchmark, measure, *_ending(group)),
        f"{one.benchmark}: {title(measure)} over {size.name}, queries in"
        f" {_queries(group)}; {bars}{curves}.",
        lines,
        across=size.name,
        along=title(measure),
      )


def by_group(
  one: OnBenchmark,
  size: Size,
  groups: Mapping[Group, Mapping[str, list[Place]]],
  *,
  measure: str,
  what: str,
) -> Iterator[Plot]:
  """A plot a setting, a line a group of languages.

  Args:
    one: the benchmark.
    size: the axis.
    groups: group -> setting -> the axis' arms.
    measure: of the places.
    what: the groups are by.
  """
  settings = dict.fromkeys(s for each in groups.values() for s in each)
  for setting in settings:
    yield from _plot(
      slug(size.axis, one.benchmark, measure, setting, what),
      f"{one.benchmark}: {setting} {title(measure)} over {size.name}, queries"
      f" by {what}; {_SEEDS}.",
      [
        _line(str(group), each[setting], None)
        for group, each in groups.items()
        if setting in each
      ],
      across=size.name,
      along=f"{setting} {title(measure)}",
    )


def _ending(group: Group) -> tuple[str, ...]:
  return () if group == ALL else (group.name,)


def _queries(group: Group) -> str:
  return "all languages" if group == ALL else f"languages {group}"


def _line(label: str, places: Sequence[Place], law: PowerLaw | None) -> Points:
  sizes = [place.size for place in places]
  return Points(
    label,
    sizes,
    [place.mean for place in places],
    [place.low for place in places],
    [place.high for place in places],
    _band(law, min(sizes), max(sizes)) if law and law.has_intervals else None,
  )


def _band(law: PowerLaw, smallest: float, largest: float) -> Band:
  """Of the measure, where the law is one of 1 - measure."""
  places = np.geomspace(smallest, largest, _ACROSS)
  low, high = law.band(places)
  return Band(places, 1 - law.curve.at(places), 1 - high, 1 - low)


def _plot(
  name: str, caption: str, lines: Sequence[Points], *, across: str, along: str
) -> Iterator[Plot]:
  """Of two sizes at least."""
  if any(len(set(line.places)) > 1 for line in lines):
    picture = points(lines, across=across, along=along, log=True)
    yield Plot(name, caption, picture)
