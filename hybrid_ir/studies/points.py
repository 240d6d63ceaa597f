"""Means with intervals along a number, as a figure. For the plots."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.report.canvas import (
  INK,
  LINES,
  MARKS,
  WIDTH,
  Axes,
  legend,
  render,
)

_LETTERS = 58  # of a legend's line, with _SAMPLE letters' room for its mark
_SAMPLE = 7


@dataclasses.dataclass(frozen=True, slots=True)
class Band:
  """A curve that was fitted, with its interval."""

  places: np.ndarray  # [P], ascending
  values: np.ndarray  # [P]
  low: np.ndarray  # [P]
  high: np.ndarray  # [P]


@dataclasses.dataclass(frozen=True, slots=True)
class Points:
  """Means, each with its interval; those of one place stand apart."""

  label: str
  places: Sequence[float]  # [N], ascending
  values: Sequence[float]  # [N]
  low: Sequence[float]  # [N] of the intervals
  high: Sequence[float]  # [N]
  band: Band | None = None  # drawn in place of a line from mean to mean


def points(
  lines: Sequence[Points], *, across: str, along: str, log: bool = False
) -> str:
  """Means with intervals, joined by lines or by what was fitted, as SVG.

  A line goes through the mean of the points of each place.

  Args:
    lines: at least one.
    across: what the places are, with their unit.
    along: what is measured.
    log: whether the places' axis is logarithmic.
  """
  longest = max(len(line.label) for line in lines) + _SAMPLE
  columns = max(1, min(len(lines), 3, _LETTERS // longest))

  def draw(axes: Axes) -> None:
    for index, line in enumerate(lines):
      _draw(axes, index, line)
    if log:
      axes.set_xscale("log")
    places = sorted({place for line in lines for place in line.places})
    axes.set_xticks(places, [f"{place:,g}" for place in places])
    axes.minorticks_off()
    axes.set(xlabel=across, ylabel=along)
    axes.grid(color=INK, alpha=0.15, linewidth=0.5)
    if len(lines) > 1:
      legend(axes, columns=columns)

  rows = -(-len(lines) // columns)
  return render(draw, WIDTH, 2.55 + 0.15 * rows).svg


def joined(line: Points) -> tuple[list[float], list[float]]:
  """The places, each once, and the means of their points."""
  places = sorted(set(line.places))
  values = np.array(line.values)
  at = np.array(line.places)
  return places, [float(values[at == place].mean()) for place in places]


def _draw(axes: Axes, index: int, line: Points) -> None:
  color = LINES[index % len(LINES)]
  style = ("-", "--", ":")[index // len(LINES) % 3]
  values = np.array(line.values)
  reach = np.stack([values - line.low, line.high - values])
  axes.errorbar(
    line.places,
    values,
    yerr=np.maximum(reach, 0),  # a percentile interval may miss its mean
    color=color,
    linestyle="none",
    elinewidth=0.8,
    capsize=2,
    marker=MARKS[index % len(MARKS)],
    markersize=3,
    label=line.label,
  )
  if line.band is None:
    places, means = joined(line)
    axes.plot(places, means, color=color, linestyle=style, linewidth=1.2)
    return
  band = line.band
  axes.plot(
    band.places, band.values, color=color, linestyle=style, linewidth=1.2
  )
  axes.fill_between(
    band.places, band.low, band.high, color=color, alpha=0.15, linewidth=0
  )
