"""Study `mtop`: retrieval of utterances. From its outcome, to `write`."""

from hybrid_ir.studies.founding import founding_question
from hybrid_ir.studies.mixture import over_alpha
from hybrid_ir.studies.outcome import Outcome
from hybrid_ir.studies.page import Extra


def extra(outcome: Outcome) -> Extra:
  """Every measure over alpha, whose ends and middle are the kinds of batch."""
  return Extra(
    plots=tuple(over_alpha(outcome)),
    findings=tuple(founding_question(outcome)),
  )
