"""Keeps orbax's tasks from printing. From logging, to checkpoint."""

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
  """Without the pages that orbax's tasks leave behind when one of them fails.

  Its threads and tasks print for themselves; their first error is raised.
  """
  hooks = sys.excepthook, sys.unraisablehook
  logger = logging.getLogger("asyncio")
  disabled = logger.disabled
  with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "coroutine .* was never awaited")
    try:
      logger.disabled = True
      sys.excepthook = sys.unraisablehook = _say_nothing
      yield
    finally:
      logger.disabled = disabled
      sys.excepthook, sys.unraisablehook = hooks


def _say_nothing(*_: object) -> None:
  pass
