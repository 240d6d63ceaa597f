"""hybrid_ir.data.odds: shares come out as asked, wherever that can be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data import odds as odds_lib
from hybrid_ir.data.odds import LanguageOdds


def make_odds(has, exponent, different):
  """The odds for ids that stand in the languages `has` says [M, K]."""
  patterns, counts = np.unique(has, axis=0, return_counts=True)
  return LanguageOdds(patterns, counts, exponent, different=different)


def expected_shares(has, odds, counts):
  """Shares of (query language, passage language) over a fine grid of draws."""
  K = has.shape[1]
  grid = (np.arange(2000) + 0.5) / 2000
  shares = np.zeros((K, K))
  for row, count in zip(has, counts, strict=True):
    x, y = odds.draw(np.tile(row, (len(grid), 1)), grid)
    np.add.at(shares, (x, y), count / len(grid))
  return shares / sum(counts)


# Like MLQA-R: everything is in en (0), most ids in two of the other three.
PATTERNS = (
  np.array([[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 0, 0]]) > 0
)
COUNTS = [30, 20, 40, 10]
HAS = np.repeat(PATTERNS, COUNTS, axis=0)
DRAWS = (np.arange(len(HAS)) * 0.37) % 1


def test_pairs_are_alike_although_one_language_has_all_ids():
  odds = make_odds(HAS, 0.0, different=True)
  shares = expected_shares(PATTERNS, odds, COUNTS)
  off_diagonal = shares[~np.eye(4, dtype=bool)]
  assert off_diagonal == pytest.approx(1 / 12, abs=2e-3)
  assert np.diag(shares).max() == 0


def test_pairs_follow_their_number_of_ids():
  odds = make_odds(HAS, 1.0, different=True)
  shares = expected_shares(PATTERNS, odds, COUNTS)
  both = HAS.T.astype(float) @ HAS
  np.fill_diagonal(both, 0)
  np.testing.assert_allclose(shares, both / both.sum(), atol=2e-3)


def test_a_block_of_patterns_at_once_is_all_of_them(monkeypatch):
  whole = [
    make_odds(HAS, 1.0, different=bool(d)).draw(HAS, DRAWS) for d in (0, 1)
  ]
  monkeypatch.setattr(odds_lib, "_BLOCK", 3)
  parts = [
    make_odds(HAS, 1.0, different=bool(d)).draw(HAS, DRAWS) for d in (0, 1)
  ]
  assert np.array_equal(whole, parts)


def test_one_language():
  odds = make_odds(HAS, 0.0, different=False)
  shares = expected_shares(PATTERNS, odds, COUNTS)
  np.testing.assert_allclose(shares, np.eye(4) / 4, atol=2e-3)


def test_what_cannot_be_is_come_near():
  # A single id has 2, so its pairs cannot have a third of the draws each.
  has = np.repeat(np.array([[1, 1, 0], [1, 1, 1]]) > 0, [99, 1], axis=0)
  odds = make_odds(has, 0.0, different=True)
  shares = expected_shares(np.unique(has, axis=0), odds, [99, 1])
  assert shares[2].sum() + shares[:, 2].sum() == pytest.approx(0.01, abs=1e-3)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_only_what_an_id_has(data):
  K = data.draw(st.integers(2, 6))
  rows = data.draw(
    st.lists(
      st.lists(st.booleans(), min_size=K, max_size=K).filter(
        lambda row: sum(row) >= 2
      ),
      min_size=1,
      max_size=30,
    )
  )
  has = np.array(rows)
  draws = np.array(
    data.draw(
      st.lists(
        st.floats(0, 1, exclude_max=True), min_size=len(has), max_size=len(has)
      )
    )
  )
  exponent = data.draw(st.sampled_from([0.0, 0.3, 1.0]))
  for different in (False, True):
    x, y = make_odds(has, exponent, different=different).draw(has, draws)
    each = np.arange(len(has))
    assert has[each, x].all()
    assert has[each, y].all()
    assert ((x != y) == different).all()
