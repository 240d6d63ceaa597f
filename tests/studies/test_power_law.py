import numpy as np
import pytest

from hybrid_ir.studies.power_law import power_law

SIZES = np.geomspace(100, 100_000, 7)
SEEDS = 4
X = np.repeat(SIZES, SEEDS)


def scores(law, noise, seed=0):
  """The law's scores with noise of a given standard deviation. [N]."""
  return law(X) + np.random.default_rng(seed).normal(0, noise, len(X))


def saturating(x):
  return 0.8 - 2 * x**-0.5


def ask(y, *, x=X, form="power_floor", over="seeds", draws=40, seed=0):
  return power_law(x, y, form=form, over=over, draws=draws, seed=seed)


def test_nothing_speaks_against_a_power_law():
  found = ask(scores(saturating, 0.002))
  assert found.problems == ()
  assert found.curve.b == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("over", ["seeds", "arms"])
def test_draws_spread_as_estimates_do(over):
  """As they would if all runs were done again, 80 times."""
  found = [
    ask(scores(saturating, 0.004, seed), over=over, draws=30)
    for seed in range(80)
  ]
  truth = np.std([law.curve.b for law in found])
  drawn = np.mean([law.draws[:, 1].std() for law in found])
  assert drawn == pytest.approx(truth, rel=0.2)
  assert np.mean([law.curve.b for law in found]) == pytest.approx(0.5, rel=0.02)


def test_intervals_are_quantiles_of_the_draws():
  found = ask(scores(saturating, 0.004), draws=81)
  for place, parameter in enumerate("abc"):
    low, high = found.interval(parameter)
    ordered = sorted(found.draws[:, place])
    assert (low, high) == pytest.approx((ordered[2], ordered[78]))


def test_more_noise_widens_intervals():
  widths = []
  for noise in (0.001, 0.01):
    low, high = ask(scores(saturating, noise)).interval("c")
    widths.append(high - low)
  assert widths[1] > 3 * widths[0]


def test_the_band_holds_the_curve_and_widens_beyond_the_sizes():
  found = ask(scores(saturating, 0.004), draws=100)
  places = np.array([1000.0, 1e7])
  low, high = found.band(places)
  assert (low <= found.curve.at(places)).all()
  assert (found.curve.at(places) <= high).all()
  assert (high - low)[1] > (high - low)[0]


def test_no_noise_no_width():
  found = ask(saturating(X))
  assert found.problems == ()
  assert np.ptp(found.draws, axis=0) == pytest.approx(0, abs=1e-6)


def test_the_same_seed_gives_the_same_draws():
  y = scores(saturating, 0.004)
  first, again, other = (ask(y, seed=seed).draws for seed in (0, 0, 1))
  assert (first == again).all()
  assert (first != other).any()


def test_units_make_no_difference():
  y = scores(saturating, 0.004)
  found, scaled = ask(y), ask(100 * y, x=X * 1000)
  a, b, c = found.draws.T
  assert scaled.draws[:, 1] == pytest.approx(b, rel=1e-4)
  assert scaled.draws[:, 2] == pytest.approx(100 * c, rel=1e-4)
  assert scaled.draws[:, 0] == pytest.approx(100 * a * 1000**b, rel=1e-3)
  assert scaled.problems == found.problems


def said(found, words):
  return [problem for problem in found.problems if words in problem]


def test_a_logarithm_is_told():
  found = ask(scores(lambda x: 0.1 * np.log(x), 0.002), form="power")
  assert said(found, "a logarithm fits better")
  assert said(found, "it misses")


def test_a_constant_is_told():
  found = ask(scores(lambda x: 0 * x + 0.5, 0.01))
  assert said(found, "a constant fits better")


def test_a_floor_that_is_lacking_is_told():
  found = ask(scores(saturating, 0.002), form="power")
  assert said(found, "a power law with a floor fits better")


def test_a_floor_that_is_not_needed_is_told():
  found = ask(scores(lambda x: 3 * x**-0.2, 0.002))
  assert said(found, "a power law without a floor")


def test_where_scores_turn_back_is_told():
  y = saturating(X)
  y[-SEEDS:] -= 0.1
  found = ask(y + scores(np.zeros_like, 0.002))
  (turn,) = said(found, "turns back")
  assert turn == "it turns back from 31622.8 to 100000"
  assert any("100000 by -" in miss for miss in said(found, "it misses"))


def test_a_turn_within_the_noise_is_none():
  y = scores(lambda x: 0.5 + 1e-4 * np.log(x), 0.05)
  assert not said(ask(y), "turns back")


def test_one_seed_a_size():
  found = ask(saturating(SIZES), x=SIZES, over="arms")
  assert found.problems == ()
  worse = saturating(SIZES)
  worse[3] = worse[2] - 0.01
  (turn,) = said(ask(worse, x=SIZES, over="arms"), "turns back")
  assert turn == "it turns back from 1000 to 3162.28"


def test_as_many_sizes_as_parameters_test_nothing():
  found = ask(saturating(SIZES[:3]), x=SIZES[:3], over="arms")
  assert said(found, "3 sizes fit any curve")
  assert np.ptp(found.draws[:, 1]) < 1e-4  # draws of fewer sizes are not taken


def test_too_few_runs_for_a_comparison():
  found = ask(saturating(SIZES[:5]), x=SIZES[:5], over="arms")
  assert said(found, "too few runs")


def test_an_exponent_at_the_edge_is_told():
  step = np.where(SIZES > 200, 1.0, 0.0)
  assert said(ask(np.repeat(step, SEEDS)), "edge")


def test_a_floor_that_no_error_can_have_is_told():
  assert said(ask(saturating(X) - 0.9), "its floor is below 0")
  assert not said(ask(saturating(X)), "its floor is below 0")


@pytest.mark.parametrize(
  ("changed", "words"),
  [
    ({"form": "log"}, "power_floor"),
    ({"over": "runs"}, "arms"),
    ({"x": X + np.arange(len(X))}, "one value"),
  ],
)
def test_wrong_questions(changed, words):
  with pytest.raises(ValueError, match=words):
    ask(saturating(X), **changed)


def test_whether_runs_determine_the_exponent():
  assert ask(scores(saturating, 0.002)).determines_exponent()
  step = np.repeat(np.where(SIZES > 200, 1.0, 0.0), SEEDS)
  assert not ask(step).determines_exponent()


def test_whether_runs_determine_the_floor():
  """A step has an end; a logarithm has that of the least exponent alone."""
  assert ask(scores(saturating, 0.002)).determines_floor()
  step = np.repeat(np.where(SIZES > 200, 1.0, 0.0), SEEDS)
  assert ask(step).determines_floor()
  assert not ask(scores(np.log, 0.002)).determines_floor()
  without = ask(scores(lambda x: x**-0.5, 1e-4), form="power")
  assert not without.determines_floor()


def test_few_resampled_arms_determine_no_exponent():
  """Through as many points as parameters every draw is a slope between two."""
  noise = np.random.default_rng(0).normal(0, 1e-4, len(SIZES))
  y = saturating(SIZES) + noise
  few = ask(y[:5], x=SIZES[:5], over="arms")
  assert few.curve.form == "power_floor"
  assert not few.has_intervals
  assert not few.determines_exponent()
  assert ask(y, x=SIZES, over="arms").has_intervals == (len(SIZES) >= 6)
  # Seeds are a sample of their own, at however few sizes.
  seeds = ask(scores(saturating, 0.002))
  assert seeds.has_intervals
