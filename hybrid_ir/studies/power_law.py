"""Does a score follow a power law of a size? From curves, to studies' pages.

  power_law(x, y, form=…, over=…) -> PowerLaw   the curve, its intervals, and
                                                where it fails

Laws of this form: Kaplan et al. 2020, arXiv 2001.08361; for dense retrieval
Fang et al. 2024, arXiv 2403.18684.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator

import numpy as np

from hybrid_ir.evaluation.comparison import significance
from hybrid_ir.studies.curves import (
  FORMS,
  LEAST,
  ROUNDING,
  Curve,
  curve_at,
  fit,
  is_end,
)

_NAMES = {
  "constant": "a constant",
  "log": "a logarithm",
  "power": "a power law without a floor",
  "power_floor": "a power law with a floor",
}
_LEVEL = 0.95  # of intervals, as the captions say
# Curves whose AICc differs by less both have much support (Burnham and
# Anderson 2002, section 2.6).
_TELLS = 2.0
_TIMES = 2  # as many sizes as parameters, where arms are resampled
# Standard errors beyond which a mean is not where it was expected.
_FAR = 3.0


@dataclasses.dataclass(frozen=True, eq=False)
class PowerLaw:
  """A power law fitted, and what is known against it."""

  curve: Curve
  sizes: int  # different ones
  over: str  # what was resampled: seeds, arms
  draws: np.ndarray  # [D, 3] float64: a, b, c
  problems: tuple[str, ...]  # a clause each; empty: nothing speaks against it

  def interval(self, parameter: str) -> tuple[float, float]:
    """The 95 % percentile interval of "a", "b" or "c"."""
    draws = self.draws[:, "abc".index(parameter)]
    low, high = significance.interval(draws, _LEVEL)
    return float(low), float(high)

  @property
  def has_intervals(self) -> bool:
    """Whether the draws tell how sure the parameters are.

    Resampled arms of few sizes go through nearly as many points as the curve
    has parameters: then they are the slopes between pairs of arms, and hold
    the true exponent too seldom.
    """
    least = _TIMES * FORMS[self.curve.form]
    return self.over == "seeds" or self.sizes >= least

  def determines_exponent(self) -> bool:
    """Whether its interval is one, and ends within what was searched."""
    return self.has_intervals and not any(
      is_end(self.curve.form, end) for end in self.interval("b")
    )

  def determines_floor(self) -> bool:
    """Whether there is a floor, and its interval is not that of the search.

    With the least exponent searched the curve is a logarithm, which ends
    nowhere: its c is then made of that exponent. With the most it is a step,
    whose end the runs tell.
    """
    least, _ = self.interval("b")
    return (
      self.curve.form == "power_floor"
      and self.has_intervals
      and not math.isclose(least, LEAST)
    )

  def band(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % intervals of the curve itself. [N] -> low [N], high [N]."""
    a, b, c = self.draws.T[:, :, None]
    curves = curve_at(self.curve.form, x, a, b, c)  # [D, N]
    return significance.interval(curves.T, _LEVEL)


def power_law(
  x: np.ndarray,
  y: np.ndarray,
  *,
  form: str,
  over: str,
  draws: int = 1000,
  seed: int = 0,
) -> PowerLaw:
  """Fits a power law and looks for what speaks against it.

  Args:
    x: [N] sizes, above 0; equal ones are seeds of one size.
    y: [N] errors, such as 1 - nDCG: none is below 0.
    form: "power" or "power_floor", see `curves.Curve`.
    over: what the bootstrap resamples. "seeds": the values of each size, with
      two or more; the sizes are given. "arms": all N, the sizes too.
    draws: bootstrap samples.
    seed: of the draws.

  Raises:
    ValueError: as `curves.fit`; another form or `over`; a size with a single
      value where seeds are resampled.
  """
  if form not in ("power", "power_floor"):
    raise ValueError(f"expected power or power_floor, got {form!r}")
  curve = fit(x, y, form)
  sizes = len(np.unique(x))
  others = [
    fit(x, y, other)
    for other, parameters in FORMS.items()
    if other != form and parameters <= sizes
  ]
  others.sort(key=lambda other: other.aicc)
  generator = np.random.default_rng(seed)
  samples = _samples(x, over, FORMS[form], generator)
  spread = _widened(x, y) if over == "seeds" else y
  found = [fit(x[i], spread[i], form) for i in itertools.islice(samples, draws)]
  return PowerLaw(
    curve=curve,
    sizes=sizes,
    over=over,
    draws=np.array([[c.a, c.b, c.c] for c in found]),
    problems=(
      *_against_form(curve, others, sizes),
      *_against_points(x, y, curve),
    ),
  )


