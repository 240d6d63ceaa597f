"""Benchmarks' names in results, each of one benchmark. To task=study.

results.jsonl, runs/ and details/ know a benchmark by its name there; two of
one name would overwrite each other.
"""

from collections.abc import Iterator, Sequence

from hybrid_ir.errors import UserError
from hybrid_ir.studies import state
from hybrid_ir.studies.grid import Cell
from hybrid_ir.studies.leakage import OpenBenchmark


def check_names(cells: Sequence[Cell], open_benchmark: OpenBenchmark) -> None:
  """Refuses two of the study's benchmarks that results would call the same.

  Also one that a run was scored on before, for another study.

  Args:
    cells: of the study.
    open_benchmark: (a run's config, one of its benchmarks) -> the benchmark.
      What cannot be opened is left to the run that needs it.

  Raises:
    UserError: naming both.
  """
  names = dict(_names(cells, open_benchmark))  # of evaluate.benchmarks -> there
  first: dict[str, str] = {}
  for benchmark, name in names.items():
    if first.setdefault(name, benchmark) != benchmark:
      raise _refusal(first[name], benchmark, name, "")
  for cell in cells:
    for benchmark, done in state.read(cell.folder).evaluated.items():
      mine = first.get(done.benchmark, benchmark)
      if mine in cell.config.evaluate.benchmarks and mine != benchmark:
        raise _refusal(
          *(benchmark, mine, done.benchmark),
          f" (cells/{cell.key} was scored on the first)",
        )


def _names(
  cells: Sequence[Cell], open_benchmark: OpenBenchmark
) -> Iterator[tuple[str, str]]:
  for cell in cells:
    evaluated = state.read(cell.folder).evaluated
    lacking = state.lacking(cell)
    for benchmark in cell.config.evaluate.benchmarks:
      if benchmark not in lacking:
        yield benchmark, evaluated[benchmark].benchmark
        continue
      try:
        yield benchmark, open_benchmark(cell.config, benchmark).name
      except UserError:
        continue


def _refusal(one: str, other: str, name: str, where: str) -> UserError:
  return UserError(
    f"config key 'evaluate.benchmarks': {one!r} and {other!r} would both be"
    f" called {name!r} in results{where}; rename a file"
  )
