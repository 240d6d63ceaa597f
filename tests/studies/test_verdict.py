import dataclasses

import pytest
from scipy import stats

from hybrid_ir.studies.verdict import seed_bound, verdict

AXES = {"kind": {"hybrid": {}, "X-Y": {"mix.mono": 0.0}}}
CROSS = ("cross", "map")
RANKS = ("multi", "rank_distance")
UNSURE = "over questions, but not beyond the seeds"


@pytest.fixture
def one(make_study, make_outcome):
  """Standard deviations of .01 and 10; two sides of three seeds each."""
  outcome = make_outcome(
    make_study(AXES, seeds=(0, 1, 2)),
    {
      "hybrid": {CROSS: (0.70, 0.71, 0.72), RANKS: (300.0, 310.0, 320.0)},
      "X-Y": {CROSS: (0.73, 0.74, 0.75), RANKS: (270.0, 280.0, 290.0)},
    },
  )
  return outcome.benchmarks[0]


def test_the_bound_by_hand(one):
  equal = [one.estimates[name, *CROSS] for name in ("hybrid", "X-Y")]
  # 4 degrees of freedom: t = 2.7764, times .01 sqrt(2 / 3).
  assert seed_bound(equal) == pytest.approx(0.0226696, rel=1e-5)


def test_the_bound_is_half_of_scipys_interval(make_study, make_outcome):
  ours, theirs = (0.70, 0.71, 0.73, 0.78), (0.60, 0.61)
  outcome = make_outcome(
    make_study(AXES), {"hybrid": {CROSS: ours}, "X-Y": {CROSS: theirs}}
  )
  both = outcome.benchmarks[0].estimates.values()
  reference = stats.ttest_ind(ours, theirs, equal_var=False)
  low, high = reference.confidence_interval(0.95)
  assert seed_bound([*both]) == pytest.approx((high - low) / 2)


def test_a_side_without_seeds_has_no_variance(one):
  # 2 degrees of freedom: t = 4.3027, times .01 / sqrt(3).
  alone = [one.estimates["hybrid", *CROSS]]
  assert seed_bound(alone) == pytest.approx(0.0248414, rel=1e-5)
  assert seed_bound([]) == 0.0


def test_seeds_that_are_alike_and_one_seed(one):
  estimate = one.estimates["hybrid", *CROSS]
  alike = dataclasses.replace(estimate, deviation=0.0)
  assert seed_bound([alike, alike]) == 0.0
  single = dataclasses.replace(estimate, deviation=None)
  assert seed_bound([estimate, single]) is None


@pytest.mark.parametrize(
  ("column", "said", "expected"),
  [
    (CROSS, {}, "better"),  # by .03
    (CROSS, {"significant": False}, "within noise"),
    (CROSS, {"value": -0.0227}, "worse"),
    # More than a standard deviation, and still nothing beyond the seeds.
    (CROSS, {"value": 0.0226}, f"better {UNSURE}"),
    (CROSS, {"value": -0.0226}, f"worse {UNSURE}"),
    (RANKS, {}, "better"),  # a smaller distance is better
    (RANKS, {"value": 23.0}, "worse"),
    (RANKS, {"value": 22.0}, f"worse {UNSURE}"),
  ],
)
def test_verdicts(one, make_difference, column, said, expected):
  difference = make_difference(one, "X-Y", "hybrid", column, **said)
  assert verdict(one, difference) == expected


def test_one_seed_beside_several_is_told(one, make_difference):
  alone = dataclasses.replace(one.estimates["hybrid", *CROSS], deviation=None)
  estimates = {**one.estimates, ("hybrid", *CROSS): alone}
  one = dataclasses.replace(one, estimates=estimates)
  difference = make_difference(one, "X-Y", "hybrid", CROSS)
  assert verdict(one, difference) == (
    "better over questions; by one seed, so others are not known"
  )
  unseen = dataclasses.replace(difference, significant=False)
  assert verdict(one, unseen) == "within noise"


def test_an_encoder_as_it_came_has_no_seed(one, make_difference):
  alone = dataclasses.replace(one.estimates["hybrid", *CROSS], deviation=None)
  estimates = {**one.estimates, ("hybrid", *CROSS): alone}
  one = dataclasses.replace(
    one, estimates=estimates, seedless=frozenset({"hybrid"})
  )
  difference = make_difference(one, "X-Y", "hybrid", CROSS)
  assert verdict(one, difference) == "better"
