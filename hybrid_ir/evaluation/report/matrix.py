"""Each language against each, and its means. From snapshots; feeds write."""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.report import figures
from hybrid_ir.evaluation.report.page import (
  Cell,
  Picture,
  Section,
  Table,
  measured,
  slug,
)
from hybrid_ir.evaluation.report.snapshots import Snapshot


def matrix_section(benchmarks: Sequence[Sequence[Snapshot]]) -> Section:
  """A heat map a benchmark and state: query by passage language, mAP."""
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
          _matrix_caption(codes, matrix),
          figures.heat_map(matrix, codes, codes, ramp="blue", limits=limits),
        )
      )
  absent = "No matrix: results.jsonl has no figure of a pair of languages."
  return Section(
    "matrix",
    "Query language by passage language",
    notes=() if pictures else (absent,),
    pictures=tuple(pictures),
  )


def _matrix_caption(codes: Sequence[str], matrix: np.ndarray) -> str:
  diagonal = np.eye(len(codes), dtype=bool)
  parts = ["mAP × 100; mono on the diagonal, cross off it."]
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


def language_section(benchmarks: Sequence[Sequence[Snapshot]]) -> Section:
  """A table a benchmark, at its latest step: a language's means."""
  tables = tuple(_by_language(states[-1]) for states in benchmarks)
  return Section(
    "languages",
    "Scores by language",
    notes=(
      "mAP; cross as query: the mean over the other languages' passages, cross "
      "as passage: the mean over the other languages' queries.",
    )
    if tables
    else ("No scores by language: results.jsonl is missing or empty.",),
    tables=tables,
  )


def _by_language(snapshot: Snapshot) -> Table:
  rows = []
  for code in snapshot.languages:
    scores = (
      snapshot.score("mono", code, code, "map"),
      snapshot.score("cross", code, "*", "map"),
      snapshot.score("cross", "*", code, "map"),
      snapshot.score("multi", code, "all", "map"),
      snapshot.score("multi", code, "all", "rank_distance"),
    )
    rows.append((Cell(code), *map(measured, scores)))
  return Table(
    f"{snapshot.title}, {snapshot.state}",
    (
      "Language",
      "mono",
      "cross, as query",
      "cross, as passage",
      "multi",
      "Rank distance",
    ),
    tuple(rows),
  )
