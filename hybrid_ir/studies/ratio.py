"""Study `ratio`: how much of a mixture is monolingual, batch or example.

From its outcome, to `write`.
"""

from hybrid_ir.studies.mixture import over_alpha
from hybrid_ir.studies.outcome import Outcome
from hybrid_ir.studies.page import Extra


def extra(outcome: Outcome) -> Extra:
  """Every measure over the ratio, by batch and by example."""
  return Extra(plots=tuple(over_alpha(outcome)))
