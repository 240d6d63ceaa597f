"""Each language against each. From snapshots; feeds write."""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.report.heat_map import difference_map, heat_map
from hybrid_ir.evaluation.report.page import Picture, Section, slug
from hybrid_ir.evaluation.report.snapshots import Snapshot


def matrix_section(benchmarks: Sequence[Sequence[Snapshot]]) -> Section:
  """A heat map of mAP a benchmark and state, and what training changed."""
  pictures = []
  for states in benchmarks:
    matrices = [snapshot.matrix("map") for snapshot in states]
    cells = np.concatenate([matrix.ravel() for matrix in matrices])
    if np.isnan(cells).all():
      continue
    # One scale for both states, so that their colours may be compared.
    limits = (float(np.nanmin(cells)), float(np.nanmax(cells)))
    for snapshot, matrix in zip(states, matrices, strict=True):
      codes = snapshot.languages
      pictures.append(
        Picture(
          slug("matrix", snapshot.title, f"step {snapshot.step}"),
          f"{snapshot.title}, {snapshot.state}",
          matrix_caption(codes, matrix, "mAP"),
          heat_map(matrix, codes, codes, ramp="blue", limits=limits),
        )
      )
    if len(states) == 2 and states[0].languages == states[1].languages:
      change = matrices[1] - matrices[0]
      if not np.isnan(change).all():
        pictures.append(_change(states[1], change))
  absent = "No matrix: results.jsonl has no figure of a pair of languages."
  return Section(
    "matrix",
    "Query language by passage language",
    notes=() if pictures else (absent,),
    pictures=tuple(pictures),
  )


def _change(snapshot: Snapshot, change: np.ndarray) -> Picture:
  codes = snapshot.languages
  return Picture(
    slug("change", snapshot.title),
    f"{snapshot.title}, {snapshot.state} minus before training",
    difference_caption(codes, change, "mAP"),
    difference_map(change, codes, float(np.nanmax(np.abs(change)))),
  )


def matrix_caption(
  codes: Sequence[str], matrix: np.ndarray, measure: str
) -> str:
  """Means on and off the diagonal, and the best and worst pair.

  Args:
    codes: L languages.
    matrix: [L query, L passage], NaN where there is no figure.
    measure: its name in print.
  """
  diagonal = np.eye(len(codes), dtype=bool)
  parts = [f"{measure} × 100; mono on the diagonal, cross off it."]
  same, other = (
    cells[~np.isnan(cells)] for cells in (matrix[diagonal], matrix[~diagonal])
  )
  if same.size and other.size:
    parts.append(
      f"Means: {100 * same.mean():.1f} within a language, "
      f"{100 * other.mean():.1f} between two."
    )
  if other.size:
    crossed = np.where(diagonal, np.nan, matrix)
    best, worst = (
      divmod(int(choose(crossed)), len(codes))
      for choose in (np.nanargmax, np.nanargmin)
    )
    parts.append(
      "From query to passage, the best pair of two is "
      f"{codes[best[0]]} → {codes[best[1]]} ({100 * crossed[best]:.0f}), "
      f"the worst {codes[worst[0]]} → {codes[worst[1]]} "
      f"({100 * crossed[worst]:.0f})."
    )
  return " ".join(parts)


def difference_caption(
  codes: Sequence[str], change: np.ndarray, measure: str
) -> str:
  """How many cells went up and down, and the ends.

  Args:
    codes: L languages.
    change: [L query, L passage], NaN where there is no figure.
    measure: its name in print.
  """
  most, least = (
    divmod(int(choose(change)), len(codes))
    for choose in (np.nanargmax, np.nanargmin)
  )
  return (
    f"{measure} × 100; blue: higher, orange: lower. Higher in "
    f"{int((change > 0).sum())} cells, lower in {int((change < 0).sum())}; "
    f"from {100 * change[least]:+.1f} ({codes[least[0]]} → {codes[least[1]]}) "
    f"to {100 * change[most]:+.1f} ({codes[most[0]]} → {codes[most[1]]})."
  )
