"""Scripts and kinship over a size: table, plots, sentence. To `scaling`."""

from collections.abc import Iterator, Mapping, Sequence

from hybrid_ir.evaluation.comparison.cells import title
from hybrid_ir.studies.along_size import (
  Group,
  Place,
  languages_of,
  on_axis,
  series,
)
from hybrid_ir.studies.outcome import OnBenchmark, Outcome
from hybrid_ir.studies.page import Extra, Finding, Table
from hybrid_ir.studies.seen import SOURCES, Grouping, fixed
from hybrid_ir.studies.size_plots import by_group
from hybrid_ir.studies.sizes import Size, size_of
from hybrid_ir.studies.tables import spread


def over_size(
  outcome: Outcome,
  one: OnBenchmark,
  size: Size,
  grouping: Grouping,
  what: str,
) -> Extra:
  """The study's first measure, by groups whose members no arm changes.

  Args:
    outcome: of the study.
    one: the benchmark.
    size: the axis.
    grouping: of languages, by arm.
    what: the groups are by.
  """
  measure = outcome.config.study.measures[0]
  arms = on_axis(outcome, one, size)
  members = fixed(arms, languages_of(one), grouping)
  groups: dict[Group, dict[str, list[Place]]] = {}
  for name, codes in members.items():
    group = Group(name, codes)
    groups[group] = {
      setting: places
      for (setting, of), places in series(outcome, one, size, group).items()
      if of == measure
    }
  if len(arms) < 2 or not any(groups.values()):
    return Extra()
  name = f"{one.benchmark}: {title(measure)} over {size.name} by {what}"
  columns = [
    (arm.name, size_of(outcome.config, size, arm) or 0.0) for arm in arms
  ]
  table = Table(
    name,
    _caption(one, members),
    (
      *("setting", what, "languages"),
      *(f"{arm} ({at:,g})" for arm, at in columns),
    ),
    tuple(_rows(groups, measure, [arm for arm, _ in columns])),
  )
  plots = by_group(one, size, groups, measure=measure, what=what)
  return Extra(
    (table,), tuple(plots), (_sentence(table, [at for _, at in columns]),)
  )


def _caption(one: OnBenchmark, members: Mapping[str, Sequence[str]]) -> str:
  """What the means are of, and which languages are not among them."""
  there = {code for codes in members.values() for code in codes}
  left_out = [code for code in languages_of(one) if code not in there]
  said = (
    f"{one.benchmark}: means over the query languages named; ± over seeds."
    f" {SOURCES}"
  )
  if left_out:
    said += (
      f" Left out are {' '.join(left_out)}: not in the same group, or in none,"
      " in all of these arms."
    )
  return said


def _rows(
  groups: Mapping[Group, Mapping[str, list[Place]]],
  measure: str,
  arms: Sequence[str],
) -> Iterator[tuple[str, ...]]:
  """A row a setting and group, an arm a column."""
  for setting in dict.fromkeys(s for each in groups.values() for s in each):
    for group, each in groups.items():
      texts = {
        place.arm: spread(measure, place.mean, place.deviation)
        for place in each.get(setting, ())
      }
      yield (
        *(setting, group.name, " ".join(group.languages)),
        *(texts.get(arm, "–") for arm in arms),
      )


def _sentence(table: Table, sizes: Sequence[float]) -> Finding:
  """Every group at the smallest and at the largest size, in all their arms."""
  ends = [i for i, at in enumerate(sizes) if at in (sizes[0], sizes[-1])]
  arms = [table.heads[3 + i] for i in ends]
  parts: dict[str, list[str]] = {}
  for setting, group, languages, *values in table.rows:
    each = ", ".join(values[i] for i in ends)
    parts.setdefault(setting, []).append(f"{group} ({languages}) {each}")
  said = "; ".join(f"{key} {'; '.join(parts[key])}" for key in parts)
  return Finding(
    f"{table.name}, of {' and of '.join(arms)}, in this order: {said}.",
    f"{table.name}, columns {' and '.join(arms)}",
  )
