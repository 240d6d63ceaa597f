"""A variant in a process of its own, as its users run it. To the scripts here.

A library in the same process would get our settings (the memory that is kept
between steps), and we its threads.
"""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any


class Apart:
  """Made and run elsewhere; its attributes are those after the last run."""

  def __init__(self, make: Callable[..., Any], *args: Any, **options: Any):
    """Starts the process, which ends with this one.

    Args:
      make: gives an object with `run() -> float`; importable.
      args: of `make`.
      options: of `make`.
    """
    context = multiprocessing.get_context("spawn")
    self._here, there = context.Pipe()
    context.Process(
      target=_serve, args=(there, make, args, options), daemon=True
    ).start()
    there.close()
    self.__dict__.update(self._here.recv())

  def run(self) -> float:
    """What it measures."""
    self._here.send("run")
    seconds, attributes = self._here.recv()
    self.__dict__.update(attributes)
    return float(seconds)


def _serve(
  there: Connection,
  make: Callable[..., Any],
  args: tuple[Any, ...],
  options: dict[str, Any],
) -> None:
  made = make(*args, **options)
  there.send(_public(made))
  while True:
    try:
      there.recv()
    except EOFError:
      return
    seconds = made.run()
    there.send((seconds, _public(made)))


def _public(made: object) -> dict[str, Any]:
  return {k: v for k, v in vars(made).items() if not k.startswith("_")}
