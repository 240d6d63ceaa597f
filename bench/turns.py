"""What is measured takes turns. From timed functions, to figures in tables.

The machine may be busy now and then: a ratio is taken within a round, in which
every variant had its turn, and given as the median of the rounds with the
quartiles.
"""

from collections.abc import Callable, Mapping

import numpy as np
from tqdm import tqdm


def take_turns(
  variants: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 1
) -> dict[str, np.ndarray]:
  """Calls each variant once a round.

  Args:
    variants: name -> a function that measures once, in a unit of its own.
    rounds: that count.
    warm_up: rounds before them, whose figures are thrown away.

  Returns:
    By name, the figures of the rounds that count: [rounds].
  """
  found: dict[str, list[float]] = {name: [] for name in variants}
  with tqdm(
    total=(warm_up + rounds) * len(variants), leave=False, disable=None
  ) as bar:
    for _ in range(warm_up + rounds):
      for name, measure in variants.items():
        bar.set_description(name)
        found[name].append(measure())
        bar.update()
  return {name: np.array(x[warm_up:]) for name, x in found.items()}


def spread(values: np.ndarray, digits: int = 2) -> str:
  """The median, and the quartiles in brackets."""
  low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
  return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def table(head: list[str], rows: list[list[str]]) -> str:
  """A Markdown table, with an empty line behind it."""
  lines = [head, ["---"] * len(head), *rows]
  return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
