"""Curves of a score over a size, by least squares. From power_law, back to it.

  fit(x, y, form) -> Curve   one of FORMS

A power's exponent is searched for on a grid that closes in on the best; to an
exponent the best a and c are known in closed form (variable projection, Golub
and Pereyra 1973). Curves are compared by AICc, for n observations with normal
errors (Burnham and Anderson 2002, section 2.4).
"""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

# Form -> its parameters.
FORMS: Mapping[str, int] = MappingProxyType(
  {"constant": 1, "log": 2, "power": 2, "power_floor": 3}
)
# An exponent of power_floor: below, the curve is a logarithm's, above, a step.
LEAST, MOST = 0.01, 5.0
_GRID = 65
_ROUNDS = 6  # each makes the grid 32 times finer
# Residuals below this part of the largest |y| are rounding.
ROUNDING = 1e-8


@dataclasses.dataclass(frozen=True, slots=True)
class Curve:
  """A curve that was fitted, of the form's parameters; the others are 0.

  constant: y = c; log: y = c + a ln x; power: y = a x^-b;
  power_floor: y = c + a x^-b with b > 0, so c is where it ends.
  """

  form: str
  a: float
  b: float
  c: float
  rss: float  # residual sum of squares, in y's unit squared
  aicc: float  # inf: too few observations

  def at(self, x: np.ndarray) -> np.ndarray:
    """The curve's y. [N] -> [N]."""
    return curve_at(self.form, x, self.a, self.b, self.c)

  @property
  def is_at_an_edge(self) -> bool:
    """Whether the exponent is an end of the range searched."""
    return self.form.startswith("power") and is_end(self.form, self.b)


def is_end(form: str, exponent: float) -> bool:
  """Whether an exponent is an end of the range that was searched for a form.

  Args:
    form: "power" or "power_floor".
    exponent: a curve's b, or an end of its interval.
  """
  least = LEAST if form == "power_floor" else -MOST
  return math.isclose(exponent, least) or math.isclose(exponent, MOST)


def curve_at(
  form: str,
  x: np.ndarray,
  a: float | np.ndarray,
  b: float | np.ndarray,
  c: float | np.ndarray,
) -> np.ndarray:
  """The y of curves of one form; parameters broadcast against x."""
  if form == "log":
    return np.asarray(c + a * np.log(x))
  return np.asarray(c + a * x ** np.negative(b))


def fit(x: np.ndarray, y: np.ndarray, form: str) -> Curve:
  """The curve of a form with the least sum of squares.

  Args:
    x: [N] sizes, above 0; equal ones are seeds of one size.
    y: [N] scores or losses.
    form: of FORMS.

  Raises:
    ValueError: not above 0, not finite, or fewer distinct sizes than the form
      has parameters.
  """
  _check(x, y, form)
  logs = np.log(x)
  middle = float(logs.mean())
  a = b = c = 0.0
  match form:
    case "constant":
      c = float(y.mean())
    case "log":
      slopes, ends = _solve((logs - middle)[None], y, floor=True)
      a = float(slopes[0])
      c = float(ends[0]) - a * middle
    case _:
      a, b, c = _power(logs - middle, y, floor=form == "power_floor")
      a *= math.exp(b * middle)
  residuals = y - curve_at(form, x, a, b, c)
  rss = float(residuals @ residuals)
  return Curve(form, a, b, c, rss, _aicc(rss, y, FORMS[form]))


def _check(x: np.ndarray, y: np.ndarray, form: str) -> None:
  if x.shape != y.shape or x.ndim != 1:
    raise ValueError(f"expected sizes and scores [N], got {x.shape}, {y.shape}")
  if not (np.isfinite(x).all() and np.isfinite(y).all() and (x > 0).all()):
    raise ValueError("expected finite scores and finite sizes above 0")
  if len(np.unique(x)) < FORMS[form]:
    raise ValueError(
      f"{len(np.unique(x))} sizes; {form} has {FORMS[form]} parameters"
    )


def _power(
  logs: np.ndarray, y: np.ndarray, floor: bool
) -> tuple[float, float, float]:
  """The best a, b, c. [N] logarithms of sizes, [N]."""
  # With a floor exponents are positive, and tell by their ratios.
  low, high = (math.log(LEAST), math.log(MOST)) if floor else (-MOST, MOST)
  begin, end = low, high
  for _ in range(_ROUNDS):
    places = np.linspace(begin, end, _GRID)
    b = np.exp(places) if floor else places
    powers = np.exp(-b[:, None] * logs)  # [G, N]
    a, c = _solve(powers, y, floor)
    rss = ((c[:, None] + a[:, None] * powers - y) ** 2).sum(axis=1)
    best = int(rss.argmin())
    begin = max(low, places[max(best - 1, 0)])
    end = min(high, places[min(best + 1, _GRID - 1)])
  return float(a[best]), float(b[best]), float(c[best])


def _solve(
  powers: np.ndarray, y: np.ndarray, floor: bool
) -> tuple[np.ndarray, np.ndarray]:
  """The best a and c of y = c + a p, c = 0 without a floor. [G, N] -> 2 [G]."""
  if not floor:
    a = powers @ y / (powers**2).sum(axis=1)
    return a, np.zeros_like(a)
  means = powers.mean(axis=1)
  centred = powers - means[:, None]
  a = centred @ (y - y.mean()) / (centred**2).sum(axis=1)
  return a, y.mean() - a * means


def _aicc(rss: float, y: np.ndarray, parameters: int) -> float:
  n, k = len(y), parameters + 1  # the errors' variance is one, too
  if n - k - 1 <= 0:
    return math.inf
  least = n * max((ROUNDING * float(np.abs(y).max())) ** 2, math.ulp(0.0))
  correction = 2 * k * (k + 1) / (n - k - 1)
  return n * math.log(max(rss, least) / n) + 2 * k + correction
