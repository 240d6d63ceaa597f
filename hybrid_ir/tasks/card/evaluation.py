"""What was measured. From results.jsonl's scores, to the card."""

from collections.abc import Sequence

from hybrid_ir.data import published
from hybrid_ir.evaluation.report.snapshots import Snapshot
from hybrid_ir.evaluation.report.summary import summary_section
from hybrid_ir.tasks.card import markdown


def evaluation(results: Sequence[Snapshot], trained: Sequence[str]) -> str:
  """A table a benchmark, and what training data overlaps with it.

  Args:
    results: one a benchmark.
    trained: names of the data sets trained on.
  """
  if not results:
    return "Not evaluated."
  section = summary_section([[snapshot] for snapshot in results], ())
  parts = [*section.notes, "Search was exact."]
  # One table a benchmark; another, of approximate search, may come after.
  for snapshot, table in zip(results, section.tables, strict=False):
    rows = [[cell.text for cell in row] for row in table.rows]
    parts += [
      f"### {markdown.escape(table.title)}",
      markdown.table(table.columns, rows),
      f"Languages: {' '.join(snapshot.languages)}.",
    ]
  names = [snapshot.benchmark for snapshot in results]
  if overlaps := published.overlaps(trained, names):
    parts += [
      "What the training data and these benchmarks are known to share:",
      markdown.listed(map(markdown.escape, overlaps)),
    ]
  return "\n\n".join(parts)


def languages(results: Sequence[Snapshot]) -> list[str]:
  """Those that some benchmark has; sorted."""
  return sorted({code for snapshot in results for code in snapshot.languages})
