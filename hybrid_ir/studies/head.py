"""How a study's page begins: what was run, where and when. To `write`."""

import pathlib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from hybrid_ir.config import Config
from hybrid_ir.evaluation.comparison.markdown import plain
from hybrid_ir.studies import machine, state
from hybrid_ir.studies.axes import kept, named_variants
from hybrid_ir.studies.grid import Cell

# At the beginning, or within Python's lists of names.
_PATH = re.compile(r"""(^|['"(\[ ])([/~][^'")\]]*)""")


def head(
  config: Config,
  cells: Sequence[Cell],
  failed: Mapping[Cell, str],
  command: Sequence[str],
) -> list[str]:
  """Lines of Markdown.

  Args:
    config: of the study.
    cells: all of its runs.
    failed: those that failed, and why.
    command: the arguments that the study was started with.
  """
  done = [cell for cell in cells if state.is_done(cell)]
  return [
    f"# The study {plain(config.study.name)}",
    "",
    f"{len(done)} of {len(cells)} cells done.",
    "",
    *_not_done(cells, failed),
    *_left_out(config),
    "```",
    shlex.join(["python", "-m", "hybrid_ir.main", *map(shortened, command)]),
    "```",
    "",
    f"- {plain(_when(cells))}",
    f"- page written {machine.today()} on {plain(machine.hardware())};"
    f" {plain(machine.versions())}",
    "",
  ]


def shortened(argument: str) -> str:
  """An argument, the user's absolute paths in it cut to their last part."""
  flag, equals, value = argument.partition("=")
  if not equals:
    flag, value = "", argument
  parts = (_PATH.sub(_last_part, part) for part in value.split(","))
  return f"{flag}{equals}{','.join(parts)}"


def _last_part(match: re.Match[str]) -> str:
  return f"{match[1]}{pathlib.PurePath(match[2]).name}"


def _not_done(
  cells: Sequence[Cell], failed: Mapping[Cell, str]
) -> Iterator[str]:
  for cell in cells:
    if not state.is_done(cell):
      why = f": {failed[cell]}" if cell in failed else ""
      yield f"- not done: {plain(f'{cell}{why}')}"


def _left_out(config: Config) -> Iterator[str]:
  """What `study.only` and `study.seeds` leave."""
  there = kept(config)
  names = [
    name
    for name, (axis, variant) in named_variants(config).items()
    if variant not in there[axis]
  ]
  if names:
    yield f"- left out by study.only: {plain(', '.join(names))}"
  yield f"- seeds: {' '.join(map(str, config.study.seeds))}"
  yield ""


def _when(cells: Sequence[Cell]) -> str:
  """The days and devices of trainings and evaluations."""
  known: list[tuple[str, str]] = []
  unknown = 0
  for folder in dict.fromkeys(cell.folder for cell in cells):
    stored = state.read(folder)
    made = [(one.date, one.devices) for one in stored.evaluated.values()]
    if stored.trained:
      made.append((stored.date, stored.devices))
    known += [one for one in made if one[0]]
    unknown += sum(not date for date, _ in made)
  if not known:
    return "runs: their dates are not known" if unknown else "no runs yet"
  dates = sorted({date for date, _ in known})
  range_ = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
  on = " and ".join(sorted({devices for _, devices in known}))
  rest = f"; of {unknown} parts date and devices are not known"
  return f"runs of {range_} on {on}{rest if unknown else ''}"
