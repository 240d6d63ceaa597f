import math
from collections import Counter

import numpy as np
import pytest

from hybrid_ir.retrieval import bm25

# Piece 7 stands in one passage, 900000 in two of them.
PASSAGES = [[7, 7, 5], [5, 900000], [900000, 3, 3, 3], []]


def arrays(lists):
  return [np.array(each, np.int32) for each in lists]


def lucene(query, passages, k1=1.5, b=0.75):
  """Kamphuis et al. 2020, equation of Lucene's variant, without its k1 + 1."""
  average = sum(map(len, passages)) / len(passages)
  scores = []
  for passage in passages:
    counts = Counter(passage)
    score = 0.0
    for piece in query:
      df = sum(piece in other for other in passages)
      idf = math.log(1 + (len(passages) - df + 0.5) / (df + 0.5))
      tf = counts[piece]
      norm = k1 * (1 - b + b * len(passage) / average)
      score += idf * tf / (tf + norm)
    scores.append(score)
  return scores


@pytest.mark.parametrize("query", [[7], [900000, 5], [5, 5, 3], [3, 12345]])
def test_scores(query):
  index = bm25.Index(arrays(PASSAGES))
  found = index.scores(np.array(query, np.int32))
  np.testing.assert_allclose(found, lucene(query, PASSAGES), rtol=1e-5)


def test_a_score_worked_out_by_hand():
  # 4 passages of 2.25 pieces on average; piece 7 twice in one of 3 pieces:
  # idf = ln(1 + 3.5 / 1.5), tf part = 2 / (2 + 1.5 * (.25 + .75 * 3 / 2.25)).
  found = bm25.Index(arrays(PASSAGES)).scores(np.array([7], np.int32))
  assert found[0] == pytest.approx(math.log(10 / 3) * 2 / 3.875)
  assert found[1:].tolist() == [0, 0, 0]


@pytest.mark.parametrize("query", [[], [12345], [12345, 4]])
def test_a_query_of_unknown_pieces_scores_nothing(query):
  found = bm25.Index(arrays(PASSAGES)).scores(np.array(query, np.int32))
  assert found.tolist() == [0, 0, 0, 0]


def test_nothing_is_printed_or_logged(capfd, caplog):
  bm25.Index(arrays(PASSAGES)).scores(np.array([7], np.int32))
  assert capfd.readouterr() == ("", "")
  assert caplog.records == []


@pytest.mark.parametrize(
  ("spans", "depth", "expected"),
  [
    ([(0, 6)], 3, [2, 0, 3]),
    ([(0, 6)], 9, [2, 0, 3, 5, 4, -1, -1, -1, -1]),  # 1 shares no piece
    ([(3, 6)], 2, [3, 5]),
    ([(0, 2), (4, 6)], 3, [0, 5, 4]),
    ([(1, 2), (3, 3)], 2, [-1, -1]),
  ],
)
def test_best_of_the_spans(spans, depth, expected):
  scores = np.array([2, 0, 3, 2, 1, 2], np.float32)  # 0, 3 and 5 tie
  places, found = bm25.best(scores, spans, depth)
  assert places.tolist() == expected
  assert found.tolist() == [
    scores[place] if place >= 0 else -math.inf for place in expected
  ]


def test_best_equals_a_full_sort_under_many_ties():
  rng = np.random.default_rng(0)
  for _ in range(50):
    scores = rng.integers(0, 4, 30).astype(np.float32)
    depth = int(rng.integers(1, 35))
    order = [p for p in np.lexsort((range(30), -scores)) if scores[p] > 0]
    expected = [*order[:depth], *[-1] * max(0, depth - len(order))]
    assert bm25.best(scores, [(0, 30)], depth)[0].tolist() == expected
