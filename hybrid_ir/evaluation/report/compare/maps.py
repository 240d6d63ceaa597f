"""Matrices of languages, and how they differ. From cells, to the page."""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Comparison,
)
from hybrid_ir.evaluation.report.compare.view import Grid, grids, lead
from hybrid_ir.evaluation.report.heat_map import difference_map, heat_map
from hybrid_ir.evaluation.report.matrix import (
  difference_caption,
  matrix_caption,
)
from hybrid_ir.evaluation.report.page import Picture, Section, slug


def map_section(comparison: Comparison) -> Section:
  """A heat map a system, then each one's difference from the baseline."""
  pictures: list[Picture] = []
  for one in comparison.benchmarks:
    measure = lead(one)
    if measure:
      found = [
        grid for grid in grids(one, measure) if not np.isnan(grid.matrix).all()
      ]
      pictures += _systems(one, measure, found)
      pictures += _differences(one, measure, found)
  absent = "No maps: no per-query values of mono or cross."
  return Section(
    "maps",
    "Query language by passage language",
    notes=() if pictures else (absent,),
    pictures=tuple(pictures),
  )


def _systems(
  one: BenchmarkComparison, measure: str, found: Sequence[Grid]
) -> list[Picture]:
  if not found:
    return []
  every = np.array([grid.matrix for grid in found])
  # One scale for all systems, so that their colours may be compared.
  limits = (float(np.nanmin(every)), float(np.nanmax(every)))
  codes = one.languages
  return [
    Picture(
      slug("matrix", one.benchmark, grid.name),
      f"{one.benchmark}: {grid.system}",
      matrix_caption(codes, grid.matrix, cells.title(measure)),
      heat_map(grid.matrix, codes, codes, ramp="blue", limits=limits),
    )
    for grid in found
  ]


def _differences(
  one: BenchmarkComparison, measure: str, found: Sequence[Grid]
) -> list[Picture]:
  if len(found) < 2:
    return []
  first, *others = found
  changes = [grid.matrix - first.matrix for grid in others]
  reach = float(np.nanmax(np.abs(changes)))
  codes = one.languages
  return [
    Picture(
      slug("change", one.benchmark, grid.name),
      f"{one.benchmark}: {grid.system} minus {first.system}",
      difference_caption(codes, change, cells.title(measure)),
      difference_map(change, codes, reach),
    )
    for grid, change in zip(others, changes, strict=True)
  ]
