"""The figures that a paper would quote. From snapshots; feeds write."""

from collections.abc import Iterable, Sequence

from hybrid_ir.config import SETTINGS
from hybrid_ir.evaluation.report.load import Details
from hybrid_ir.evaluation.report.page import (
  Cell,
  Fold,
  Section,
  Table,
  count,
  measured,
)
from hybrid_ir.evaluation.report.snapshots import Snapshot

_MEASURES = {
  "map": "mAP",
  "mrr": "MRR",
  "recall@1": "R@1",
  "recall@5": "R@5",
  "recall@10": "R@10",
  "ndcg@10": "nDCG@10",
  "rank_distance": "Rank distance",
}
_SETTINGS = (
  "mono: query and candidates in one language, the mean over languages. "
  "cross: candidates in one other language, the mean over all ordered pairs. "
  "multi: one pool of all languages, the mean over query languages."
)
_COUNTS = (
  "mAP has no cut-off. Rank distance: worst minus best rank of a query's "
  "relevant passages in the pool of all languages; lower is better. Dropped: "
  "queries without a relevant passage among the candidates."
)
_ABSENT = "No scores: results.jsonl is missing or empty (nothing evaluated)."


_MEANS = ("macro", "micro")
_MICRO = (
  "Means are macro: each language (cross: each ordered pair) weighs the same. "
  "Where a column says micro, each query does. docs/measures.md has the "
  "formulas."
)


def summary_section(
  benchmarks: Sequence[Sequence[Snapshot]], details: Sequence[Details]
) -> Section:
  """A table a benchmark, ScaNN beside exact search, and every measure."""
  if not benchmarks:
    return Section("summary", "Summary", notes=(_ABSENT,))
  return Section(
    "summary",
    "Summary",
    notes=(
      _SETTINGS,
      _COUNTS,
      _MICRO,
      *(
        f"{item.benchmark}, left out: {line}"
        for item in details
        for line in item.left_out
      ),
    ),
    tables=(
      *(_scores(states) for states in benchmarks),
      *_search(states[-1] for states in benchmarks),
    ),
    folds=tuple(_every_measure(states[-1]) for states in benchmarks),
  )


def _scores(states: Sequence[Snapshot]) -> Table:
  rows = []
  for setting in SETTINGS:
    for snapshot in states:
      scores = [snapshot.macro(setting, name) for name in _MEASURES]
      first = next((score for score in scores if score), None)
      if first is None:
        continue
      rows.append(
        (
          Cell(setting),
          Cell(snapshot.state),
          *map(measured, scores),
          count(first.queries),
          count(first.dropped),
          count(first.candidates),
        )
      )
  return Table(
    states[-1].title,
    (
      "Setting",
      "Model",
      *_MEASURES.values(),
      "Queries",
      "Dropped",
      "Candidates",
    ),
    tuple(rows),
    names=2,
  )


def _search(latest: Iterable[Snapshot]) -> list[Table]:
  """ScaNN's macro scores and its share of the exact top 10, if it was run."""
  rows = []
  for snapshot in latest:
    for setting in SETTINGS:
      overlap = snapshot.macro(setting, "ann_recall@10", "scann")
      if overlap is None:
        continue
      rows.append(
        (
          Cell(snapshot.title),
          Cell(setting),
          measured(overlap),
          *(
            measured(snapshot.macro(setting, measure, search))
            for measure in ("recall@10", "ndcg@10")
            for search in ("exact", "scann")
          ),
        )
      )
  columns = (
    "Benchmark",
    "Setting",
    "Exact top 10 found",
    "R@10 exact",
    "R@10 ScaNN",
    "nDCG@10 exact",
    "nDCG@10 ScaNN",
  )
  title = "Approximate search (ScaNN) beside exact search"
  return [Table(title, columns, tuple(rows), names=2)] if rows else []


def _every_measure(snapshot: Snapshot) -> Fold:
  """Macro and micro means of all measures, in the order of the file."""
  measures = dict.fromkeys(
    key[3] for key in snapshot.scores if key[4] == snapshot.ranking
  )
  rows = tuple(
    (
      Cell(measure),
      *(
        measured(mean(setting, measure))
        for setting in SETTINGS
        for mean in (snapshot.macro, snapshot.micro)
      ),
    )
    for measure in measures
  )
  title = f"Every measure: {snapshot.title}, {snapshot.state}"
  columns = [f"{setting} {mean}" for setting in SETTINGS for mean in _MEANS]
  return Fold(title, (Table(title, ("Measure", *columns), rows),))
