"""Per-query values to figures. From evaluate, to WORKDIR/results.jsonl.

A pool is what a query is searched in: one language's passages (its index) or
all of them (index L). A cell is the queries of one language in one pool.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hybrid_ir.evaluation.benchmarks import Benchmark

RESULTS = "results.jsonl"  # of a workdir
MICRO = "micro"  # in place of a query language


def mean_pool(setting: str) -> str:
  """The passage language of a setting's macro and micro mean."""
  return "all" if setting == "multi" else "*"


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
  """A figure: a cell's mean over queries, or a mean over several cells.

  Macro, each cell weighs the same; micro, each query.
  """

  benchmark: str
  unit: str
  setting: str  # mono, cross, multi
  query_language: str  # a code; `*`: macro mean; `micro`: mean over queries
  passage_language: str  # a code; `all`: the pooled passages; `*`: macro mean
  measure: str
  value: float
  queries: int  # scored; several cells: the sum over them
  dropped: int  # without a value; several cells: the sum over them
  candidates: int  # in the pool; several cells: the sum over distinct pools
  search: str  # exact, scann, run

  def line(self, system: str, seed: int, step: int) -> dict[str, object]:
    """As results.jsonl has it, keys in its order."""
    figure = dataclasses.asdict(self)
    search = figure.pop("search")
    return {
      "system": system,
      "seed": seed,
      **figure,
      "step": step,
      "search": search,
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Cell:
  """One measure of the queries of one language in one pool."""

  query: int  # language
  pool: int
  value: float
  queries: int
  dropped: int


def cells(setting: str, L: int) -> Iterator[tuple[int, int]]:
  """The (query language, pool) of a setting."""
  for x in range(L):
    match setting:
      case "mono":
        yield x, x
      case "cross":
        yield from ((x, y) for y in range(L) if y != x)
      case "multi":
        yield x, L


def needed(benchmark: Benchmark, settings: Sequence[str]) -> np.ndarray:
  """Which queries are searched in which pools. [Q, L + 1] bool."""
  L = len(benchmark.languages)
  return searched(settings, benchmark.query_languages, L)


def searched(
  settings: Sequence[str], query_languages: np.ndarray, L: int
) -> np.ndarray:
  """Which queries are searched in which pools, by their languages.

  Args:
    settings: of mono, cross, multi.
    query_languages: [Q] int, into L languages.
    L: how many languages there are.

  Returns:
    [Q, L + 1] bool.
  """
  by_language = np.zeros((L, L + 1), bool)
  for setting in settings:
    for x, pool in cells(setting, L):
      by_language[x, pool] = True
  return by_language[query_languages]


def results(
  benchmark: Benchmark,
  values: Mapping[str, np.ndarray],
  settings: Sequence[str],
  search: str,
) -> list[Result]:
  """Every cell's mean, then macro and micro means, a measure and setting.

  A cell in which no query has a value gives no figure; its queries count as
  dropped in the means over cells. A query has a value in each pool in which it
  has one: the micro mean of cross weighs it as often.

  Args:
    benchmark: what was searched.
    values: measure -> [Q, L + 1], a query in a pool; NaN where it has no value.
    settings: of mono, cross, multi.
    search: exact, scann or run.
  """
  codes = (*benchmark.languages, "all")
  L = len(benchmark.languages)
  sizes = np.bincount(benchmark.passage_languages, minlength=L)
  candidates = np.append(sizes, sizes.sum())
  figures = []
  for setting in settings:
    for measure, by_query in values.items():
      every = [
        _cell(by_query[benchmark.query_languages == x, pool], x, pool)
        for x, pool in cells(setting, L)
      ]
      for query, passage, group in _groups(setting, every, codes):
        scored = [cell for cell in group if cell.queries]
        if scored:
          pools = sorted({cell.pool for cell in scored})
          weights = [cell.queries if query == MICRO else 1 for cell in scored]
          figures.append(
            Result(
              benchmark=benchmark.name,
              unit=benchmark.unit,
              setting=setting,
              query_language=query,
              passage_language=passage,
              measure=measure,
              value=float(
                np.average([cell.value for cell in scored], weights=weights)
              ),
              queries=sum(cell.queries for cell in scored),
              dropped=sum(cell.dropped for cell in group),
              candidates=int(candidates[pools].sum()),
              search=search,
            )
          )
  return figures


def _cell(values: np.ndarray, query: int, pool: int) -> _Cell:
  scored = values[~np.isnan(values)]
  return _Cell(
    query=query,
    pool=pool,
    value=float(scored.mean()) if len(scored) else float("nan"),
    queries=len(scored),
    dropped=len(values) - len(scored),
  )


def _groups(
  setting: str, every: Sequence[_Cell], codes: Sequence[str]
) -> Iterator[tuple[str, str, Sequence[_Cell]]]:
  """The (query language, passage language, cells) of a setting's figures."""
  for cell in every:
    yield codes[cell.query], codes[cell.pool], [cell]
  if setting == "cross":
    for i, code in enumerate(codes[:-1]):
      yield code, "*", [cell for cell in every if cell.query == i]
      yield "*", code, [cell for cell in every if cell.pool == i]
  pools = mean_pool(setting)
  yield "*", pools, every
  yield MICRO, pools, every
