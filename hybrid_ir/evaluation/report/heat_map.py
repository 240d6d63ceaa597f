"""Languages by languages as coloured cells. From numbers, to the sections."""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.report.canvas import Axes, Drawing, render

# From light to dark in one hue, and a pair of hues that the colour-blind tell
# apart, from one through a neutral ground to the other: legible in grey, too.
_RAMPS = {
  "blue": ("#eaf1f8", "#8fb8da", "#0b3d6b"),
  "orange": ("#fbf1e3", "#eda65d", "#7d3200"),
  "difference": ("#7d3200", "#eda65d", "#f1f1ef", "#8fb8da", "#0b3d6b"),
}
_LUMA = (0.299, 0.587, 0.114)  # how light red, green and blue look (BT.601)
_CELL = 0.32  # inches, the side of a cell


def heat_map(
  values: np.ndarray,
  rows: Sequence[str],
  columns: Sequence[str],
  *,
  ramp: str,
  limits: tuple[float, float],
  last_row_apart: bool = False,
) -> Drawing:
  """Query languages by passage languages, each cell with its value x 100.

  Args:
    values: [R, C], between 0 and 1; NaN leaves the cell empty.
    rows: R labels.
    columns: C labels.
    ramp: `blue`, `orange`, or `difference`, which writes signs, too.
    limits: the values of the ramp's first and last colour.
    last_row_apart: sets the last row off from the others, for a reference.
  """
  tops = np.arange(len(rows), dtype=float)
  tops[-1] += 0.3 * last_row_apart
  low, high = limits
  tones = np.clip((values - low) / ((high - low) or 1), 0, 1)

  def draw(axes: Axes) -> None:
    there = np.argwhere(~np.isnan(values)).tolist()
    colours = [_colour(ramp, tones[row, column]) for row, column in there]
    axes.bar(
      [column + 0.5 for _, column in there],
      0.94,
      width=0.94,
      bottom=[tops[row] + 0.03 for row, _ in there],
      color=colours,
      linewidth=0,
    )
    for (row, column), colour in zip(there, colours, strict=True):
      axes.text(
        column + 0.5,
        tops[row] + 0.5,
        _text(values[row, column], signed=ramp == "difference"),
        ha="center",
        va="center_baseline",
        color="#ffffff" if np.dot(colour, _LUMA) < 0.5 else "#101418",
      )
    axes.set(
      xlim=(0, len(columns)),
      ylim=(tops[-1] + 1, 0),
      aspect="equal",
      xlabel="passage language",
      ylabel="query language",
    )
    axes.set_xticks([column + 0.5 for column in range(len(columns))], columns)
    axes.set_yticks((tops + 0.5).tolist(), rows)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
      spine.set_visible(False)

  return render(
    draw,
    max(_CELL * len(columns) + 0.6, 1.9),  # room for the axes' names
    max(_CELL * (float(tops[-1]) + 1) + 0.5, 1.6),
  )


def difference_map(
  values: np.ndarray, languages: Sequence[str], reach: float
) -> Drawing:
  """One system's matrix minus another's, x 100.

  Args:
    values: [L, L], between -1 and 1; NaN leaves the cell empty.
    languages: L codes.
    reach: the size of a difference that has the darkest colour; 0: there is
      none, and all cells have the neutral one.
  """
  reach = reach or 1  # 0 is the middle of the ramp, not its first colour
  return heat_map(
    values,
    languages,
    languages,
    ramp="difference",
    limits=(-reach, reach),
  )


def _colour(ramp: str, tone: float) -> tuple[float, ...]:
  """Red, green and blue, 0 to 1, at a place from 0 to 1 on the ramp."""
  stops = np.array(
    [[int(stop[at : at + 2], 16) for at in (1, 3, 5)] for stop in _RAMPS[ramp]]
  )
  places = np.linspace(0, 1, len(stops))
  return tuple(float(np.interp(tone, places, part)) / 255 for part in stops.T)


def _text(value: float, *, signed: bool) -> str:
  """Whole numbers; differences under ten with a decimal and a true minus."""
  if not signed:
    return f"{100 * value:.0f}"
  decimals = 1 if abs(value) < 0.0995 else 0
  text = f"{100 * value:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")
  return text.lstrip("+\N{MINUS SIGN}") if not float(text[1:]) else text
