"""What is wrong with a benchmark's data, counted. For its builders."""

from typing import TYPE_CHECKING

from hybrid_ir.data.brief import brief
from hybrid_ir.errors import UserError

if TYPE_CHECKING:
  from hybrid_ir.evaluation.benchmarks import Benchmark

_NAMED = 3  # of a kind; the rest are counted


class Faults:
  """Counts faults by kind and remembers where the first of each stand."""

  def __init__(self) -> None:
    self._counts: dict[str, int] = {}
    self._first: dict[str, list[str]] = {}
    self._kept: set[str] = set()

  def add(self, kind: str, where: str, *, kept: bool = False) -> None:
    """Notes a fault.

    Args:
      kind: what is wrong, in the plural: "queries without a text".
      where: file and line, and what stands there.
      kept: where faults are allowed, this kind is not left out.
    """
    if kept:
      self._kept.add(kind)
    self._counts[kind] = self._counts.get(kind, 0) + 1
    first = self._first.setdefault(kind, [])
    if len(first) < _NAMED:
      first.append(where)

  def settle(self, name: str, allow: bool) -> tuple[str, ...]:
    """Gives a line for each kind of fault.

    Args:
      name: of the benchmark.
      allow: what is at fault was left out, or kept; else nothing may be.

    Raises:
      UserError: there are faults, and not `allow`.
    """
    lines = tuple(
      f"{kind}: {count} ({', '.join(self._first[kind])}"
      f"{', …' if count > _NAMED else ''})"
      for kind, count in self._counts.items()
    )
    if lines and not allow:
      raise UserError(
        f"benchmark {name!r} has {'; '.join(lines)}; mend them, or"
        f" {self._choice()} by --config.evaluate.allow_faults=true"
      )
    return lines

  def _choice(self) -> str:
    """What becomes of the faults where they are allowed."""
    kept = [kind for kind in self._counts if kind in self._kept]
    if not kept:
      return "leave them out"
    if len(kept) == len(self._counts):
      return "keep them"
    return f"leave them out (but keep {' and '.join(kept)})"


def expected_ids(benchmark: "Benchmark") -> tuple[str, str]:
  """What ids of its queries and of its passages are, to tell who has others."""
  return (
    _expected_id(
      benchmark.query_ids[0],
      benchmark.languages[benchmark.query_languages[0]],
    ),
    _expected_id(
      benchmark.passage_ids[0],
      benchmark.languages[benchmark.passage_languages[0]],
    ),
  )


def _expected_id(id: str, language: str) -> str:
  # Passages of a single collection keep their own ids.
  form = "LANGUAGE:ID, " if id.startswith(f"{language}:") else ""
  return f"{form}such as {brief(id)}"
