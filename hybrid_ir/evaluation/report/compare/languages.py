"""Systems by language, script and family. From cells, to the page."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Comparison,
)
from hybrid_ir.evaluation.report import figures, groups
from hybrid_ir.evaluation.report.compare.view import (
  Grid,
  beside,
  grids,
  labels,
  lead,
)
from hybrid_ir.evaluation.report.page import (
  Cell,
  Fold,
  Picture,
  Section,
  Table,
  count,
  slug,
)

_ABSENT = "No scores by {}: no per-query values."
_FIELDS = ("mono", "cross as query", "cross as passage", "multi")


def language_section(comparison: Comparison) -> Section:
  """Who is best in how many languages; figures and tables of each."""
  tables, pictures, folds = [], [], []
  for one, measure, found in _tested(comparison):
    by_system = [_by_language(grid) for grid in found]
    tables.append(_wins(one, measure, found, by_system))
    folds.append(_scores(one, measure, found, by_system))
    pictures += _dots(comparison, one, measure, found)
  return Section(
    "languages",
    "By language",
    notes=(
      "In how many languages a system has the best mean; with equal means, "
      "both have it. Cross as query: the mean over the other languages' "
      "passages; as passage: over the other languages' queries.",
    )
    if tables
    else (_ABSENT.format("language"),),
    tables=tuple(tables),
    pictures=tuple(pictures),
    folds=tuple(folds),
  )


def script_section(comparison: Comparison) -> Section:
  """A table a benchmark, the languages of one script together."""
  return _groups(comparison, "scripts", "script", groups.by_script)


def family_section(comparison: Comparison) -> Section:
  """A table a benchmark, the languages of one family together."""
  return _groups(comparison, "families", "language family", groups.by_family)


def _tested(
  comparison: Comparison,
) -> list[tuple[BenchmarkComparison, str, list[Grid]]]:
  """Each benchmark with per-query values, its measure and its systems."""
  return [
    (one, measure, grids(one, measure))
    for one in comparison.benchmarks
    if (measure := lead(one))
  ]


def _by_language(grid: Grid) -> np.ndarray:
  """The values of `_FIELDS`. [L, 4], NaN where there is none."""
  crossed = np.where(np.eye(len(grid.pooled), dtype=bool), np.nan, grid.matrix)
  return np.stack(
    [
      grid.matrix.diagonal(),
      _row_means(crossed),
      _row_means(crossed.T),
      grid.pooled,
    ],
    axis=1,
  )


def _row_means(values: np.ndarray) -> np.ndarray:
  """Means over what is no NaN; NaN where a row has nothing else."""
  there = ~np.isnan(values)
  number = there.sum(axis=1)
  return np.divide(
    np.where(there, values, 0).sum(axis=1),
    number,
    out=np.full(len(values), np.nan),
    where=number > 0,
  )


def _wins(
  one: BenchmarkComparison,
  measure: str,
  found: Sequence[Grid],
  by_system: Sequence[np.ndarray],
) -> Table:
  rows = []
  for column, field in enumerate(_FIELDS):
    best = [0] * len(found)
    scored = 0
    for language in range(len(one.languages)):
      values = [float(each[language, column]) for each in by_system]
      row = beside(measure, values)
      scored += not all(np.isnan(values))
      best = [n + cell.best for n, cell in zip(best, row, strict=True)]
    if scored:
      rows.append((Cell(field), *map(count, best), count(scored)))
  return Table(
    f"{one.benchmark}: languages in which a system is best,"
    f" {cells.title(measure)}",
    ("Setting", *(grid.system for grid in found), "of"),
    tuple(rows),
  )


def _scores(
  one: BenchmarkComparison,
  measure: str,
  found: Sequence[Grid],
  by_system: Sequence[np.ndarray],
) -> Fold:
  rows = tuple(
    (Cell(code), Cell(field), *beside(measure, values))
    for place, code in enumerate(one.languages)
    for column, field in enumerate(_FIELDS)
    if not np.isnan(
      values := [float(each[place, column]) for each in by_system]
    ).all()
  )
  title = f"{one.benchmark}, by language: {cells.title(measure)}"
  systems = (grid.system for grid in found)
  table = Table(title, ("Language", "Setting", *systems), rows, names=2)
  return Fold(title, (table,))


def _dots(
  comparison: Comparison,
  one: BenchmarkComparison,
  measure: str,
  found: Sequence[Grid],
) -> list[Picture]:
  """Each language's mono and multi means, a dot a system."""
  names = labels(comparison)
  pictures = []
  for setting, choose in _SETTINGS.items():
    values = [choose(grid) for grid in found]
    if not np.isnan(values).all():
      title = cells.title(measure)
      pictures.append(
        Picture(
          slug("by-language", one.benchmark, setting),
          f"{one.benchmark}: {title} by query language, {setting}",
          "; ".join(
            f"{grid.system} from {np.nanmin(each):.2f} to {np.nanmax(each):.2f}"
            for grid, each in zip(found, values, strict=True)
          ),
          figures.dots(
            one.languages,
            [
              figures.Dots(label, each, colour)
              for grid, each in zip(found, values, strict=True)
              for label, colour in [names[grid.system]]
            ],
            axis=f"{setting} {title}",
          ),
        )
      )
  return pictures


_SETTINGS: Mapping[str, Callable[[Grid], np.ndarray]] = {
  "mono": lambda grid: grid.matrix.diagonal(),
  "multi": lambda grid: grid.pooled,
}


def _groups(
  comparison: Comparison,
  anchor: str,
  name: str,
  group: Callable[[Sequence[str]], Mapping[str, Sequence[str]]],
) -> Section:
  tables, notes = [], []
  for one, measure, found in _tested(comparison):
    members = group(one.languages)
    listed = (f"{part}: {' '.join(codes)}" for part, codes in members.items())
    notes.append(f"{one.benchmark}. {'; '.join(listed)}.")
    by_system = [
      groups.means(members, one.languages, grid.matrix, grid.pooled)
      for grid in found
    ]
    rows = tuple(
      (
        Cell(part),
        Cell(field),
        *beside(measure, values),
      )
      for part in members
      for column, field in enumerate(groups.FIELDS)
      if not np.isnan(
        values := [each[part][column] for each in by_system]
      ).all()
    )
    systems = (grid.system for grid in found)
    tables.append(
      Table(
        f"{one.benchmark}: {cells.title(measure)}",
        (name.capitalize(), "Setting", *systems),
        rows,
        names=2,
      )
    )
  return Section(
    anchor,
    f"By {name}",
    notes=(groups.NOTE, *notes) if tables else (_ABSENT.format(name),),
    tables=tuple(tables),
  )
