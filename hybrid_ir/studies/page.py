"""What a study's pages are made of. From the studies, to `write`."""

import dataclasses

from hybrid_ir.evaluation.comparison import markdown


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
  """Cells as text, under a caption that says what they are."""

  name: str  # such as "Table 1", by which findings name it
  caption: str
  heads: tuple[str, ...]
  rows: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Plot:
  """A picture and what it shows."""

  name: str  # of its file, without .svg
  caption: str
  svg: str


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
  """A sentence made of figures, and where these stand."""

  text: str
  source: str  # a table and its row, or a plot


@dataclasses.dataclass(frozen=True, slots=True)
class Extra:
  """What one study shows beside what all of them show."""

  tables: tuple[Table, ...] = ()
  plots: tuple[Plot, ...] = ()
  findings: tuple[Finding, ...] = ()


def table_lines(table: Table) -> list[str]:
  """A table in Markdown."""
  rows = ([*map(markdown.plain, row)] for row in table.rows)
  return [
    f"**{table.name}.** {markdown.plain(table.caption)}",
    "",
    *markdown.table([*map(markdown.plain, table.heads)], rows),
    "",
  ]
