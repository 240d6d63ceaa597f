"""What a page is made of: sections of tables, pictures, examples.

Each section's module makes one of these; render lays them out.
"""

import dataclasses
import re

from hybrid_ir.evaluation.examples import Hit
from hybrid_ir.evaluation.report.canvas import Drawing
from hybrid_ir.evaluation.report.load import Score


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
  """A cell of a table; a number keeps its whole value beside its text."""

  text: str
  value: float | int | None = None
  best: bool = False
  mark: str = ""  # after the text, such as a dagger or a spread
  language: str = ""  # of a text in its own script and direction


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
  """A table: columns that name the row, then columns of numbers."""

  title: str
  columns: tuple[str, ...]
  rows: tuple[tuple[Cell, ...], ...]
  names: int = 1  # how many columns name the row


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
  """A figure, and in words what there is to see in it."""

  name: str  # of the file, without its ending; unique on the page
  title: str
  caption: str
  drawing: Drawing


@dataclasses.dataclass(frozen=True, slots=True)
class HitList:
  """What one system retrieved for a query, and a line that sums it up."""

  system: str  # empty: the page has one
  summary: str
  hits: tuple[Hit, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ExampleCard:
  """A query, and what it retrieved."""

  query: str
  language: str
  lists: tuple[HitList, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Fold:
  """What opens at a click, under its title."""

  title: str
  tables: tuple[Table, ...] = ()
  cards: tuple[ExampleCard, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
  """A heading and what stands under it, in this order."""

  anchor: str
  title: str
  notes: tuple[str, ...] = ()  # paragraphs
  tables: tuple[Table, ...] = ()
  pictures: tuple[Picture, ...] = ()
  cards: tuple[ExampleCard, ...] = ()
  folds: tuple[Fold, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
  """The whole report."""

  title: str
  facts: tuple[tuple[str, str], ...]  # label, value
  sections: tuple[Section, ...]


def measured(score: Score | None) -> Cell:
  """A measure to four decimals; ranks, which are large, to one."""
  if score is not None and score.measure == "rank_distance":
    return Cell(f"{score.value:,.1f}", score.value)
  return share(score.value if score else None)


def share(value: float | None) -> Cell:
  """A figure between 0 and 1, or none."""
  return Cell("–") if value is None else Cell(f"{value:.4f}", value)


def count(number: int | None) -> Cell:
  """A whole number with its thousands set off."""
  return Cell("–") if number is None else Cell(f"{number:,}", number)


def percent(share: float) -> str:
  """A share between 0 and 1 as whole per cent, its sign never on a new line."""
  return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def slug(*names: str) -> str:
  """A file's name, and an anchor, of letters, digits and hyphens."""
  return re.sub(r"[\W_]+", "-", "-".join(names)).strip("-").lower()
