import math

import numpy as np
import pytest

from hybrid_ir.evaluation.cut import cut_measures

QUERIES = ("en:1", "en:2", "en:3")
PASSAGES = ("e", "d", "c", "b", "a")  # by id, descending
QRELS = {"en:1": {"d": 1, "a": 1}, "en:3": {"b": 1}}
TOP = np.array([[2, 1, 0], [0, 1, 2], [0, 3, -1]])
SCORES = np.array([[3, 2, 1], [3, 2, 1], [1, 1, -np.inf]], np.float32)


@pytest.mark.parametrize(
  ("name", "first", "third"),
  [
    ("recall@1", 0, 0),
    ("recall@3", 1 / 2, 1),
    ("success@1", 0, 0),
    ("success@2", 1, 1),
    ("precision@3", 1 / 3, 1 / 3),
    ("ndcg@3", (1 / math.log2(3)) / (1 + 1 / math.log2(3)), 1 / math.log2(3)),
  ],
)
def test_by_hand(name, first, third):
  values = cut_measures([name], QRELS, QUERIES, PASSAGES, TOP, SCORES)[name]
  # The second query has no gold here; the third's first two scores tie.
  np.testing.assert_allclose(values, [first, np.nan, third], atol=1e-9)


def test_several_at_once_and_an_empty_list():
  values = cut_measures(
    ["success@3", "recall@1"],
    {"en:1": {"d": 1}, "en:2": {"e": 1}},
    QUERIES[:2],
    PASSAGES,
    np.array([[1, 2, 3], [-1, -1, -1]]),
    np.array([[3, 2, 1], [-np.inf] * 3], np.float32),
  )
  assert values["success@3"].tolist() == [1, 0]
  assert values["recall@1"].tolist() == [1, 0]


def test_no_query_has_gold():
  values = cut_measures(["recall@1"], {}, QUERIES, PASSAGES, TOP, SCORES)
  assert np.isnan(values["recall@1"]).all()
