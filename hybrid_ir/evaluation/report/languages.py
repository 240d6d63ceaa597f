"""Each language's means, and each script's and family's. Feeds write."""

from collections.abc import Mapping, Sequence

import numpy as np

from hybrid_ir.evaluation.report import groups
from hybrid_ir.evaluation.report.page import (
  Cell,
  Section,
  Table,
  measured,
  share,
)
from hybrid_ir.evaluation.report.snapshots import Snapshot

_ABSENT = "No scores by {}: results.jsonl is missing or empty."


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
    else (_ABSENT.format("language"),),
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


def group_sections(
  benchmarks: Sequence[Sequence[Snapshot]],
) -> tuple[Section, Section]:
  """By script, then by family: a table a benchmark, at its latest step."""
  latest = [states[-1] for states in benchmarks]
  return (
    Section(
      "scripts",
      "Scores by script",
      notes=(f"mAP. {groups.NOTE}",) if latest else (_ABSENT.format("script"),),
      tables=tuple(
        _by_group(snapshot, groups.by_script(snapshot.languages), "Script")
        for snapshot in latest
      ),
    ),
    Section(
      "families",
      "Scores by language family",
      notes=("mAP, with means as by script.",)
      if latest
      else (_ABSENT.format("family"),),
      tables=tuple(
        _by_group(snapshot, groups.by_family(snapshot.languages), "Family")
        for snapshot in latest
      ),
    ),
  )


def _by_group(
  snapshot: Snapshot, members: Mapping[str, Sequence[str]], column: str
) -> Table:
  found = groups.means(
    members,
    snapshot.languages,
    snapshot.matrix("map"),
    snapshot.pooled("map"),
  )
  return Table(
    f"{snapshot.title}, {snapshot.state}",
    (column, "Languages", *groups.FIELDS),
    tuple(
      (
        Cell(name),
        Cell(" ".join(codes)),
        *(share(None if np.isnan(x) else x) for x in found[name]),
      )
      for name, codes in members.items()
    ),
    names=2,
  )