def _samples(
  x: np.ndarray, over: str, parameters: int, generator: np.random.Generator
) -> Iterator[np.ndarray]:
  """Bootstrap samples without end, as indices of points. [N] each."""
  match over:
    case "seeds":
      groups = [np.flatnonzero(x == size) for size in np.unique(x)]
      while True:
        yield np.concatenate([generator.choice(g, len(g)) for g in groups])
    case "arms":
      while True:
        sample = generator.integers(len(x), size=len(x))
        if len(np.unique(x[sample])) >= parameters:  # others fit many curves
          yield sample
    case _:
      raise ValueError(f"expected seeds or arms, got {over!r}")


def _widened(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Values of a size, as far apart as the population they are drawn from.

  A resample of n values has (n - 1) / n of their variance, and n is a few
  (Davison and Hinkley 1997, section 6.2, on residuals). [N] -> [N].
  """
  sizes, size, counts = np.unique(x, return_inverse=True, return_counts=True)
  if (counts == 1).any():
    single = ", ".join(f"{alone:g}" for alone in sizes[counts == 1])
    raise ValueError(f"one value at {single}; expected seeds to resample")
  means = (np.bincount(size, y) / counts)[size]
  n = counts[size]
  return means + np.sqrt(n / (n - 1)) * (y - means)


def _against_form(
  curve: Curve, others: list[Curve], sizes: int
) -> Iterator[str]:
  if sizes == FORMS[curve.form]:
    yield f"{sizes} sizes fit any curve of as many parameters"
  elif not np.isfinite(curve.aicc):
    yield "too few runs to compare it with other curves"
  for other in others:
    if not (np.isfinite(other.aicc) and np.isfinite(curve.aicc)):
      continue
    better = curve.aicc - other.aicc
    said = _NAMES[other.form]
    if better > _TELLS:
      yield f"{said} fits better (AICc lower by {better:.1f})"
    elif better > -_TELLS:
      yield f"{said} cannot be told from it (AICc {-better:+.1f})"
  if curve.is_at_an_edge:
    yield f"its exponent is at the edge of what was searched ({curve.b:g})"
  if curve.c < 0:
    yield "its floor is below 0, where no error can be"


def _against_points(
  x: np.ndarray, y: np.ndarray, curve: Curve
) -> Iterator[str]:
  """Where means turn back, and where the curve misses them."""
  sizes, size = np.unique(x, return_inverse=True)
  counts = np.bincount(size)
  means = np.bincount(size, y) / counts
  # The spread of seeds, taken to be the same at all sizes.
  freedom = len(y) - len(sizes)
  variance = ((y - means[size]) ** 2).sum() / freedom if freedom else 0.0
  errors = np.sqrt(variance / counts)
  steps = np.diff(means) * np.sign(-curve.a * curve.b)
  far = _FAR * np.hypot(errors[1:], errors[:-1])
  for i in np.flatnonzero(steps < -far):
    yield f"it turns back from {sizes[i]:g} to {sizes[i + 1]:g}"
  if freedom:
    misses = means - curve.at(sizes)
    least = ROUNDING * np.abs(y).max()
    for i in np.flatnonzero(np.abs(misses) > np.maximum(_FAR * errors, least)):
      yield f"it misses {sizes[i]:g} by {misses[i]:+.3g}"
