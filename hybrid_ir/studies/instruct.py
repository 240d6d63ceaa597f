"""Study `instruct`: hybrid training and instructions, in either order.

From its outcome, to `write`.
"""

from hybrid_ir.studies.one_language import MLIR
from hybrid_ir.studies.outcome import OnBenchmark, Outcome
from hybrid_ir.studies.page import Extra, Finding
from hybrid_ir.studies.rows import in_rows
from hybrid_ir.studies.tables import tests_name


def extra(outcome: Outcome) -> Extra:
  """Arms in rows, as none stands at a number; and which tests are of MLIR."""
  return Extra(
    plots=tuple(in_rows(outcome)),
    findings=tuple(
      Finding(
        f"{one.benchmark}: all queries are English, so that multi is retrieval"
        " in many languages with one query language (MLIR), which is tested.",
        f"{tests_name(one)}, multi",
      )
      for one in outcome.benchmarks
      if _asking(one) == {MLIR}
    ),
  )


def _asking(one: OnBenchmark) -> set[str]:
  """The languages that ask in the pool of all."""
  if one.asked_in:
    return {one.asked_in}
  return {mean.language for mean in one.by_language if mean.setting == "multi"}
