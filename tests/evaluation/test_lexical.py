import math

import numpy as np
import pytest

from hybrid_ir.data.records import Record
from hybrid_ir.evaluation.benchmarks import from_records
from hybrid_ir.evaluation.evaluate import list_depths
from hybrid_ir.evaluation.lexical import rank_by_bm25

TEXTS = {
  "de": ["der hund bellt", "die katze schläft im haus", "das haus ist rot"],
  "en": ["the dog barks", "a cat sleeps in the house", "rot is decay"],
}
QUERIES = {
  "de": ["hund", "katze haus", "rot"],
  "en": ["dog", "cat", "nothing of it"],
}


@pytest.fixture(scope="module")
def benchmark():
  records = [
    Record(str(i), language, QUERIES[language][i], text, f"{i}")
    for language, texts in TEXTS.items()
    for i, text in enumerate(texts)
  ]
  return from_records("tiny", records, records)


def bm25(query, passages):
  """Lucene's BM25, k1 = 1.5, b = 0.75, written out."""
  split = [passage.split() for passage in passages]
  mean = sum(map(len, split)) / len(split)
  scores = []
  for passage in split:
    score = 0
    for word in query.split():
      n = sum(word in other for other in split)
      idf = math.log(1 + (len(split) - n + 0.5) / (n + 0.5))
      tf = passage.count(word)
      score += idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * len(passage) / mean))
    scores.append(score)
  return scores


def test_statistics_are_the_pools(benchmark):
  ranking = rank_by_bm25(benchmark, list_depths(benchmark, approximate=3))
  everything = list(benchmark.passage_texts)
  for q, query in enumerate(benchmark.query_texts):
    whole = bm25(query, everything)
    order = sorted(range(6), key=lambda p: (-whole[p], p))
    assert ranking.top[q, :6].tolist() == order
    np.testing.assert_allclose(
      ranking.top_scores[q, :6], [whole[p] for p in order], rtol=1e-5
    )
    for language in range(2):
      here = np.flatnonzero(benchmark.passage_languages == language).tolist()
      part = dict(
        zip(here, bm25(query, [everything[p] for p in here]), strict=True)
      )
      order = sorted(here, key=lambda p: (-part[p], p))
      assert ranking.language_top[q, language].tolist() == order
      np.testing.assert_allclose(
        ranking.language_scores[q, language],
        [part[p] for p in order],
        rtol=1e-5,
      )
  lists = ranking.top[benchmark.gold_queries]
  place = ranking.gold_ranks - 1
  found = lists[np.arange(len(place)), place]
  assert (found == benchmark.gold_passages).all()


def test_a_language_without_passages(benchmark):
  records = [Record("0", "de", "hund", "der hund bellt", "0")]
  asked = [*records, Record("0", "tr", "köpek", "köpek havlar", "0")]
  alone = from_records("alone", asked, records)
  ranking = rank_by_bm25(alone, list_depths(alone))
  assert ranking.gold_ranks.tolist() == [1, 1]
