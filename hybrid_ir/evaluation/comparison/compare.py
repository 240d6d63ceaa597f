"""Systems beside each other. From what systems read, to tables and JSON."""

import difflib
from collections.abc import Mapping, Sequence

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.comparison.figures import Comparison, Run, System
from hybrid_ir.evaluation.comparison.per_benchmark import compare_on
from hybrid_ir.evaluation.comparison.systems import Scored


def compare(
  found: Mapping[str, Sequence[Scored]],
  *,
  baseline: str,
  measures: Sequence[str],
  resamples: int,
  level: float,
  seed: int,
) -> Comparison:
  """Compares all systems on every benchmark that two of them were scored on.

  Args:
    found: benchmark -> runs, from `systems.load`.
    baseline: a system's name; "": the first.
    measures: that are tested; the others' means stand beside them.
    resamples: of the bootstrap, and of the randomisation test.
    level: of intervals and tests, such as 0.95.
    seed: of the resampling.

  Raises:
    UserError: fewer than two systems, an unknown baseline, no benchmark or
      measure in common, or runs that were scored on other queries.
  """
  names = _names(found, baseline)
  compared, notes = [], []
  for benchmark, runs in found.items():
    systems = {
      name: sorted(
        (run for run in runs if run.system == name),
        key=lambda scored: scored.run.seed,
      )
      for name in names
    }
    there = {name: group for name, group in systems.items() if group}
    lacking = [name for name in names if name not in there]
    if len(there) < 2:
      notes.append(f"{benchmark} is left out: only {next(iter(there))} has it")
      continue
    one = compare_on(
      benchmark,
      there,
      measures=measures,
      resamples=resamples,
      level=level,
      seed=seed,
    )
    compared.append(one)
    if lacking:
      notes.append(f"{benchmark}: not scored by {', '.join(lacking)}")
  if not compared:
    raise UserError(
      "config key 'compare.systems': no benchmark was scored in two systems"
      f" (there are {', '.join(found)}); evaluate them on the same"
    )
  if not any(one.measures for one in compared):
    there_are = sorted({e.measure for one in compared for e in one.estimates})
    raise UserError(
      f"config key 'compare.measures' is {tuple(measures)}; the systems have"
      f" none of these in common, but {', '.join(there_are)}"
    )
  return Comparison(
    baseline=names[0],
    level=level,
    resamples=resamples,
    seed=seed,
    systems=tuple(System(name, _runs_of(found, name)) for name in names),
    benchmarks=tuple(compared),
    notes=tuple(notes),
  )


def _names(found: Mapping[str, Sequence[Scored]], baseline: str) -> list[str]:
  """The systems' names, the baseline's first."""
  order = {run.run.path: run.system for runs in found.values() for run in runs}
  names = list(dict.fromkeys(order.values()))
  if len(names) < 2:
    raise UserError(
      f"config key 'compare.systems' names {len(names)} systems"
      f" ({', '.join(names)}); expected two or more: runs of one name are seeds"
      " of one system, and --config.system gives a run another"
    )
  if baseline and baseline not in names:
    near = difflib.get_close_matches(baseline, names, n=1)
    hint = (
      f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
    )
    raise UserError(
      f"config key 'compare.baseline' is {baseline!r}, which is none of the"
      f" systems; {hint}"
    )
  first = baseline or names[0]
  return [first, *(name for name in names if name != first)]


def _runs_of(
  found: Mapping[str, Sequence[Scored]], name: str
) -> tuple[Run, ...]:
  runs = {
    scored.run
    for group in found.values()
    for scored in group
    if scored.system == name
  }
  return tuple(sorted(runs, key=lambda run: (run.seed, run.path)))
