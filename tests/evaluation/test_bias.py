import numpy as np

from hybrid_ir.evaluation.bias import language_share, rank_distance


def test_rank_distance_by_hand():
  ranks, queries = np.array([7, 2, 30, 5, 9, 8]), np.array([0, 0, 0, 1, 3, 3])
  np.testing.assert_array_equal(
    rank_distance(ranks, queries, 4), [28, np.nan, np.nan, 1]
  )


def test_language_share_by_hand():
  top = np.array([[0, 1, 2, 3], [3, 2, -1, -1], [2, 3, 0, 1]])
  share = language_share(
    top,
    query_languages=np.array([0, 0, 2]),
    passage_languages=np.array([0, 0, 1, 2]),
    language_count=3,
  )
  np.testing.assert_allclose(
    share,
    [[2 / 6, 2 / 6, 2 / 6], [np.nan] * 3, [2 / 4, 1 / 4, 1 / 4]],
  )
