"""TREC runs to a ranking. From another system's files, to evaluate.

A run is cut: what it does not list was not retrieved, and its rank is +inf.
"""

import pathlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.config import SETTINGS
from hybrid_ir.data.brief import brief
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.faults import Faults
from hybrid_ir.evaluation.run_entries import (
  Entries,
  pair_numbers,
  read_entries,
)
from hybrid_ir.retrieval.ranking import Depths, Ranking, to_keys

_POOLS = {
  "mono": "in its own language",
  "cross": "in another language",
  "multi": "of the benchmark",
}


def rank_runs(
  benchmark: Benchmark,
  folder: pathlib.Path,
  settings: Sequence[str],
  depths: Depths,
  allow_faults: bool = False,
) -> tuple[Ranking, tuple[str, ...]]:
  """Reads FOLDER/BENCHMARK.multi.trec, .mono.trec and .cross.trec.

  multi is the run of the pool of all languages. mono has each query's passages
  in its own language, cross those in the others; where one of these two is not
  there, it is multi's run, restricted to each language.

  Args:
    benchmark: what was searched.
    folder: of the files.
    settings: of mono, cross, multi; what is not asked for is not read.
    depths: of the lists.
    allow_faults: leave out what is wrong, in place of stopping.

  Returns:
    The ranking, and lines that say what was left out and what was not
    retrieved.

  Raises:
    UserError: a file that is needed and not there, or of no use to its
      setting; faults.
  """
  faults = Faults()
  paths = {
    setting: folder / f"{benchmark.name}.{setting}.trec" for setting in SETTINGS
  }
  given = {
    setting: read_entries(path, benchmark, faults)
    for setting, path in paths.items()
    if setting in settings and path.is_file()
  }
  lacking = [str(paths[s]) for s in settings if s not in given]
  if lacking and "multi" not in given:
    path = paths["multi"]
    if not path.is_file():
      raise UserError(
        f"{', '.join(lacking)}: no such file; expected a TREC run, or"
        f" {path.name} in its place"
      )
    given["multi"] = read_entries(path, benchmark, faults)
  by_language = []
  for setting in ("mono", "cross"):
    entries = given.get(setting, given.get("multi"))
    if entries is not None and setting in settings:
      fits = _fits(setting, entries, benchmark)
      if setting in given:
        _note_strays(entries.take(~fits), paths[setting], benchmark, faults)
      by_language.append(entries.take(fits))
  for setting, entries in given.items():
    _note_missing(setting, entries, paths[setting], benchmark, faults)
  whole = given.get("multi", _NOTHING)
  parts = _joined(by_language)
  ranking = _ranking(benchmark, whole, parts, depths)
  lines = faults.settle(benchmark.name, allow_faults)
  return ranking, (*lines, *_unretrieved(benchmark, ranking, settings))


_NOTHING = Entries(
  np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32)
)


def _joined(parts: Sequence[Entries]) -> Entries:
  every = [_NOTHING, *parts]
  return Entries(
    np.concatenate([entries.queries for entries in every]),
    np.concatenate([entries.passages for entries in every]),
    np.concatenate([entries.scores for entries in every]),
  )


def _is_own(entries: Entries, benchmark: Benchmark) -> NDArray[np.bool_]:
  """Whether a passage is in its query's language. [N]."""
  own: NDArray[np.bool_] = (
    benchmark.passage_languages[entries.passages]
    == benchmark.query_languages[entries.queries]
  )
  return own


def _fits(
  setting: str, entries: Entries, benchmark: Benchmark
) -> NDArray[np.bool_]:
  """Whether a passage is in the query's pool of the setting. [N]."""
  if setting == "multi":
    return np.ones(len(entries.queries), bool)
  return _is_own(entries, benchmark) == (setting == "mono")


def _note_strays(
  strays: Entries, path: pathlib.Path, benchmark: Benchmark, faults: Faults
) -> None:
  """Passages of a language that the setting of the file leaves out."""
  for query, passage in zip(strays.queries, strays.passages, strict=True):
    faults.add(
      f"lines in {path.name} of a passage that is not of its setting",
      f"{benchmark.query_ids[query]} {benchmark.passage_ids[passage]}",
    )


