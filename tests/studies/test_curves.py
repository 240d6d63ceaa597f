import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hybrid_ir.studies import curves
from hybrid_ir.studies.curves import FORMS, fit

SIZES = np.array([100.0, 300.0, 1000.0, 3000.0, 10_000.0, 30_000.0, 100_000.0])


@pytest.mark.parametrize("a", [3.0, -0.5])
@pytest.mark.parametrize("b", [0.05, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("c", [0.0, 0.8])
def test_an_exact_power_law_with_a_floor_is_found(a, b, c):
  curve = fit(SIZES, c + a * SIZES**-b, "power_floor")
  assert curve.b == pytest.approx(b, rel=1e-5)
  assert curve.a == pytest.approx(a, rel=1e-4)
  assert curve.c == pytest.approx(c, abs=1e-6)
  assert not curve.is_at_an_edge


@pytest.mark.parametrize("b", [-1.2, -0.07, 0.07, 1.0])
def test_an_exact_pure_power_law_is_found(b):
  curve = fit(SIZES, 0.4 * SIZES**-b, "power")
  assert (curve.a, curve.b) == pytest.approx((0.4, b), rel=1e-6)
  assert curve.c == 0


def test_an_exact_logarithm_is_found():
  curve = fit(SIZES, 0.2 + 0.05 * np.log(SIZES), "log")
  assert (curve.a, curve.b, curve.c) == pytest.approx((0.05, 0, 0.2))
  assert curve.rss < 1e-20


def test_by_hand():
  x, y = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0])
  constant = fit(x, y, "constant")
  assert (constant.c, constant.rss) == (2, 2)
  # n ln(rss / n) + 2 k + 2 k (k + 1) / (n - k - 1) has no value for n = 3.
  assert constant.aicc == math.inf
  line = fit(x, y, "log")  # places -1, 0, 1 in doublings; the slope is 1/2
  assert line.a == pytest.approx(0.5 / math.log(2))
  assert line.rss == pytest.approx(1.5)


def test_aicc_by_hand():
  curve = fit(SIZES, np.array([1.0, 2, 3, 4, 5, 6, 7]), "constant")
  assert curve.aicc == pytest.approx(7 * math.log(28 / 7) + 4 + 12 / 4)


@given(
  st.lists(st.floats(-1, 1), min_size=7, max_size=7),
  st.sampled_from(sorted(FORMS)),
)
def test_as_good_as_a_fine_grid(noise, form):
  """No curve of an obvious search is better than the one found."""
  y = 2 + np.array(noise)
  curve = fit(SIZES, y, form)
  assert curve.rss == pytest.approx(
    float(((y - curve.at(SIZES)) ** 2).sum()), abs=1e-9
  )
  columns = {
    "constant": [[]],
    "log": [[np.log(SIZES)]],
    "power": [[SIZES**-b] for b in np.linspace(-5, 5, 401)],
    "power_floor": [[SIZES**-b] for b in np.geomspace(0.01, 5, 401)],
  }[form]
  for column in columns:
    ones = [] if form == "power" else [np.ones(7)]
    design = np.stack([*ones, *(c / np.abs(c).max() for c in column)], axis=1)
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    rss = ((y - design @ solution) ** 2).sum()
    assert curve.rss <= rss + 1e-7 + 1e-3 * rss


@given(
  st.lists(st.floats(0.1, 1), min_size=7, max_size=7),
  st.sampled_from(sorted(FORMS)),
  st.floats(0.01, 100),
  st.floats(0.01, 100),
)
def test_units_make_no_difference(values, form, x_unit, y_unit):
  y = np.array(values)
  assume(np.ptp(y) > 1e-3)
  curve = fit(SIZES, y, form)
  scaled = fit(SIZES * x_unit, y * y_unit, form)
  assert scaled.rss == pytest.approx(curve.rss * y_unit**2, rel=1e-5)
  assert scaled.at(SIZES * x_unit) == pytest.approx(
    curve.at(SIZES) * y_unit, rel=1e-3
  )
  lost = 7 * math.log(y_unit**2)
  assert scaled.aicc - lost == pytest.approx(curve.aicc, abs=1e-3)


@given(st.permutations(range(7)))
def test_order_makes_no_difference(order):
  y = 1 - SIZES**-0.3 + 0.01 * np.cos(np.arange(7))
  curve, other = (
    fit(SIZES[i], y[i], "power_floor") for i in (np.arange(7), np.array(order))
  )
  assert other.at(SIZES) == pytest.approx(curve.at(SIZES))


def test_exponents_at_the_edge_are_told():
  assert fit(SIZES, np.log(SIZES), "power_floor").is_at_an_edge
  step = np.array([0.0, 1, 1, 1, 1, 1, 1])
  assert fit(SIZES, step, "power_floor").is_at_an_edge
  assert not fit(SIZES, np.log(SIZES), "log").is_at_an_edge


@pytest.mark.parametrize(
  ("x", "y", "form", "said"),
  [
    ([1.0, 2.0], [1.0], "log", "got"),
    ([0.0, 1.0], [1.0, 2.0], "log", "above 0"),
    ([1.0, 2.0], [1.0, math.nan], "log", "finite"),
    ([1.0, 1.0], [1.0, 2.0], "log", "1 sizes"),
    ([1.0, 2.0, 2.0], [1.0, 2.0, 3.0], "power_floor", "2 sizes"),
  ],
)
def test_what_cannot_be_fitted(x, y, form, said):
  with pytest.raises(ValueError, match=said):
    fit(np.array(x), np.array(y), form)


def test_every_form_draws_its_curve():
  for form in FORMS:
    drawn = curves.curve_at(form, SIZES, 0.5, 0.0, 1.0)
    expected = 1 + 0.5 * (np.log(SIZES) if form == "log" else 1)
    assert drawn == pytest.approx(np.broadcast_to(expected, 7))
