"""Error over a size, as a power law. From along_size, to study `scaling`."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from hybrid_ir.evaluation.comparison.cells import title
from hybrid_ir.evaluation.comparison.figures import direction
from hybrid_ir.studies.along_size import ALL, Group, Place, groups_of, series
from hybrid_ir.studies.curves import FORMS
from hybrid_ir.studies.outcome import OnBenchmark, Outcome
from hybrid_ir.studies.page import Finding, Table
from hybrid_ir.studies.power_law import PowerLaw, power_law
from hybrid_ir.studies.sizes import Size

NOT_DETERMINED = "the runs do not determine the exponent"
_HEADS = (
  *("query languages", "setting", "measure", "sizes", "curve of 1 - measure"),
  *("exponent b", "interval", "floor's interval", "resampled", "against it"),
)


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
  """1 - measure of some query languages over a size."""

  group: Group
  setting: str
  measure: str
  smallest: float  # size
  largest: float
  law: PowerLaw


def fits(outcome: Outcome, one: OnBenchmark, size: Size) -> list[Fit]:
  """Fits every setting and measure, of languages not trained on and of all.

  Measures of which more is not better, such as rank distance, are left out.
  Seeds are resampled where each size is one arm of several; where several arms
  are of one size, their spread is not that of seeds: arms are, by their means.
  """
  found = []
  for group in groups_of(outcome, one, size):
    for (setting, measure), places in series(outcome, one, size, group).items():
      x, y, over = _errors(places)
      if direction(measure) != 1 or len(set(x)) <= FORMS["power"]:
        continue
      form = "power_floor" if len(set(x)) > FORMS["power_floor"] else "power"
      law = power_law(x, y, form=form, over=over)
      found.append(Fit(group, setting, measure, x.min(), x.max(), law))
  return found


def fits_table(one: OnBenchmark, size: Size, found: Sequence[Fit]) -> Table:
  """A row a fit."""
  lacking = "" if _zero_shot(found) else f" {_none_left(one, size)}."
  return Table(
    _name(one, size),
    f"{one.benchmark}: least squares over {size.name}, of the means over query"
    " languages, with 95 % bootstrap intervals. Languages not trained on are"
    f" those that no arm of this axis trained on.{lacking}",
    _HEADS,
    tuple(
      (
        *(str(fit.group), fit.setting, title(fit.measure), _sizes(fit)),
        *(_formula(fit.law), *_exponent(fit.law), _floor(fit.law)),
        fit.law.over,
        "; ".join(_against(fit.law)) or "nothing found",
      )
      for fit in found
    ),
  )


def sentences(
  outcome: Outcome, one: OnBenchmark, size: Size, found: Sequence[Fit]
) -> Iterator[Finding]:
  """One of each group of languages, on the study's first measure."""
  first = next(filter(_more_is_better, outcome.config.study.measures), "")
  if found and not _zero_shot(found):
    yield Finding(f"{_none_left(one, size)}.", _name(one, size))
  for group in dict.fromkeys(fit.group for fit in found):
    mine = [f for f in found if (f.group, f.measure) == (group, first)]
    if mine:
      yield Finding(
        f"On {one.benchmark}, 1 - {title(first)} over {size.name}"
        f" ({_sizes(mine[0])}) of {_queries(group)} is fitted by"
        f" {'; '.join(map(_clause, mine))}.",
        f"{_name(one, size)}, rows {group}, {title(first)}",
      )


def _errors(places: Sequence[Place]) -> tuple[np.ndarray, np.ndarray, str]:
  """Sizes [N], errors [N], and what of them `power_law` is to resample.

  A value a run, or where seeds are not what is resampled, an arm: its seeds
  have much in common.
  """
  apart = len({place.size for place in places}) == len(places)
  several = all(len(place.values) > 1 for place in places)
  if apart and several:
    x, y = np.array([(p.size, 1 - v) for p in places for v in p.values]).T
    return x, y, "seeds"
  x, y = np.array([(p.size, 1 - np.mean(p.values)) for p in places]).T
  return x, y, "arms"


def _more_is_better(measure: str) -> bool:
  return direction(measure) == 1


def _zero_shot(found: Sequence[Fit]) -> bool:
  return any(fit.group != ALL for fit in found)


def _none_left(one: OnBenchmark, size: Size) -> str:
  return (
    f"On {one.benchmark} no query language is known that no arm over"
    f" {size.name} trained on: the fits are of all languages alone"
  )


def _name(one: OnBenchmark, size: Size) -> str:
  return f"{one.benchmark}: power laws over {size.name}"


def _queries(group: Group) -> str:
  """In cross and multi the passages are of other languages, too."""
  if group == ALL:
    return "queries in all languages"
  return f"queries in languages {group}"


def _sizes(fit: Fit) -> str:
  return f"{fit.smallest:,g} to {fit.largest:,g}"


def _clause(fit: Fit) -> str:
  exponent, interval = _exponent(fit.law)
  said = NOT_DETERMINED
  if interval != NOT_DETERMINED:
    said = f"exponent {exponent} {interval} by resampling {fit.law.over}"
  problems = _against(fit.law)
  against = "nothing found against it"
  if problems:
    against = f"against it: {', '.join(problems)}"
  return f"{fit.setting} {_formula(fit.law)}, {said} ({against})"


def _against(law: PowerLaw) -> list[str]:
  """What speaks against it as a law of 1 - measure, which is 0 to 1."""
  found = [*law.problems]
  if law.curve.a * law.curve.b < 0:
    found.append("the error rises with the size")
  ends = f"{law.curve.c:.3g}"
  if float(ends) > 1:
    found.append(f"it ends at {ends}, above 1, where no error can be")
  return found


def _exponent(law: PowerLaw) -> tuple[str, str]:
  """The exponent and its interval, as the table has them."""
  if not law.determines_exponent():
    return "–", NOT_DETERMINED
  low, high = law.interval("b")
  return f"{law.curve.b:.3f}", f"[{low:.3f}, {high:.3f}]"


def _floor(law: PowerLaw) -> str:
  """Where the curve ends, as far as the runs tell."""
  if not law.determines_floor():
    return "–"
  low, high = law.interval("c")
  return f"[{low:.3g}, {high:.3g}]"


def _formula(law: PowerLaw) -> str:
  curve = law.curve
  if curve.form != "power_floor":
    return f"{curve.a:.3g} x^{-curve.b:.3f}"
  sign = "-" if curve.a < 0 else "+"
  return f"{curve.c:.3g} {sign} {abs(curve.a):.3g} x^{-curve.b:.3f}"
