import numpy as np

from hybrid_ir.evaluation import preference

# Queries in languages 0 0 1 1 0 2. Golds, (query, language, rank):
# 0: a choice, its own first. 1: a choice, another first. 2: none of its own.
# 3: its own only, twice. 4: nothing was retrieved. 5: one of the two was.
ASKED = np.array([0, 0, 1, 1, 0, 2])
QUERIES = np.array([0, 1, 0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 1])
ANSWERED = np.array([1, 0, 0, 1, 0, 2, 1, 1, 0, 1, 2, 0, 2])
RANKS = np.array(
  [8, 5, 7, 9, 1, 2, 1, 2, np.inf, np.inf, np.inf, 40, 3], np.float64
)


def firsts():
  return preference.first_languages(RANKS, ANSWERED, QUERIES, ASKED)


def test_first_languages_by_hand():
  assert firsts().tolist() == [0, 2, -1, -1, -1, 0]


def test_own_language_first_by_hand():
  np.testing.assert_array_equal(
    preference.own_language_first(firsts(), ASKED),
    [1, 0, np.nan, np.nan, np.nan, 0],
  )


def test_language_preference_by_hand():
  np.testing.assert_array_equal(
    preference.language_preference(firsts(), ASKED, 3),
    [[1 / 2, 0, 1 / 2], [np.nan] * 3, [1, 0, 0]],
  )


def test_the_diagonal_is_the_mean_of_own_language_first():
  rng = np.random.default_rng(0)
  Q, L = 60, 4
  asked = rng.integers(L, size=Q)
  queries = np.repeat(np.arange(Q), L)
  ranks = np.concatenate([rng.permutation(99)[:L] + 1 for _ in range(Q)])
  first = preference.first_languages(
    ranks, np.tile(np.arange(L), Q), queries, asked
  )
  own = preference.own_language_first(first, asked)
  matrix = preference.language_preference(first, asked, L)
  np.testing.assert_allclose(
    np.diag(matrix), [own[asked == x].mean() for x in range(L)]
  )
  np.testing.assert_allclose(matrix.sum(axis=1), 1)


def test_a_query_without_gold_is_not_counted():
  first = preference.first_languages(
    np.array([4, 2]), np.array([0, 1]), np.array([2, 2]), np.array([1, 0, 0])
  )
  assert first.tolist() == [-1, -1, 1]
