"""`study.measures`, checked. To task=study."""

import difflib
from collections.abc import Sequence

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.evaluate import CUTOFFS
from hybrid_ir.evaluation.per_query import measure_names


def check_measures(measures: Sequence[str]) -> None:
  """Refuses measures that no evaluation has.

  Raises:
    UserError: naming the nearest that there is.
  """
  known = measure_names(CUTOFFS)
  if not measures:
    raise UserError(
      f"config key 'study.measures' is empty; name one of {', '.join(known)}"
    )
  for name in measures:
    if name not in known:
      near = difflib.get_close_matches(name, known, n=1)
      hint = f" (did you mean {near[0]!r}?)" if near else ""
      raise UserError(
        f"config key 'study.measures' has {name!r}{hint}; expected of"
        f" {', '.join(known)}"
      )
