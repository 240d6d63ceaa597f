"""Numbers to SVG text: heat maps, dumbbells, curves. Feeds the sections.

The only importer of matplotlib. Every figure is about as wide as a phone, so
that its text stays legible there. Ink is `currentColor` and the ground is
clear, so a figure follows its page into dark mode; text stays text.
"""

import dataclasses
import io
import re
from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

_INK = "#010203"  # no other part is of this colour: it becomes currentColor
_STYLE = {
  "svg.fonttype": "none",
  "svg.hashsalt": "hybrid_ir",  # the same ids each time
  "font.family": "DejaVu Sans",  # comes with matplotlib: the same layout
  "font.size": 7.5,
  "figure.facecolor": "none",
  "axes.facecolor": "none",
  "text.color": _INK,
  "text.parse_math": False,
  "axes.edgecolor": _INK,
  "axes.labelcolor": _INK,
  "axes.linewidth": 0.6,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "xtick.color": _INK,
  "ytick.color": _INK,
}
# Okabe and Ito's colours that differ from light and from dark ground.
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_RAMPS = {  # one hue from light to dark: safe for the colour-blind, and in grey
  "blue": ("#eaf1f8", "#8fb8da", "#0b3d6b"),
  "orange": ("#fbf1e3", "#eda65d", "#7d3200"),
}
_LUMA = (0.299, 0.587, 0.114)  # how light red, green and blue look (BT.601)
_CELL = 0.32  # inches, the side of a heat map's cell


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
  """One curve: its steps and values, and perhaps a running mean over them."""

  label: str
  steps: Sequence[float]  # [N]
  values: Sequence[float]  # [N]
  trend: Sequence[float] = ()  # [N]; when given, the values stand back


def heat_map(
  values: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str],
  *,
  ramp: str,
  limits: tuple[float, float],
  last_row_apart: bool = False,
) -> str:
  """Query languages by passage languages, each cell with its value x 100.

  Args:
    values: [R, C], between 0 and 1; NaN leaves the cell empty.
    rows: R labels.
    columns: C labels.
    ramp: `blue` or `orange`.
    limits: the values of the lightest and the darkest colour.
    last_row_apart: sets the last row off from the others, for a reference.
  """
  colours = LinearSegmentedColormap.from_list(ramp, _RAMPS[ramp])
  low, high = limits
  tops = [
    row + 0.3 * (last_row_apart and row == len(rows) - 1)
    for row in range(len(rows))
  ]

  def draw(axes: Axes) -> None:
    for row, column in np.ndindex(values.shape):
      value = values[row, column]
      if np.isnan(value):
        continue
      tone = float(np.clip((value - low) / ((high - low) or 1), 0, 1))
      colour = colours(tone)
      axes.add_patch(
        Rectangle(
          (column + 0.03, tops[row] + 0.03),
          0.94,
          0.94,
          facecolor=colour,
          linewidth=0,
        )
      )
      axes.text(
        column + 0.5,
        tops[row] + 0.5,
        f"{100 * value:.0f}",
        ha="center",
        va="center_baseline",
        color="#ffffff" if np.dot(colour[:3], _LUMA) < 0.5 else "#101418",
      )
    axes.set(
      xlim=(0, len(columns)),
      ylim=(tops[-1] + 1, 0),
      aspect="equal",
      xlabel="passage language",
      ylabel="query language",
    )
    axes.set_xticks([column + 0.5 for column in range(len(columns))], columns)
    axes.set_yticks([top + 0.5 for top in tops], rows)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
      spine.set_visible(False)

  return _svg(
    draw,
    max(_CELL * len(columns) + 0.6, 1.9),  # room for the axes' names
    max(_CELL * (tops[-1] + 1) + 0.5, 1.6),
  )


def dumbbells(
  rows: Sequence[str],
  found: np.ndarray,
  expected: np.ndarray,
  *,
  labels: tuple[str, str],
  axis: str,
) -> str:
  """A line a row from the expected share (ring) to the one found (dot).

  Args:
    rows: R labels.
    found: [R] shares, 0 to 1.
    expected: [R] shares, 0 to 1.
    labels: what the dots and the rings are.
    axis: what is measured.
  """
  places = range(len(rows))
  dots, rings = 100 * found, 100 * expected

  def draw(axes: Axes) -> None:
    axes.hlines(places, rings, dots, color=_LINES[1], linewidth=1.4, zorder=1)
    axes.scatter(dots, places, s=24, color=_LINES[1], label=labels[0])
    axes.scatter(
      rings,
      places,
      s=20,
      facecolor="none",
      edgecolor=_INK,
      linewidth=0.9,
      label=labels[1],
    )
    axes.set_yticks(places, rows)
    axes.set(xlabel=axis, xlim=(0, None), ylim=(len(rows) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=_INK, alpha=0.15, linewidth=0.5)
    axes.set_axisbelow(True)
    _legend(axes, columns=2)

  return _svg(draw, 4.1, _CELL * 0.85 * len(rows) + 0.9)


def curves(lines: Sequence[Line], *, axis: str, from_zero: bool = False) -> str:
  """Curves over the training steps.

  Args:
    lines: at least one.
    axis: what is measured, with its unit.
    from_zero: whether the axis begins at 0.
  """

  def draw(axes: Axes) -> None:
    for index, line in enumerate(lines):
      colour = _LINES[index % len(_LINES)]
      style = ("-", "--", ":")[index // len(_LINES) % 3]
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
    axes.grid(color=_INK, alpha=0.15, linewidth=0.5)
    if len(lines) > 1:
      _legend(axes, columns=min(len(lines), 3))

  return _svg(draw, 4.1, 2.5)


def _legend(axes: Axes, *, columns: int) -> None:
  axes.legend(
    loc="lower left",
    bbox_to_anchor=(0, 1),
    ncols=columns,
    frameon=False,
    handlelength=1.4,
    columnspacing=1.2,
    borderaxespad=0.2,
  )


def _svg(draw: Callable[[Axes], None], width: float, height: float) -> str:
  with matplotlib.rc_context():
    matplotlib.rcdefaults()  # not what a user's matplotlibrc says
    matplotlib.rcParams.update(_STYLE)
    figure = Figure((width, height), layout="constrained")
    draw(figure.subplots())
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(
      buffer,
      metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
    )
  svg = buffer.getvalue()
  svg = svg[svg.index("<svg ") :].replace(_INK, "currentColor")
  return re.sub(r"<!--.*?-->\n?|^ +", "", svg, flags=re.DOTALL | re.MULTILINE)
