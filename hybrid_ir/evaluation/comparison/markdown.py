"""A comparison in Markdown. From compare, to WORKDIR/compare/compare.md."""

import re
from collections.abc import Iterable, Iterator, Sequence

from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Comparison,
  Difference,
  System,
)

_PAIRS = (
  *("system", "against", "setting", "measure", "difference", "interval"),
  *("p", "p (Holm)", "ahead in", "won / tied / lost"),
)


def markdown(comparison: Comparison) -> str:
  """Means, every pair's tests, and what was left out."""
  lines = ["# Comparison", "", *map(_system, comparison.systems), ""]
  for one in comparison.benchmarks:
    lines += [f"## {plain(one.benchmark)}", "", *_means(comparison, one), ""]
    if one.differences:
      lines += [*table(_PAIRS, map(_pair, one.differences)), ""]
      lines += [_explanation(comparison), ""]
    lines += _list(one.notes)
  lines += _list(comparison.notes)
  return "\n".join(lines).rstrip() + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
  """Lines of a table of texts that are Markdown already."""
  yield f"| {' | '.join(heads)} |"
  yield "|---" * len(heads) + "|"
  for row in rows:
    yield f"| {' | '.join(row)} |"


def plain(text: str) -> str:
  """Text that Markdown shows letter by letter."""
  return re.sub(r"([\\`*\[\]|<>]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def _system(system: System) -> str:
  runs = [f"{plain(run.path)} (seed {run.seed})" for run in system.runs]
  return f"- {plain(system.name)}: {', '.join(runs)}"


def _means(comparison: Comparison, one: BenchmarkComparison) -> Iterator[str]:
  heads = [
    f"{setting} {cells.title(measure)}"
    for setting, measure in cells.columns(one)
  ]
  yield from table(
    ("system", *heads, "seeds"),
    (
      (
        plain(system),
        *map(_mean, cells.row(comparison, one, system)),
        str(cells.seed_count(one, system)),
      )
      for system in one.systems
    ),
  )
  yield ""
  yield plain(cells.caption(comparison, one, "†", "±"))


def _mean(cell: cells.Cell) -> str:
  text = f"**{cell.value}**" if cell.best else cell.value
  text += "†" if cell.marked else ""
  text += cells.APART if cell.apart else ""
  return f"{text} ± {cell.spread}" if cell.spread else text


def _pair(difference: Difference) -> tuple[str, ...]:
  measure = difference.measure
  return (
    plain(difference.system),
    plain(difference.against),
    difference.setting,
    cells.title(measure),
    cells.signed(measure, difference.value),
    f"{cells.signed(measure, difference.low)} to"
    f" {cells.signed(measure, difference.high)}",
    f"{difference.p:.4f}",
    f"{difference.p_holm:.4f}",
    *cells.wins(difference),
  )


def _explanation(comparison: Comparison) -> str:
  return (
    f"Difference: system minus against, with its {100 * comparison.level:.4g} %"
    " interval by paired bootstrap over questions. Ahead in: languages (cross:"
    " ordered pairs of languages) in which system is better. Won: queries."
  )


def _list(notes: Sequence[str]) -> list[str]:
  return [*(f"- {plain(note)}" for note in notes), ""] if notes else []
