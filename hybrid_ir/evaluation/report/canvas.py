"""A drawing on axes to SVG and PNG. Feeds the figures.

The only importer of matplotlib. Ink is `currentColor` and the ground is clear,
so an SVG follows its page into dark mode; text stays text. A PNG is dark on
white, for slides.
"""

import dataclasses
import io
import re
from collections.abc import Callable

import matplotlib
from matplotlib.axes import Axes as Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK = "#010203"  # no other part is of this colour: it becomes currentColor
# Okabe and Ito's colours that differ from light and from dark ground.
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
# Beside the colours, for grey prints; one more, so that pairs repeat late.
MARKS = ("s", "o", "D", "^", "v", "P", "X")
ROW = 0.27  # inches, the height of a labelled row
WIDTH = 4.1  # inches, about a phone's, so that text stays legible there
_PNG_DPI = 200
_STYLE = {
  "svg.fonttype": "none",
  "svg.hashsalt": "hybrid_ir",  # the same ids each time
  "font.family": "DejaVu Sans",  # comes with matplotlib: the same layout
  "font.size": 7.5,
  "figure.facecolor": "none",
  "axes.facecolor": "none",
  "text.color": INK,
  "text.parse_math": False,
  "axes.edgecolor": INK,
  "axes.labelcolor": INK,
  "axes.linewidth": 0.6,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "xtick.color": INK,
  "ytick.color": INK,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Drawing:
  """One figure in both formats."""

  svg: str
  png: bytes


def render(
  draw: Callable[[Axes], None], width: float, height: float
) -> Drawing:
  """Draws on axes of their own; the same bytes for the same drawing.

  Args:
    draw: puts the figure on the axes.
    width: inches.
    height: inches.
  """
  with matplotlib.rc_context():
    matplotlib.rcdefaults()  # not what a user's matplotlibrc says
    matplotlib.rcParams.update(_STYLE)
    figure = Figure((width, height), layout="constrained")
    draw(figure.subplots())
    text = io.StringIO()
    FigureCanvasSVG(figure).print_svg(
      text, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    figure.set_layout_engine("none")  # keeps the SVG's
    figure.set_facecolor("white")
    figure.set_dpi(_PNG_DPI)
    pixels = io.BytesIO()
    FigureCanvasAgg(figure).print_png(pixels, metadata={"Software": None})
  return Drawing(_clean(text.getvalue()), pixels.getvalue())


def legend(axes: Axes, *, columns: int) -> None:
  """Puts what is labelled above the axes."""
  axes.legend(
    loc="lower left",
    bbox_to_anchor=(0, 1),
    ncols=columns,
    frameon=False,
    handlelength=1.4,
    columnspacing=1.2,
    borderaxespad=0.2,
  )


def label_rows(axes: Axes, rows: tuple[str, ...]) -> None:
  """One labelled line a row, the first on top, with a quiet grid."""
  axes.set_yticks(range(len(rows)), rows)
  axes.set_ylim(len(rows) - 0.4, -0.6)
  axes.tick_params(axis="y", length=0)
  axes.spines["left"].set_visible(False)
  axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.5)
  axes.set_axisbelow(True)


def shown(name: str, place: int) -> str:
  """A system's name as figures write it.

  DejaVu Sans has all Latin, Greek and Cyrillic letters, but few scripts more.

  Args:
    name: of the system.
    place: from 1, stands in for a name in another script.
  """
  return name if all(letter < "\u0530" for letter in name) else f"#{place}"


def _clean(svg: str) -> str:
  svg = svg[svg.index("<svg ") :].replace(INK, "currentColor")
  return re.sub(r"<!--.*?-->\n?|^ +", "", svg, flags=re.DOTALL | re.MULTILINE)
