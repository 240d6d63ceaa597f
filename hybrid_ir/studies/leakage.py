"""Does what runs train on hold what they are scored on? To a study's pages.

Counts are kept in WORKDIR/overlap, a file a training set and benchmark.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from hybrid_ir.config import Config
from hybrid_ir.data import word_grams
from hybrid_ir.data.overlap import index, overlap
from hybrid_ir.data.records import Record, Source
from hybrid_ir.data.sources import open_source, parse_weights
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.files import write_aside
from hybrid_ir.studies import origins
from hybrid_ir.studies.grid import Cell
from hybrid_ir.studies.page import Table

FOLDER = "overlap"
TABLE = "overlap"
_HEADS = (
  *("trained on", "scored on", "pairs", "same query", "same answer"),
  *("same 13 words", "any of these", "another candidate"),
)
_FIELDS = ("records", "same_query", "same_passage", "same_words", "any")
_RULE = "2"  # of counting: raise it whenever counts would be others
# Candidates' texts are held as 8 bytes a word: some 0.5 GB of passages.
_MOST_CANDIDATES = 500_000

OpenBenchmark = Callable[[Config, str], Benchmark]


@dataclasses.dataclass(frozen=True, slots=True)
class _Counts:
  """Training records, and how many of them share text with a benchmark."""

  records: int
  same_query: int
  same_passage: int
  same_words: int
  any: int
  other: int | None  # with candidates that answer nothing; None: not counted


def overlap_table(
  cells: Sequence[Cell], open_benchmark: OpenBenchmark, workdir: pathlib.Path
) -> Table:
  """Counts, for every training set of the study and benchmark of its runs.

  Args:
    cells: of the study.
    open_benchmark: (a run's config, one of its benchmarks) -> the benchmark.
    workdir: of the study, where counts are kept.
  """
  rows: list[tuple[str, ...]] = []
  for train, languages, benchmark, config in _pairs(cells):
    name = f"{train} ({' '.join(languages)})" if languages else train
    try:
      counts = _counted(config, train, benchmark, open_benchmark, workdir)
    except UserError as error:  # the run that needs it says so, too
      rows.append((name, benchmark, f"not checked: {error}", *[""] * 5))
      continue
    figures = (f"{getattr(counts, field):,}" for field in _FIELDS)
    other = "not counted" if counts.other is None else f"{counts.other:,}"
    rows.append((name, benchmark, *figures, other))
  for folder, benchmark in _trained_elsewhere(cells):
    said = "not checked: no run of this study trained it"
    rows.append((folder, benchmark, said, *[""] * 5))
  return Table(
    TABLE,
    "Training pairs whose query is one of the benchmark's, whose passage is"
    f" relevant to one of its queries, or that share {_units()} in a row with"
    " either; another candidate: pairs that share as much with one that is"
    " relevant to no query, or whose passage it is (not counted where there are"
    f" over {_MOST_CANDIDATES:,}). Case, white space and punctuation make no"
    " difference.",
    _HEADS,
    tuple(rows),
  )


def _units() -> str:
  """How much text is the same text, in words."""
  dense, others = word_grams.DENSE_CHARACTERS, word_grams.CHARACTERS
  return (
    f"{word_grams.WORDS.units} words ({dense.units} characters in Chinese and"
    f" Japanese, {others.units} in Thai, Lao, Khmer and Burmese; of shorter"
    f" texts all, from {word_grams.WORDS.least} words, {dense.least} or"
    f" {others.least} characters)"
  )


def _pairs(
  cells: Iterable[Cell],
) -> Iterator[tuple[str, tuple[str, ...], str, Config]]:
  """Each training set, in its languages, with each benchmark, once.

  What a run started from was trained on something, too.
  """
  seen = set()
  for cell in cells:
    for before in cell.line():
      if before.is_trained:
        for train in parse_weights(before.config.data.train)[0]:
          for benchmark in cell.config.evaluate.benchmarks:
            pair = (train, before.config.data.languages, benchmark)
            if pair not in seen:
              seen.add(pair)
              yield (*pair, before.config)


def _trained_elsewhere(cells: Iterable[Cell]) -> Iterator[tuple[str, str]]:
  """What runs start from that is no run of the study, by benchmark, once."""
  seen = set()
  for cell in cells:
    *_, first = cell.line()
    for benchmark in cell.config.evaluate.benchmarks:
      pair = first.config.train.warm_start, benchmark
      if pair[0] and pair not in seen:
        seen.add(pair)
        yield pair


def _counted(
  config: Config,
  train: str,
  benchmark: str,
  open_benchmark: OpenBenchmark,
  workdir: pathlib.Path,
) -> _Counts:
  """Counts, from disk where they were made before."""
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  source = open_source(train, "train", config.data, cache_dir)
  path = workdir / FOLDER / f"{_stamp(config, source, benchmark)}.json"
  if path.exists():
    try:
      return _Counts(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
      raise UserError(f"{path}: damaged ({error}); delete it") from None
  counts = _compare(source, open_benchmark(config, benchmark))
  with write_aside(path) as aside:
    text = json.dumps(dataclasses.asdict(counts))
    aside.write_text(text + "\n", encoding="utf-8")
  return counts


def _stamp(config: Config, source: Source, benchmark: str) -> str:
  """Changes when the training set, the benchmark or the rule does."""
  scored_on = origins.fingerprint(config, benchmark)
  parts = (_RULE, source.fingerprint, benchmark, scored_on)
  return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _compare(source: Source, benchmark: Benchmark) -> _Counts:
  queries = (
    Record(query_id, "", text, "", benchmark.name)
    for query_id, text in zip(
      benchmark.query_ids, benchmark.query_texts, strict=True
    )
  )
  answers = {benchmark.passage_texts[i] for i in benchmark.gold_passages}
  found = overlap(source.read(), index(queries, sorted(answers)))
  # Other candidates may well be passages trained on: they are no answers.
  others = set(benchmark.passage_texts) - answers
  other = None
  if len(others) <= _MOST_CANDIDATES:
    other = overlap(source.read(), index((), sorted(others))).any
  return _Counts(**dataclasses.asdict(found), other=other)