def _note_missing(
  setting: str,
  entries: Entries,
  path: pathlib.Path,
  benchmark: Benchmark,
  faults: Faults,
) -> None:
  """Queries that have gold in the setting's pools, and no line.

  Raises:
    UserError: none of them has one with a passage of its pool.
  """
  own = (
    benchmark.passage_languages[benchmark.gold_passages]
    == benchmark.query_languages[benchmark.gold_queries]
  )
  counted = {"mono": own, "cross": ~own, "multi": np.ones(len(own), bool)}
  asked = np.unique(benchmark.gold_queries[counted[setting]])
  fitting = entries.take(_fits(setting, entries, benchmark))
  if len(asked) and not np.isin(asked, fitting.queries).any():
    raise UserError(
      f"{path}: not one of the {len(asked):,} queries of {setting} has a line"
      f" with a passage {_POOLS[setting]}; expected lines of each, such as"
      f" {brief(benchmark.query_ids[asked[0]])}"
    )
  for query in np.setdiff1d(asked, entries.queries).tolist():
    faults.add(
      f"queries without a line in {path.name}", benchmark.query_ids[query]
    )


def _ranking(
  benchmark: Benchmark, whole: Entries, parts: Entries, depths: Depths
) -> Ranking:
  Q, L = len(benchmark.query_ids), len(benchmark.languages)
  none = np.zeros(0, np.int32)
  whole_ranks = _ranks(whole, whole.queries)
  language = benchmark.passage_languages[parts.passages]
  part_ranks = _ranks(parts, parts.queries.astype(np.int64) * L + language)
  own = _is_own(parts, benchmark)
  return Ranking(
    _gold_ranks(benchmark, whole, whole_ranks),
    _gold_ranks(benchmark, parts, part_ranks),
    *_lists(whole, whole_ranks, (Q, depths.whole), none),
    *_lists(parts, part_ranks, (Q, L, depths.language), language),
    *_lists(parts.take(own), part_ranks[own], (Q, depths.own), none),
  )


def _ranks(entries: Entries, groups: NDArray[np.integer]) -> NDArray[np.int64]:
  """Ranks from 1 within groups, by score, then by id, descending. [N]."""
  order = np.lexsort((-to_keys(entries.scores, entries.passages), groups))
  ordered = groups[order]
  ranks = np.empty(len(order), np.int64)
  ranks[order] = 1 + np.arange(len(order)) - np.searchsorted(ordered, ordered)
  return ranks


def _gold_ranks(
  benchmark: Benchmark, entries: Entries, ranks: NDArray[np.int64]
) -> NDArray[np.float64]:
  """[G]; +inf where a gold is in no entry."""
  pairs = pair_numbers(entries, benchmark)
  order = np.argsort(pairs)
  golds = benchmark.gold_queries * len(benchmark.passage_ids)
  golds = golds + benchmark.gold_passages
  place = np.searchsorted(pairs[order], golds)
  found = np.full(len(golds), np.inf)
  inside = place < len(pairs)
  entry = order[place[inside]]
  hit = pairs[entry] == golds[inside]
  found[np.flatnonzero(inside)[hit]] = ranks[entry[hit]]
  return found


def _lists(
  entries: Entries,
  ranks: NDArray[np.int64],
  shape: tuple[int, ...],
  languages: NDArray[np.integer],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
  """Entries in their places: [Q, K], or [Q, L, K] where languages are given."""
  top = np.full(shape, -1, np.int32)
  scores = np.full(shape, -np.inf, np.float32)
  here = ranks <= shape[-1]
  lists = (entries.queries, languages)[: len(shape) - 1]
  place = (*(of[here] for of in lists), ranks[here] - 1)
  top[place] = entries.passages[here]
  scores[place] = entries.scores[here]
  return top, scores


def _unretrieved(
  benchmark: Benchmark, ranking: Ranking, settings: Sequence[str]
) -> tuple[str, ...]:
  """How many golds a run lacks, a line a setting that lacks some."""
  own = (
    benchmark.passage_languages[benchmark.gold_passages]
    == benchmark.query_languages[benchmark.gold_queries]
  )
  ranks = {
    "mono": ranking.gold_language_ranks[own],
    "cross": ranking.gold_language_ranks[~own],
    "multi": ranking.gold_ranks,
  }
  lines = []
  for setting in settings:
    if missing := int(np.isinf(ranks[setting]).sum()):
      lines.append(
        f"{setting}: {missing:,} of {len(ranks[setting]):,} relevant passages"
        " are not in the run; they count as not retrieved"
      )
  return tuple(lines)
