"""Embeddings that no order can be made of. To whatever searches."""

import numpy as np

from hybrid_ir.errors import UserError

_BLOCK = 2**16  # embeddings looked at together: they may lie in a file


def check_finite(embeddings: np.ndarray, name: str) -> None:
  """Refuses embeddings that are not finite.

  Args:
    embeddings: [N, E]; may be a memmap.
    name: of what was embedded, for the message.

  Raises:
    UserError: saying how many are not, and which is the first.
  """
  bad = [
    start + np.flatnonzero(~np.isfinite(part).all(axis=1))
    for start in range(0, len(embeddings), _BLOCK)
    for part in [embeddings[start : start + _BLOCK]]
  ]
  rows = np.concatenate(bad) if bad else np.zeros(0, np.int64)
  if len(rows):
    raise UserError(
      f"{len(rows)} of {len(embeddings)} {name} embeddings are not finite (the"
      f" first is row {rows[0]}); mend the model or its dtype"
    )
