"""A comparison in LaTeX. From compare, to WORKDIR/compare/compare.tex."""

from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Comparison,
)

_ESCAPES = str.maketrans(
  {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "†": r"$^\dagger$",
    cells.APART: r"$^\ddagger$",
    "±": r"$\pm$",
    "<": r"$<$",
    "≤": r"$\le$",
    ">": r"$>$",
  }
)


def latex(comparison: Comparison) -> str:
  r"""A table a benchmark; it needs `\usepackage{booktabs}`."""
  return "\n".join(_table(comparison, one) for one in comparison.benchmarks)


def _table(comparison: Comparison, one: BenchmarkComparison) -> str:
  columns = cells.columns(one)
  spans, rules, start = [], [], 2
  for setting in dict.fromkeys(setting for setting, _ in columns):
    end = start - 1 + sum(setting == name for name, _ in columns)
    spans.append(rf"\multicolumn{{{end - start + 1}}}{{c}}{{{setting}}}")
    rules.append(rf"\cmidrule(lr){{{start}-{end}}}")
    start = end + 1
  heads = [_plain(cells.title(measure)) for _, measure in columns]
  caption = cells.caption(comparison, one, "†", "±").replace("<=", "≤")
  lines = [
    r"\begin{table}",
    r"  \centering",
    rf"  \caption{{{_plain(one.benchmark)}. {_plain(caption)}}}",
    rf"  \begin{{tabular}}{{l{'r' * len(columns)}}}",
    r"    \toprule",
    rf"    & {' & '.join(spans)} \\",
    f"    {' '.join(rules)}",
    rf"    system & {' & '.join(heads)} \\",
    r"    \midrule",
    *(
      rf"    {' & '.join([_plain(name), *map(_mean, row)])} \\"
      for name in one.systems
      for row in [cells.row(comparison, one, name)]
    ),
    r"    \bottomrule",
    r"  \end{tabular}",
    r"\end{table}",
    "",
  ]
  return "\n".join(lines)


def _mean(cell: cells.Cell) -> str:
  text = rf"\textbf{{{cell.value}}}" if cell.best else cell.value
  text += r"$^\dagger$" if cell.marked else ""
  text += r"$^\ddagger$" if cell.apart else ""
  return rf"{text} $\pm$ {cell.spread}" if cell.spread else text


def _plain(text: str) -> str:
  """Text that LaTeX shows letter by letter."""
  return text.translate(_ESCAPES)
