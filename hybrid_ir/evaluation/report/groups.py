"""Languages by script and by family, and means over them. Feeds the sections.

What a model learnt of one language helps most in those that share its letters
or its words; a mean over all pairs hides that.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hybrid_ir.data.families import family, is_placed
from hybrid_ir.data.scripts import script_of_language

UNKNOWN = "not known"
FIELDS = (
  "mono",
  "cross within",
  "cross to others",
  "cross from others",
  "multi",
)
NOTE = (
  "Means over languages or ordered pairs of languages, each weighing the same. "
  "Cross within: between two languages of the group; to others: its queries in "
  "other groups' passages; from others: other groups' queries in its passages; "
  "multi: its queries in the pool of all. Scripts are CLDR's likely ones, "
  "families are Glottolog's."
)


def by_script(codes: Sequence[str]) -> dict[str, tuple[str, ...]]:
  """ISO 15924 code -> its languages; the largest group first."""
  return _grouped(codes, _script)


def by_family(codes: Sequence[str]) -> dict[str, tuple[str, ...]]:
  """Language family -> its languages; the largest group first."""
  return _grouped(
    codes, lambda code: family(code) if is_placed(code) else UNKNOWN
  )


def _script(code: str) -> str:
  try:
    return script_of_language(code)
  except ValueError:  # a code of one's own
    return UNKNOWN


def _grouped(
  codes: Sequence[str], name: Callable[[str], str]
) -> dict[str, tuple[str, ...]]:
  groups: dict[str, list[str]] = {}
  for code in codes:
    groups.setdefault(name(code), []).append(code)
  order = sorted(groups, key=lambda group: (-len(groups[group]), group))
  return {group: tuple(groups[group]) for group in order}


def means(
  groups: Mapping[str, Sequence[str]],
  codes: Sequence[str],
  matrix: np.ndarray,
  pooled: np.ndarray,
) -> dict[str, tuple[float, ...]]:
  """Means over a group's cells.

  Args:
    groups: name -> languages.
    codes: L languages.
    matrix: [L query, L passage], NaN where there is no figure.
    pooled: [L], query languages in the pool of all.

  Returns:
    name -> the values of `FIELDS`; NaN where there is no cell.
  """
  diagonal = np.eye(len(codes), dtype=bool)
  found = {}
  for name, members in groups.items():
    inside = np.isin(codes, members)
    query, passage = inside[:, None], inside[None, :]
    found[name] = tuple(
      float(np.mean(cells[~np.isnan(cells)]))
      if not np.isnan(cells).all()
      else float("nan")
      for cells in (
        matrix[diagonal & query],
        matrix[~diagonal & query & passage],
        matrix[query & ~passage],
        matrix[~query & passage],
        pooled[inside],
      )
    )
  return found
