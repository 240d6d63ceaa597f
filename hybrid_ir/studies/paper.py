"""Study `paper`: X-X, X-Y and hybrid batches, and the grid of alpha.

From its outcome, to `write`. Elmahdy, Lin and Ahmad, arXiv 2408.10536.
"""

from hybrid_ir.studies.beside_paper import beside_paper
from hybrid_ir.studies.founding import founding_question
from hybrid_ir.studies.mixture import over_alpha
from hybrid_ir.studies.moved import distances, moved
from hybrid_ir.studies.outcome import Outcome
from hybrid_ir.studies.page import Extra


def extra(outcome: Outcome) -> Extra:
  """Hybrid against both, also where the rest is changed; alpha; the paper."""
  table, findings = beside_paper(outcome)
  changed = [*moved(outcome)]
  return Extra(
    tables=(
      *(table for table in (table,) if table.rows),
      *(table for table, _ in changed),
    ),
    plots=(*distances(outcome), *over_alpha(outcome)),
    findings=(
      *founding_question(outcome),
      *(finding for _, found in changed for finding in found),
      *findings,
    ),
  )
