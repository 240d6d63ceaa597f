from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data.deck import Deck

WHOLE = st.lists(st.integers(1, 9), min_size=1, max_size=5).map(
  lambda weights: {f"choice {i}": float(w) for i, w in enumerate(weights)}
)
KEYS = st.integers(0, 2**64 - 1)


def shares(counts):
  total = sum(counts.values())
  return {name: count / total for name, count in counts.items()}


@pytest.mark.parametrize(
  ("weights", "counts"),
  [
    ({"mono": 0.5, "cross": 0.5}, {"mono": 1, "cross": 1}),
    ({"mono": 0.3, "cross": 0.7}, {"mono": 3, "cross": 7}),
    ({"a": 100.0, "b": 250.0, "c": 50.0}, {"a": 2, "b": 5, "c": 1}),
    ({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, {"a": 1, "b": 1, "c": 1}),
    ({"only": 0.125}, {"only": 1}),
    ({"a": 9999.0, "b": 1.0}, {"a": 9999, "b": 1}),
  ],
)
def test_smallest_deck(weights, counts):
  assert Deck(weights, key=0).counts == counts


@settings(deadline=None)
@given(weights=WHOLE, key=KEYS)
def test_every_deck_realises_the_weights(weights, key):
  deck = Deck(weights, key)
  size = sum(deck.counts.values())
  for start in range(0, 3 * size, size):
    drawn = Counter(deck.draw(i)[0] for i in range(start, start + size))
    assert drawn == deck.counts
    for name, share in shares(weights).items():
      assert drawn[name] == pytest.approx(share * size)


@settings(deadline=None)
@given(weights=WHOLE, key=KEYS)
def test_ordinal_counts_earlier_draws(weights, key):
  deck = Deck(weights, key)
  seen = Counter()
  for i in range(2 * sum(deck.counts.values()) + 3):
    name, ordinal = deck.draw(i)
    assert ordinal == seen[name]
    seen[name] += 1


@settings(deadline=None)
@given(
  weights=WHOLE,
  key=KEYS,
  start=st.integers(0, 100) | st.integers(10**12, 10**12 + 100),
  length=st.integers(1, 80),
)
def test_draw_range_is_draw(weights, key, start, length):
  deck = Deck(weights, key)
  one_by_one = [deck.draw(i)[0] for i in range(start, start + length)]
  assert deck.draw_range(start, start + length).tolist() == one_by_one


def test_far_draws():
  deck = Deck({"a": 3.0, "b": 2.0}, key=1)
  far = 5 * 10**15
  drawn = [deck.draw(i) for i in range(far, far + 5)]
  assert sorted(drawn) == [
    *(("a", 3 * 10**15 + i) for i in range(3)),
    *(("b", 2 * 10**15 + i) for i in range(2)),
  ]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
def test_odd_weights_to_a_hundredth(values):
  weights = {str(i): value for i, value in enumerate(values)}
  realised = shares(Deck(weights, key=0).counts)
  for name, share in shares(weights).items():
    assert realised[name] == pytest.approx(share, rel=0.01)


def test_sizes_of_real_data_sets():
  sizes = {"mono": 39_780_811.0, "qa": 176_975.0, "wiki": 40_000.0}
  realised = shares(Deck(sizes, key=0).counts)
  for name, share in shares(sizes).items():
    assert realised[name] == pytest.approx(share, rel=0.05)


@pytest.mark.parametrize("rare", [1e-9, 1e-5, 0.6e-4, 0.99e-4])
def test_too_rare_is_refused(rare):
  with pytest.raises(ValueError, match="'rare' is drawn less than once in"):
    Deck({"common": 1 - rare, "rare": rare}, key=0)


def test_a_long_deck_is_mixed_throughout():
  # The i-th of n cards lies in the i-th n-th, so no stretch from the start is
  # off by more than a card a choice.
  deck = Deck({"a": 480.0, "b": 311.0, "c": 209.0}, key=3)
  drawn = deck.draw_range(0, 1000)
  for name, share in shares(deck.counts).items():
    off = np.cumsum(drawn == name) - share * np.arange(1, 1001)
    assert np.abs(off).max() < 3


def test_decks_and_keys_differ():
  weights = {"a": 5.0, "b": 6.0}
  first, second = (Deck(weights, key) for key in (1, 2))
  orders = {
    tuple(deck.draw_range(start, start + 11).tolist())
    for deck in (first, second)
    for start in range(0, 110, 11)
  }
  assert len(orders) > 10  # of 20; a deck is spread, so orders are few
