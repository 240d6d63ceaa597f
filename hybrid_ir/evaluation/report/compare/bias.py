"""Which languages each system prefers, side by side. To the page."""

import numpy as np

from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Bias,
  Comparison,
)
from hybrid_ir.evaluation.report import figures
from hybrid_ir.evaluation.report.bias import (
  MEANING,
  MEASURES,
  own_part,
  peak_share,
  share_map,
)
from hybrid_ir.evaluation.report.compare.view import beside, labels, legend
from hybrid_ir.evaluation.report.page import (
  Cell,
  Picture,
  Section,
  Table,
  percent,
  slug,
)


def bias_section(comparison: Comparison) -> Section:
  """The measures of bias, what fills the top 10, and how much is one's own."""
  tables = [table for one in comparison.benchmarks for table in _measures(one)]
  pictures = [
    picture
    for one in comparison.benchmarks
    for picture in (*_shares(one), *_own(comparison, one))
  ]
  absent = "No language bias: no run was scored in the setting multi."
  return Section(
    "bias",
    "Language bias in the pool of all languages",
    notes=(MEANING,) if tables or pictures else (absent,),
    tables=tuple(tables),
    pictures=tuple(pictures),
  )


def _measures(one: BenchmarkComparison) -> list[Table]:
  values = {
    (e.measure, e.system): e.value
    for e in one.estimates
    if e.setting == "multi"
  }
  apart = cells.apart(one)
  rows = tuple(
    (
      Cell(title),
      *beside(
        measure,
        [values.get((measure, name)) for name in one.systems],
        apart=("multi", measure) in apart,
      ),
    )
    for measure, title in MEASURES.items()
    if any((measure, name) in values for name in one.systems)
  )
  columns = ("Measure", *one.systems)
  title = f"{one.benchmark}{legend(rows)}"
  return [Table(title, columns, rows)] if rows else []


def _in_multi(
  one: BenchmarkComparison,
) -> list[tuple[Bias, np.ndarray, np.ndarray]]:
  """The systems with lists of all languages, their shares and the pool's."""
  found = [
    (
      item,
      np.array(item.top10_language_share, dtype=float),  # null: NaN
      np.array(item.pool_language_share),
    )
    for item in one.bias
  ]
  return [each for each in found if not np.isnan(each[1]).all()]


def _shares(one: BenchmarkComparison) -> list[Picture]:
  found = _in_multi(one)
  # One scale for all systems, so that their colours may be compared.
  peak = max((peak_share(shares, pool) for _, shares, pool in found), default=1)
  return [
    Picture(
      slug("top10", one.benchmark, f"{number} {item.system}"),
      f"What fills the top 10, {one.benchmark}: {item.system}",
      "Per cent of the top 10 in each passage language; an unbiased ranking "
      "would repeat the last row, which is the pool. Own language: "
      f"{percent(float(np.nanmean(shares.diagonal())))} on average, of "
      f"{percent(own_part(shares.diagonal(), pool))} in the pool.",
      share_map(item.languages, shares, pool, peak),
    )
    for number, (item, shares, pool) in enumerate(found, start=1)
  ]


def _own(comparison: Comparison, one: BenchmarkComparison) -> list[Picture]:
  found = _in_multi(one)
  if not found:
    return []
  first, _, pool = found[0]
  names = labels(comparison)
  own = [(item.system, shares.diagonal()) for item, shares, _ in found]
  return [
    Picture(
      slug("own-language", one.benchmark),
      f"The pull of the own language, {one.benchmark}",
      "; ".join(
        f"{system}: {percent(float(np.nanmean(each)))} on average"
        for system, each in own
      )
      + ".",
      figures.dots(
        first.languages,
        [
          figures.Dots(label, 100 * each, colour)
          for system, each in own
          for label, colour in [names[system]]
        ],
        axis="share of the top 10 in the query's own language, %",
        ring=figures.Dots("of the pool", 100 * pool),
      ),
    )
  ]
