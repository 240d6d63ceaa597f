"""What a difference amounts to, in words. From the outcome, to the pages."""

import math
from collections.abc import Sequence

from scipy import special

from hybrid_ir.evaluation.comparison.figures import (
  Difference,
  Estimate,
  direction,
)
from hybrid_ir.studies.outcome import Moved, OnBenchmark
from hybrid_ir.studies.shared_seeds import sides

BETTER, WORSE, DIFFERENT = "better", "worse", "different"
NOISE = "within noise"
UNSURE = "over questions, but not beyond the seeds"
ONE_SEED = "over questions; by one seed, so others are not known"
_LEVEL = 0.975  # of Student's t: 95 % between its two tails


def verdict(one: OnBenchmark, difference: Difference) -> str:
  """One of the words above, alone or with what speaks against it.

  Within noise: not significant over questions. That test knows other
  questions, not other seeds: a significant difference has to exceed
  `seed_bound`, too, or is told not to, and so is one seed. An arm that is not
  trained has no seed.
  """
  way = direction(difference.measure) * difference.value
  word = BETTER if way > 0 else WORSE if way < 0 else DIFFERENT
  return in_words(
    one, (difference.system, difference.against), difference, word
  )


def in_words(
  one: OnBenchmark, arms: Sequence[str], found: Difference | Moved, word: str
) -> str:
  """As `verdict`, of what `word` says where nothing speaks against it.

  Args:
    one: the benchmark.
    arms: names of the sides of the test.
    found: what it said.
    word: for the direction in which they differ.
  """
  if not found.significant:
    return NOISE
  bound = seed_bound(
    [
      estimate
      for estimate in sides(one, arms, found.setting, found.measure)
      if estimate.system not in one.seedless
    ]
  )
  if bound is None:
    return f"{word} {ONE_SEED}"
  return word if abs(found.value) > bound else f"{word} {UNSURE}"


def seed_bound(estimates: Sequence[Estimate]) -> float | None:
  """Half of Welch's 95 % interval of a difference of means over seeds.

  t sqrt(sum s_i^2 / n_i), t of (sum v_i)^2 / sum(v_i^2 / (n_i - 1)) degrees of
  freedom with v_i = s_i^2 / n_i (Welch, Biometrika 34, 1947).

  Args:
    estimates: of the sides that have seeds; of a side that has none the
      variance is 0.

  Returns:
    In the measure's unit; None: a side has one seed.
  """
  parts, freedom = [], 0.0
  for estimate in estimates:
    if estimate.deviation is None:
      return None
    n = len(estimate.seeds)
    parts.append(estimate.deviation**2 / n)
    freedom += parts[-1] ** 2 / (n - 1)
  if not freedom:  # all seeds alike
    return 0.0
  t = float(special.stdtrit(sum(parts) ** 2 / freedom, _LEVEL))
  return t * math.sqrt(sum(parts))
