"""Numbers to figures: dots, intervals, curves. Feeds the sections."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.report.canvas import (
  INK,
  LINES,
  MARKS,
  ROW,
  WIDTH,
  Axes,
  Drawing,
  label_rows,
  legend,
  render,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
  """One curve: its steps and values, and perhaps a running mean over them."""

  label: str
  steps: Sequence[float]  # [N]
  values: Sequence[float]  # [N]
  trend: Sequence[float] = ()  # [N]; when given, the values stand back


@dataclasses.dataclass(frozen=True, slots=True)
class Dots:
  """A dot in each row."""

  label: str
  values: np.ndarray  # [R]; NaN: none
  colour: int = 1  # of canvas.LINES, with its mark


@dataclasses.dataclass(frozen=True, slots=True)
class Interval:
  """An estimate with its interval, in a row."""

  row: int
  label: str
  colour: int  # of canvas.LINES, with its mark; one for each label
  value: float
  low: float
  high: float
  filled: bool


def dots(
  rows: Sequence[str],
  found: Sequence[Dots],
  *,
  axis: str,
  ring: Dots | None = None,
) -> Drawing:
  """Dots by row, each label with a colour and a mark.

  Args:
    rows: R labels.
    found: at least one; a lone one is tied to its ring by a line.
    axis: what is measured.
    ring: what the dots are held against.
  """

  def draw(axes: Axes) -> None:
    label_rows(axes, tuple(rows))
    places = range(len(rows))
    if ring and len(found) == 1:
      axes.hlines(
        places,
        ring.values,
        found[0].values,
        color=LINES[found[0].colour % len(LINES)],
        linewidth=1.4,
        zorder=1,
      )
    for item in found:
      axes.scatter(
        item.values,
        places,
        s=24,
        marker=MARKS[item.colour % len(MARKS)],
        color=LINES[item.colour % len(LINES)],
        label=item.label,
        linewidth=0,
      )
    if ring:
      axes.scatter(
        ring.values,
        places,
        s=20,
        facecolor="none",
        edgecolor=INK,
        linewidth=0.9,
        label=ring.label,
      )
    axes.set(xlabel=axis, xlim=(0, None))
    entries = len(found) + bool(ring)
    if entries > 1:
      legend(axes, columns=min(entries, 3))

  return render(draw, WIDTH, ROW * len(rows) + 0.9)


def intervals(
  rows: Sequence[str],
  found: Sequence[Interval],
  *,
  axis: str,
  zero: bool = True,
) -> Drawing:
  """Estimates with their intervals, by row.

  Args:
    rows: R labels.
    found: at least one.
    axis: what is measured.
    zero: whether there is a line at 0, as differences are held against it.
  """
  labels = {item.label: item.colour for item in found}

  def draw(axes: Axes) -> None:
    label_rows(axes, tuple(rows))
    if zero:
      axes.axvline(0, color=INK, linewidth=0.6)
    for index, (label, number) in enumerate(labels.items()):
      colour = LINES[number % len(LINES)]
      mark = MARKS[number % len(MARKS)]
      for item in found:
        if item.label == label:
          place = item.row + 0.7 * ((index + 0.5) / len(labels) - 0.5)
          axes.hlines(place, item.low, item.high, color=colour, linewidth=1.2)
          axes.scatter(
            item.value,
            place,
            s=22,
            marker=mark,
            facecolor=colour if item.filled else "none",
            edgecolor=colour,
            linewidth=1.1,
            zorder=3,
          )
      axes.scatter([], [], s=22, marker=mark, color=colour, label=label)
    axes.set(xlabel=axis)
    legend(axes, columns=min(len(labels), 3))

  height = ROW * len(rows) * max(1, 0.6 * len(labels)) + 0.9
  return render(draw, WIDTH, height)


def curves(
  lines: Sequence[Line], *, axis: str, from_zero: bool = False
) -> Drawing:
  """Curves over the training steps.

  Args:
    lines: at least one.
    axis: what is measured, with its unit.
    from_zero: whether the axis begins at 0.
  """

  def draw(axes: Axes) -> None:
    for index, line in enumerate(lines):
      colour = LINES[index % len(LINES)]
      style = ("-", "--", ":")[index // len(LINES) % 3]
      mark = "o" if len(line.steps) <= 20 else ""
      if len(line.trend):
        axes.plot(
          line.steps, line.values, color=colour, linewidth=0.7, alpha=0.5
        )
      axes.plot(
        line.steps,
        line.trend if len(line.trend) else line.values,
        color=colour,
        linestyle=style,
        linewidth=1.3,
        label=line.label,
        marker=mark,
        markersize=2.5,
      )
    axes.set(xlabel="step", ylabel=axis)
    if from_zero:
      axes.set_ylim(bottom=0)
    axes.grid(color=INK, alpha=0.15, linewidth=0.5)
    if len(lines) > 1:
      legend(axes, columns=min(len(lines), 3))

  return render(draw, WIDTH, 2.5)
