"""How much systems differ, and how sure that is. From tests, to the page."""

from hybrid_ir.config import SETTINGS
from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Comparison,
  Difference,
  direction,
)
from hybrid_ir.evaluation.report import figures
from hybrid_ir.evaluation.report.compare.view import against_first, labels
from hybrid_ir.evaluation.report.page import (
  Cell,
  Fold,
  Picture,
  Section,
  Table,
  slug,
)

_COLUMNS = (
  *("System", "Against", "Setting", "Measure", "Difference", "Low", "High"),
  *("p", "p (Holm)", "Ahead in", "Won / tied / lost"),
)


def difference_section(comparison: Comparison) -> Section:
  """A figure a benchmark and measure; all pairs of systems folded."""
  tested = [one for one in comparison.benchmarks if one.differences]
  note = (
    "Difference: a system's mean minus the baseline's, with its "
    f"{100 * comparison.level:.4g} % interval by paired bootstrap over "
    f"questions ({comparison.resamples:,} resamples). Filled: significant "
    "after Holm's correction; hollow: not. Ahead in: languages (cross: ordered "
    "pairs of languages) in which the system is better; won: queries."
  )
  absent = "No tests: fewer than two systems have per-query values."
  return Section(
    "differences",
    "Differences from the baseline",
    notes=(note,) if tested else (absent,),
    pictures=tuple(
      _picture(comparison, one, measure)
      for one in tested
      for measure in one.measures
      if any(item.measure == measure for item in against_first(one))
    ),
    folds=tuple(_pairs(one) for one in tested),
  )


def _picture(
  comparison: Comparison, one: BenchmarkComparison, measure: str
) -> Picture:
  names = labels(comparison)
  found = [item for item in against_first(one) if item.measure == measure]
  rows = [x for x in SETTINGS if any(item.setting == x for item in found)]
  title = cells.title(measure)
  return Picture(
    slug("difference", one.benchmark, measure),
    f"{one.benchmark}: {title}, minus {one.systems[0]}",
    _caption(found),
    figures.intervals(
      rows,
      [
        figures.Interval(
          rows.index(item.setting),
          *names[item.system],
          value=item.value,
          low=item.low,
          high=item.high,
          filled=item.significant,
        )
        for item in found
      ],
      axis=f"difference in {title}",
    ),
  )


def _caption(found: list[Difference]) -> str:
  """Every interval in words."""
  lower = direction(found[0].measure) < 0
  return ("Lower is better. " if lower else "") + "; ".join(
    f"{item.system}, {item.setting}:"
    f" {cells.signed(item.measure, item.value)}"
    f" ({cells.signed(item.measure, item.low)} to"
    f" {cells.signed(item.measure, item.high)})"
    for item in found
  )


def _pairs(one: BenchmarkComparison) -> Fold:
  rows = tuple(
    (
      Cell(item.system),
      Cell(item.against),
      Cell(item.setting),
      Cell(cells.title(item.measure)),
      *(
        Cell(cells.signed(item.measure, x), x, best=best)
        for x, best in (
          (item.value, item.significant),
          (item.low, False),
          (item.high, False),
        )
      ),
      Cell(f"{item.p:.4f}", item.p),
      Cell(f"{item.p_holm:.4f}", item.p_holm),
      *map(Cell, cells.wins(item)),
    )
    for item in one.differences
  )
  title = f"All pairs of systems: {one.benchmark} (bold: significant)"
  return Fold(title, (Table(title, _COLUMNS, rows, names=4),))
