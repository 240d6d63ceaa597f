"""Benchmarks by systems. From the comparison's estimates, to the page."""

from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Comparison,
  Estimate,
)
from hybrid_ir.evaluation.report.compare.view import beside, legend
from hybrid_ir.evaluation.report.page import Cell, Fold, Section, Table


def means_section(comparison: Comparison) -> Section:
  """A table a measure that was asked for; every other measure folded."""
  measures = dict.fromkeys(
    measure for one in comparison.benchmarks for measure in one.measures
  )
  captions = {
    one.benchmark: cells.caption(comparison, one, "†", "±")
    for one in comparison.benchmarks
  }
  alike = len(set(captions.values())) == 1
  return Section(
    "means",
    "Benchmarks by systems",
    notes=tuple(
      dict.fromkeys(
        text if alike else f"{name}: {text}" for name, text in captions.items()
      )
    ),
    tables=tuple(_table(comparison, measure) for measure in measures),
    folds=tuple(_every(one) for one in comparison.benchmarks),
  )


def _table(comparison: Comparison, measure: str) -> Table:
  """Rows: a benchmark in a setting. Columns: systems."""
  names = [system.name for system in comparison.systems]
  rows = []
  for one in comparison.benchmarks:
    values = {(e.system, e.setting, e.measure): e.value for e in one.estimates}
    by_system = {name: cells.row(comparison, one, name) for name in one.systems}
    for place, column in enumerate(cells.columns(one)):
      if column[1] == measure:
        rows.append(
          (
            Cell(one.benchmark),
            Cell(column[0]),
            *(
              _cell(by_system[name][place], values[name, *column])
              if name in by_system
              else Cell("–")
              for name in names
            ),
          )
        )
  title = cells.title(measure)
  return Table(
    title.capitalize() if title.islower() else title,
    ("Benchmark", "Setting", *names),
    tuple(rows),
    names=2,
  )


def _cell(cell: cells.Cell, value: float) -> Cell:
  mark = "†" if cell.marked else ""
  mark += cells.APART if cell.apart else ""
  if cell.spread:
    mark += f" ± {cell.spread}"
  return Cell(cell.value, value, best=cell.best, mark=mark)


def _every(one: BenchmarkComparison) -> Fold:
  """All macro means that the systems have in common."""
  found: dict[tuple[str, str], dict[str, Estimate]] = {}
  for estimate in one.estimates:
    row = found.setdefault((estimate.setting, estimate.measure), {})
    row[estimate.system] = estimate
  apart = cells.apart(one)
  rows = tuple(
    (
      Cell(setting),
      Cell(cells.title(measure)),
      *beside(
        measure,
        [
          by_system[name].value if name in by_system else None
          for name in one.systems
        ],
        apart=(setting, measure) in apart,
      ),
    )
    for (setting, measure), by_system in found.items()
  )
  title = f"Every measure: {one.benchmark} ({one.unit}){legend(rows)}"
  table = Table(title, ("Setting", "Measure", *one.systems), rows, names=2)
  return Fold(title, (table,))
