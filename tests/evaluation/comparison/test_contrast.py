"""Weighted sums of systems, beside the tests of their pairs."""

import numpy as np
import pytest

from hybrid_ir.evaluation.comparison.contrast import contrast
from hybrid_ir.evaluation.comparison.matching import Matched
from hybrid_ir.evaluation.comparison.paired import pairwise

ASKED = {"resamples": 400, "level": 0.9, "seed": 3}
Q, GERMAN = 30, 18  # queries; the others are English


@pytest.fixture
def four():
  """Scores of four systems in mono; four questions are German alone."""
  values = np.random.default_rng(0).integers(64, size=(4, Q, 3)) / 64
  languages = np.repeat([0, 1], [GERMAN, Q - GERMAN])
  there = np.zeros((Q, 3), bool)
  there[np.arange(Q), languages] = True
  questions = np.concatenate([np.arange(GERMAN), np.arange(Q - GERMAN)])
  scores = np.where(there, values, np.nan)
  return Matched(
    systems=tuple("abcd"),
    languages=("de", "en"),
    query_ids=tuple(f"{'de' if x < GERMAN else 'en'}:{x}" for x in range(Q)),
    query_languages=languages,
    questions=questions,
    values={("mono", "map"): scores, ("multi", "map"): scores},
    unlike={},
  )


def test_of_two_systems_it_is_their_difference(four):
  tested = pairwise(four, "mono", "map", **ASKED)
  [k] = [i for i, pair in enumerate(tested.pairs) if pair == (2, 0)]
  found = contrast(four, (-1, 0, 1, 0), "mono", "map", **ASKED)
  assert (found.low, found.high, found.p) == pytest.approx(
    (tested.difference_low[k], tested.difference_high[k], tested.p[k])
  )
  assert found.value == pytest.approx(tested.means[2] - tested.means[0])


def test_of_four_it_is_what_lies_between_two_differences(four):
  values = four.values["mono", "map"]
  # By hand: the macro mean of the languages' means.
  a, b, c, d = (
    (table[:GERMAN, 0].mean() + table[GERMAN:, 1].mean()) / 2
    for table in values
  )
  found = contrast(four, (1, -1, -1, 1), "mono", "map", **ASKED)
  assert found.value == pytest.approx((a - b) - (c - d))
  assert found.low < found.value < found.high


def test_a_shift_of_all_moves_nothing(four):
  """What helps both sides alike is no difference between the two."""
  values = four.values["mono", "map"]
  values[2:] = values[:2] + 0.25
  found = contrast(four, (1, -1, -1, 1), "mono", "map", **ASKED)
  assert found.p == 1
  assert (found.value, found.low, found.high) == (0, 0, 0)


def test_a_setting_without_values(four):
  assert contrast(four, (1, -1, -1, 1), "multi", "map", **ASKED) is None
