"""All systems on one benchmark. From systems and the tests, to compare."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tqdm

from hybrid_ir.config import SETTINGS
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.comparison import significance
from hybrid_ir.evaluation.comparison.figures import (
  BenchmarkComparison,
  Bias,
  Estimate,
  SeedValue,
  query_counts,
)
from hybrid_ir.evaluation.comparison.matching import (
  Column,
  Matched,
  check_data,
  check_pools,
  match,
)
from hybrid_ir.evaluation.comparison.paired import (
  Tested,
  differences,
  pairwise,
)
from hybrid_ir.evaluation.comparison.systems import Scored

_Systems = Mapping[str, Sequence[Scored]]  # name -> runs, by seed


def compare_on(
  benchmark: str,
  systems: _Systems,
  *,
  measures: Sequence[str],
  resamples: int,
  level: float,
  seed: int,
) -> BenchmarkComparison:
  """Estimates of every measure; intervals and tests of those asked for.

  Args:
    benchmark: its name.
    systems: two or more, each with its runs; the baseline first.
    measures: to test.
    resamples: of the bootstrap, and of the randomisation test.
    level: of intervals and tests.
    seed: of the resampling.

  Raises:
    UserError: runs that were not scored on the same queries, candidates and
      judgements.
  """
  runs = [run for group in systems.values() for run in group]
  check_pools(benchmark, runs)
  columns, notes = _columns(systems)
  notes += [
    f"{measure}: left out, no system has it"
    for measure in measures
    if not any(measure == name for run in runs for _, name in run.macro)
  ]
  matched, why_not = _match(benchmark, systems)
  # After `_match`, which can name a query that one of them lacks.
  why_not += check_data(benchmark, systems)
  wanted = [column for column in columns if column[1] in measures]
  tested: list[Tested] = []
  if matched:
    tested, untested = _test(matched, wanted, benchmark, resamples, level, seed)
    why_not += untested
    _check_means(benchmark, systems, matched, tested)
  p = np.array([test.p for test in tested])  # [tests, K]
  p_holm = significance.holm(p.ravel()).reshape(p.shape)
  why_not += too_few_resamples(p.size, resamples, level)
  estimates = tuple(_estimates(systems, columns, matched, tested))
  return BenchmarkComparison(
    benchmark=benchmark,
    unit=next(iter(runs[0].macro.values())).unit,
    languages=matched.languages if matched else (),
    systems=tuple(systems),
    measures=tuple(dict.fromkeys(measure for _, measure in wanted)),
    tests=p.size,
    estimates=estimates,
    differences=tuple(
      difference
      for test, adjusted in zip(tested, p_holm, strict=True)
      if matched
      for difference in differences(matched, test, adjusted, level)
    ),
    bias=_bias(systems),
    notes=(*notes, *_apart(estimates), *_left_out(systems), *why_not),
  )


def too_few_resamples(tests: int, resamples: int, level: float) -> list[str]:
  """A note where even the smallest p is no significant one, else none.

  Args:
    tests: in Holm's family.
    resamples: of the randomisation test.
    level: a difference is significant at p (Holm) <= 1 - level.
  """
  least = tests / (1 + resamples)
  if least <= 1 - level:
    return []
  return [
    f"no difference can be significant: of {tests} tests with {resamples}"
    f" resamples the smallest p (Holm) is {least:.2g}; raise compare.resamples,"
    " or test fewer measures"
  ]


def _columns(systems: _Systems) -> tuple[list[Column], list[str]]:
  """What all runs have a macro mean of, and what only some have."""
  runs = [run for group in systems.values() for run in group]
  every = dict.fromkeys(
    column
    for setting in SETTINGS
    for run in runs
    for column in run.macro
    if column[0] == setting
  )
  columns, notes = [], []
  for column in every:
    lacking = [run.run.path for run in runs if column not in run.macro]
    if lacking:
      notes.append(f"{' '.join(column)}: left out, not in {', '.join(lacking)}")
    else:
      columns.append(column)
  return columns, notes


def _apart(estimates: Sequence[Estimate]) -> Iterator[str]:
  """Means that are over more queries in some runs than in others."""
  for column, counts in query_counts(estimates).items():
    said = (f"{x}: {', '.join(map(str, each))}" for x, each in counts.items())
    yield (
      f"{' '.join(column)}: none is the best, as the means are over different"
      f" numbers of queries ({'; '.join(said)})"
    )


def _left_out(systems: _Systems) -> list[str]:
  """What evaluations left out of the data, or of what a system gave them."""
  return [
    f"{name}, left out: {line}"
    for name, runs in systems.items()
    for line in dict.fromkeys(
      line for run in runs if run.details for line in run.details.left_out
    )
  ]


def _match(
  benchmark: str, systems: _Systems
) -> tuple[Matched | None, list[str]]:
  """The systems that have per-query values, and why others are not tested."""
  without = {
    name: [run.run.path for run in runs if run.values is None]
    for name, runs in systems.items()
  }
  notes = [
    f"{name}: no tests, as {', '.join(paths)} has no"
    f" details/{benchmark}.npz; run task=evaluate there"
    for name, paths in without.items()
    if paths
  ]
  whole = {name: runs for name, runs in systems.items() if not without[name]}
  return (match(benchmark, whole) if len(whole) > 1 else None), notes


def _test(
  matched: Matched,
  wanted: Sequence[Column],
  benchmark: str,
  resamples: int,
  level: float,
  seed: int,
) -> tuple[list[Tested], list[str]]:
  """The tests, and why others could not be made."""
  tested, notes = [], []
  for setting, measure in tqdm.tqdm(wanted, benchmark, unit="test"):
    if (setting, measure) in matched.values:
      test = pairwise(
        matched,
        setting,
        measure,
        resamples=resamples,
        level=level,
        seed=seed,
      )
      if test:
        tested.append(test)
        continue
    why = matched.unlike.get((setting, measure), "no per-query values")
    notes.append(f"{setting} {measure}: no test, {why}")
  return tested, notes


def _check_means(
  benchmark: str,
  systems: _Systems,
  matched: Matched,
  tested: Sequence[Tested],
) -> None:
  """Refuses per-query values that are not those behind results.jsonl."""
  for test in tested:
    for name, mean in zip(matched.systems, test.means, strict=True):
      runs = systems[name]
      value = statistics.fmean(
        run.macro[test.setting, test.measure].value for run in runs
      )
      if not math.isclose(mean, value, rel_tol=1e-5, abs_tol=1e-6):
        raise UserError(
          f"{', '.join(run.run.path for run in runs)}: {benchmark},"
          f" {test.setting} {test.measure} is {value:.6g} in results.jsonl, but"
          f" {mean:.6g} by details/{benchmark}.npz; run task=evaluate again"
        )


def _estimates(
  systems: _Systems,
  columns: Sequence[Column],
  matched: Matched | None,
  tested: Sequence[Tested],
) -> Iterator[Estimate]:
  ends = {
    (name, test.setting, test.measure): (float(low), float(high))
    for test in tested
    if matched
    for name, low, high in zip(
      matched.systems, test.low, test.high, strict=True
    )
  }
  for setting, measure in columns:
    for name, runs in systems.items():
      scores = [run.macro[setting, measure] for run in runs]
      values = [score.value for score in scores]
      low, high = ends.get((name, setting, measure), (None, None))
      yield Estimate(
        system=name,
        setting=setting,
        measure=measure,
        value=statistics.fmean(values),
        deviation=statistics.stdev(values) if len(values) > 1 else None,
        seeds=tuple(
          SeedValue(score.seed, score.value, score.queries) for score in scores
        ),
        low=low,
        high=high,
      )


def _bias(systems: _Systems) -> tuple[Bias, ...]:
  """The means over seeds, of the systems whose runs have details."""
  found = []
  for name, runs in systems.items():
    details = [run.details for run in runs if run.details]
    if details:
      shares = [item.top10_language_share for item in details]
      pools = [item.pool_language_share for item in details]
      mean = np.mean(np.array(shares, np.float64), axis=0)  # [L, L]
      found.append(
        Bias(
          system=name,
          languages=details[0].languages,
          top10_language_share=tuple(
            tuple(None if math.isnan(share) else share for share in row)
            for row in mean.tolist()
          ),
          pool_language_share=tuple(np.mean(pools, axis=0).tolist()),
        )
      )
  return tuple(found)
