import numpy as np
import pytest

from hybrid_ir.evaluation.comparison.figures import CellDifference, direction
from hybrid_ir.evaluation.comparison.wins import (
  cell_differences,
  count_ahead,
  query_means,
  query_wins,
)

NAN = np.nan


@pytest.mark.parametrize(
  ("measure", "way"),
  [
    ("map", 1),
    ("ndcg@10", 1),
    ("rank_distance", -1),
    ("language_divergence@10", -1),
    ("own_language_share@10", 0),
    ("own_language_first", 0),
  ],
)
def test_which_way_is_better(measure, way):
  assert direction(measure) == way


def test_a_query_in_cross_is_its_mean_over_pools():
  values = np.array(
    [[1, 2, 4, 9], [1, NAN, 4, 9], [NAN, 8, NAN, 9], [NAN, 5, NAN, 9]]
  )
  means = query_means(
    values,
    query_languages=np.array([0, 0, 2, 1]),
    cells=[(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)],
  )
  np.testing.assert_array_equal(means, [3, 4, 8, NAN])


def test_a_query_elsewhere_has_its_own_value():
  values = np.array([[1, 2, 3], [4, 5, NAN]])
  languages = np.array([1, 0])
  mono = query_means(values, languages, [(0, 0), (1, 1)])
  multi = query_means(values, languages, [(0, 2), (1, 2)])
  np.testing.assert_array_equal(mono, [2, 4])
  np.testing.assert_array_equal(multi, [3, NAN])


def test_queries_won_and_lost():
  ours = np.array([0.5, 0.1, 0.9, 0.2, NAN, 0.3])
  theirs = np.array([0.5, 0.3, 0.1, 0.1, NAN, 0.3 + 1e-12])
  ids = ["a", "b", "c", "d", "e", "f"]
  found = query_wins("map", ours, theirs, ids)
  assert (found.wins, found.ties, found.losses) == (2, 2, 1)
  assert [query.query_id for query in found.won] == ["c", "d"]
  assert [query.query_id for query in found.lost] == ["b"]
  turned = query_wins("rank_distance", ours, theirs, ids)
  assert (turned.won, turned.lost) == (found.lost, found.won)
  neither = query_wins("own_language_first", ours, theirs, ids)
  assert (neither.wins, neither.ties, neither.losses) == (0, 5, 0)


def test_ten_queries_a_side():
  ours, theirs = np.arange(30.0), np.zeros(30)
  ids = [f"en:{i}" for i in range(30)]
  won = query_wins("mrr", ours, theirs, ids).won
  assert [query.query_id for query in won] == [
    f"en:{29 - i}" for i in range(10)
  ]
  assert (won[0].value, won[0].against) == (29, 0)


def test_cells_ahead():
  cells = cell_differences(
    np.array([0.5, 0.2, 0.3]),
    np.array([0.4, 0.2, 0.9]),
    [(0, 1), (1, 0), (0, 2)],
    ["de", "en"],
  )
  assert cells[0] == CellDifference("de", "en", 0.5, 0.4)
  assert [cell.passage_language for cell in cells] == ["en", "de", "all"]
  assert count_ahead("map", cells) == (1, 1)
  assert count_ahead("rank_distance", cells[:2]) == (0, 1)
  assert count_ahead("own_language_first", cells) == (0, 0)
