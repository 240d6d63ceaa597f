"""Whether systems were scored on the same. From systems, to the tests.

S systems, Q queries, L languages, P = L + 1 pools: each language's passages,
then all of them.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from hybrid_ir.config import SETTINGS
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.comparison.systems import Scored
from hybrid_ir.evaluation.query_values import QueryValues
from hybrid_ir.evaluation.results import searched

NOT_CHECKED = "not checked that its texts and judgements are the others'"


Column = tuple[str, str]  # setting, measure


@dataclasses.dataclass(frozen=True, eq=False)
class Matched:
  """Per-query values of several systems on the same queries."""

  systems: tuple[str, ...]  # S names
  languages: tuple[str, ...]  # L codes
  query_ids: tuple[str, ...]  # [Q] "LANGUAGE:ID"
  query_languages: np.ndarray  # [Q] int
  questions: np.ndarray  # [Q] int: one number for all translations of a query
  # Means over seeds, [S, Q, P]; what is not of the setting is not for use.
  values: Mapping[Column, np.ndarray]
  unlike: Mapping[Column, str]  # left out -> why


def check_pools(benchmark: str, runs: Sequence[Scored]) -> None:
  """Refuses runs that were scored on other candidates or queries.

  Raises:
    UserError: naming two runs that differ, and in what.
  """
  first = runs[0]
  for run in runs[1:]:
    for key in sorted(first.macro.keys() & run.macro.keys()):
      ours, theirs = first.macro[key], run.macro[key]
      for what, a, b in (
        ("kind of candidate", ours.unit, theirs.unit),
        ("candidates", ours.candidates, theirs.candidates),
        (
          "queries",
          ours.queries + ours.dropped,
          theirs.queries + theirs.dropped,
        ),
      ):
        if a != b:
          raise UserError(
            f"benchmark {benchmark!r}, setting {key[0]}, {key[1]}: {what}:"
            f" {a} in {first.run.path}, {b} in {run.run.path}; only systems"
            " scored on the same can be compared: evaluate one of them again"
          )


def check_data(
  benchmark: str, systems: Mapping[str, Sequence[Scored]]
) -> list[str]:
  """Refuses runs that were scored on other texts or judgements.

  Args:
    benchmark: its name.
    systems: name -> runs.

  Returns:
    A note on each system that keeps no fingerprint of what it was scored on.

  Raises:
    UserError: naming two runs that differ, and their fingerprints.
  """
  known: list[tuple[str, str, str]] = []  # system, path, fingerprint
  notes = []
  for name, runs in systems.items():
    unknown = []
    for run in runs:
      path, values = run.run.path, run.values
      if values and values.fingerprint:
        known.append((name, path, values.fingerprint))
      else:
        unknown.append(path)
    if unknown:
      notes.append(
        f"{name}: {NOT_CHECKED}, as {', '.join(unknown)} has no fingerprint of"
        f" them in details/{benchmark}.npz; run task=evaluate there"
      )
  for other in known[1:]:
    _check_fingerprints(benchmark, known[0], other)
  return notes


def _check_fingerprints(
  benchmark: str, first: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
  (system, path, ours), (another, where, theirs) = first, other
  if ours != theirs:
    file = f"details/{benchmark}.npz"
    raise UserError(
      f"benchmark {benchmark!r}: {system!r} and {another!r} were scored on"
      f" different texts or judgements: its fingerprint is {ours} in {path}"
      f" ({file}), {theirs} in {where} ({file}); only systems scored on the"
      " same can be compared: run task=evaluate in both again, on the same data"
    )


def match(benchmark: str, systems: Mapping[str, Sequence[Scored]]) -> Matched:
  """Brings the queries of all runs into one order; means over seeds.

  A setting is held apart from others: where a run was not scored in all of
  them, or is unlike the others in one, the rest can still be tested.

  Args:
    benchmark: its name.
    systems: name -> runs, each with values.

  Raises:
    UserError: queries or languages that some run lacks.
  """
  tables = {
    name: [(run.run.path, run.values) for run in runs if run.values]
    for name, runs in systems.items()
  }
  every = [table for group in tables.values() for table in group]
  where, first = every[0]
  query_ids = tuple(sorted(first.query_ids))
  for path, values in every[1:]:
    _check_same(benchmark, where, first, path, values)
  order = np.argsort(np.array(first.query_ids))
  ids = [query_id.partition(":")[2] for query_id in query_ids]
  languages = first.query_languages[order]
  cells = {
    setting: searched([setting], languages, len(first.languages))
    for setting in SETTINGS
  }
  matched: dict[Column, np.ndarray] = {}
  unlike: dict[Column, str] = {}
  measures = dict.fromkeys(m for _, values in every for m in values.values)
  for measure in measures:
    lacking = [path for path, values in every if measure not in values.values]
    if lacking:
      why = f"not measured in {', '.join(lacking)}"
      unlike |= {(setting, measure): why for setting in SETTINGS}
      continue
    by_system = [
      np.stack([_sorted(values, measure) for _, values in group])
      for group in tables.values()
    ]  # [seeds, Q, P] each
    means = np.stack([seeds.mean(axis=0) for seeds in by_system])
    for setting, of_setting in cells.items():
      why = _unlike([seeds[:, of_setting] for seeds in by_system])
      if why:
        unlike[setting, measure] = why
      else:
        matched[setting, measure] = means
  return Matched(
    systems=tuple(tables),
    languages=first.languages,
    query_ids=query_ids,
    query_languages=languages,
    questions=np.unique(ids, return_inverse=True)[1],
    values=matched,
    unlike=unlike,
  )


def _unlike(by_system: Sequence[np.ndarray]) -> str:
  """Why values [seeds, cells] of each system cannot be paired; "": they can."""
  there = ~np.isnan(by_system[0][0])
  if any((np.isnan(seeds) == there).any() for seeds in by_system):
    return "some runs have no value for queries that others have"
  if any(np.isinf(seeds).any() for seeds in by_system):
    return "infinite for some query"
  return ""


def _sorted(values: QueryValues, measure: str) -> np.ndarray:
  """By query id. [Q, P] float64."""
  order = np.argsort(np.array(values.query_ids))
  return values.values[measure][order].astype(np.float64)


def _check_same(
  benchmark: str, where: str, first: QueryValues, path: str, other: QueryValues
) -> None:
  if other.languages != first.languages:
    raise UserError(
      f"benchmark {benchmark!r}: languages {', '.join(first.languages)} in"
      f" {where}, {', '.join(other.languages)} in {path}; only systems scored"
      " on the same queries can be compared: evaluate one of them again"
    )
  differ = set(first.query_ids) ^ set(other.query_ids)
  if differ:
    example = min(differ)
    has, lacks = (
      (where, path) if example in set(first.query_ids) else (path, where)
    )
    raise UserError(
      f"benchmark {benchmark!r}: {len(differ)} queries are in one of {where}"
      f" and {path} alone, such as {example!r}, in {has} but not in {lacks};"
      " only systems scored on the same queries can be compared: evaluate one"
      " of them again"
    )
