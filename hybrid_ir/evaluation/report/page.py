"""What a page is made of: sections of tables, pictures, examples.

Each section's module makes one of these; write lays them out.
"""

import dataclasses
import re

from hybrid_ir.evaluation.examples import Example
from hybrid_ir.evaluation.report.load import Score


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
  """A cell of a table; a number keeps its whole value beside its text."""

  text: str
  value: float | int | None = None


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

  name: str  # of the file, without .svg; unique on the page
  title: str
  caption: str
  svg: str


@dataclasses.dataclass(frozen=True, slots=True)
class ExampleCard:
  """A query, its hits and a line that sums them up."""

  example: Example
  summary: str


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
  """A heading and what stands under it, in this order."""

  anchor: str
  title: str
  notes: tuple[str, ...] = ()  # paragraphs
  tables: tuple[Table, ...] = ()
  pictures: tuple[Picture, ...] = ()
  cards: tuple[ExampleCard, ...] = ()
  folded: bool = False  # in HTML, the tables open at a click


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
  """The whole report."""

  title: str
  facts: tuple[tuple[str, str], ...]  # label, value
  sections: tuple[Section, ...]


def measured(score: Score | None) -> Cell:
  """A measure to four decimals; ranks, which are large, to one."""
  if score is None:
    return Cell("–")
  decimals = 1 if score.measure == "rank_distance" else 4
  return Cell(f"{score.value:,.{decimals}f}", score.value)


def count(number: int | None) -> Cell:
  """A whole number with its thousands set off."""
  return Cell("–") if number is None else Cell(f"{number:,}", number)


def percent(share: float) -> str:
  """A share between 0 and 1 as whole per cent, its sign never on a new line."""
  return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def slug(*names: str) -> str:
  """A file's name, and an anchor, of letters, digits and hyphens."""
  return re.sub(r"[\W_]+", "-", "-".join(names)).strip("-").lower()
