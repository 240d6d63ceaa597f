"""Study `scaling`: data, batch, languages, model. From outcome, to `write`."""

from hybrid_ir.studies.fits import fits, fits_table, sentences
from hybrid_ir.studies.outcome import Outcome
from hybrid_ir.studies.page import Extra, Finding, Plot, Table
from hybrid_ir.studies.seen import Grouping, script, tie
from hybrid_ir.studies.size_groups import over_size
from hybrid_ir.studies.size_plots import overall
from hybrid_ir.studies.sizes import size_axes, without_size
from hybrid_ir.studies.transfer import by_script, by_tie

_GROUPINGS: tuple[tuple[str, Grouping], ...] = (
  ("script, zero-shot", script),
  ("kinship", tie),
)


def extra(outcome: Outcome) -> Extra:
  """Fits and plots an axis, of languages not trained on first; transfer.

  A measure stands over a size where all other axes are at their first variant.
  """
  plots: list[Plot] = []
  tables: list[Table] = []
  of_fits: list[Finding] = []
  of_groups: list[Finding] = []
  for size in size_axes(outcome.config):
    lacking = without_size(outcome, size)
    tables += [lacking] if lacking.rows else []
    for one in outcome.benchmarks:
      found = fits(outcome, one, size)
      tables += [fits_table(one, size, found)] if found else []
      of_fits += sentences(outcome, one, size, found)
      plots += overall(outcome, one, size, found)
      for what, grouping in _GROUPINGS:
        parts = over_size(outcome, one, size, grouping, what)
        tables += parts.tables
        plots += parts.plots
        of_groups += parts.findings
  for one in outcome.benchmarks:
    tables += [*by_tie(outcome, one), *by_script(outcome, one)]
  return Extra(tuple(tables), tuple(plots), (*of_fits, *of_groups))
