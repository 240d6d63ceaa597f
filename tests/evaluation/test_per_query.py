import dataclasses
import math
import pathlib

import ir_measures
import numpy as np
import pytest

from hybrid_ir.config import SETTINGS
from hybrid_ir.data.judged import Texts
from hybrid_ir.data.records import Record
from hybrid_ir.evaluation import per_query
from hybrid_ir.evaluation.benchmarks import Gold, build, from_records
from hybrid_ir.evaluation.bias import language_share
from hybrid_ir.evaluation.faults import Faults
from hybrid_ir.evaluation.per_query import (
  cut_values,
  every_value,
  measure_names,
)
from hybrid_ir.evaluation.preference import first_languages, language_preference
from hybrid_ir.evaluation.results import needed
from hybrid_ir.retrieval.ranking import Ranking

ROOT = pathlib.Path(__file__).resolve().parents[2]
CUTOFFS = (1, 3, 10)


def sentences(rng, share=0.8):
  """A benchmark with grades, in which some languages miss some answers."""
  records = [
    Record(str(id), language, f"{id}?", f"a {rng.integers(40)} {id}", f"{id}")
    for language in ("de", "en", "zh")
    for id in rng.choice(30, round(30 * share), replace=False)
  ]
  benchmark = from_records("random", records, records)
  grades = rng.integers(1, 4, len(benchmark.gold_passages)).astype(np.int32)
  return dataclasses.replace(benchmark, unit="sentence", gold_grades=grades)


def ranking_of(benchmark, scores):
  """Sorts everything: the slow, obvious way. scores: [Q, C]."""
  Q, L = len(benchmark.query_ids), len(benchmark.languages)
  answered = benchmark.passage_languages

  def ordered(query, here):
    return here[np.argsort(-scores[query, here], kind="stable")]

  def padded(lists, depth=per_query.LIST_DEPTH):
    top = np.full((len(lists), depth), -1)
    for row, passages in zip(top, lists, strict=True):
      row[: min(depth, len(passages))] = passages[:depth]
    return top

  whole = [ordered(q, np.arange(len(answered))) for q in range(Q)]
  own = [
    [ordered(q, np.flatnonzero(answered == x)) for x in range(L)]
    for q in range(Q)
  ]
  golds = list(
    zip(benchmark.gold_queries, benchmark.gold_passages, strict=True)
  )
  top = padded(whole)
  language_top = np.stack([padded(lists) for lists in own])
  asked = np.arange(Q), benchmark.query_languages
  rows = np.arange(Q)
  return Ranking(
    gold_ranks=np.array([1 + list(whole[q]).index(c) for q, c in golds]),
    gold_language_ranks=np.array(
      [1 + list(own[q][answered[c]]).index(c) for q, c in golds]
    ),
    top=top,
    top_scores=_scores(scores, top),
    language_top=language_top,
    language_scores=np.stack(
      [_scores(scores, language_top[:, x]) for x in range(L)], axis=1
    ),
    own_top=language_top[asked],
    own_scores=_scores(scores, language_top[rows, benchmark.query_languages]),
  )


def _scores(scores, top):
  found = np.take_along_axis(scores, np.maximum(top, 0), axis=1)
  return np.where(top >= 0, found, -np.inf).astype(np.float32)


@pytest.fixture(scope="module")
def benchmark():
  return sentences(np.random.default_rng(0))


@pytest.fixture(scope="module")
def scores(benchmark):
  """[Q, C], few of them: many ties."""
  shape = len(benchmark.query_ids), len(benchmark.passage_ids)
  return np.random.default_rng(1).integers(6, size=shape).astype(float)


@pytest.fixture(scope="module")
def ranking(benchmark, scores):
  return ranking_of(benchmark, scores)


@pytest.fixture(scope="module")
def values(benchmark, ranking):
  return every_value(benchmark, ranking, needed(benchmark, SETTINGS), CUTOFFS)


def test_the_names(values):
  assert set(values) == {
    *("map", "map@20", "mrr", "rank_distance", "token_f1", "exact_match"),
    *("language_divergence@10", "own_language_share@10"),
    *("own_language_first", "peer@20", "peer_nonrelevant@20"),
    *(
      f"{name}@{k}"
      for name in ("recall", "precision", "f1", "success", "ndcg")
      for k in CUTOFFS
    ),
  }
  assert set(measure_names(CUTOFFS)) == set(values)


def test_every_name_is_documented(values):
  text = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
  for name in values:
    family, _, k = name.partition("@")
    assert f"| `{name}` |" in text or (k and f"| `{family}@k` |" in text)


def test_ranks_and_trec_eval_on_the_lists_agree_in_every_pool(
  benchmark, ranking, values
):
  names = [
    f"{name}@{k}"
    for name in ("recall", "precision", "success", "ndcg")
    for k in CUTOFFS
  ]
  theirs = cut_values(
    names,
    benchmark,
    needed(benchmark, SETTINGS),
    np.append(ranking.language_top, ranking.top[:, None], axis=1),
    np.append(ranking.language_scores, ranking.top_scores[:, None], axis=1),
  )
  for name in names:
    np.testing.assert_allclose(values[name], theirs[name], atol=1e-9)
    assert 0 < np.nanmean(values[name]) < 1


def test_map_and_mrr_equal_trec_eval_in_each_pool(benchmark, scores, values):
  asked, answered = benchmark.gold_queries, benchmark.gold_passages
  pools = (0, 1, 2, None)
  for column, pool in enumerate(pools):
    here = np.flatnonzero(
      (benchmark.passage_languages == pool) | (pool is None)
    ).tolist()
    run = {
      id: {benchmark.passage_ids[c]: scores[q, c] for c in here}
      for q, id in enumerate(benchmark.query_ids)
    }
    qrels = {}
    for q, c in zip(asked, answered, strict=True):
      if c in here:
        gold = qrels.setdefault(benchmark.query_ids[q], {})
        gold[benchmark.passage_ids[c]] = 1
    for name, measure in (("map", ir_measures.AP), ("mrr", ir_measures.RR)):
      mine = values[name][:, column]
      assert np.isnan(mine).sum() == len(mine) - len(qrels)
      for metric in ir_measures.iter_calc([measure], qrels, run):
        query = benchmark.query_ids.index(metric.query_id)
        assert mine[query] == pytest.approx(metric.value, abs=1e-9)


def test_where_each_measure_has_a_value(benchmark, ranking, values):
  Q, L = len(benchmark.query_ids), len(benchmark.languages)
  own = np.zeros((Q, L + 1), bool)
  own[np.arange(Q), benchmark.query_languages] = True
  for name in ("token_f1", "exact_match"):
    assert (~np.isnan(values[name]) == own).all()
  for name in (
    *("rank_distance", "language_divergence@10", "own_language_share@10"),
    *("own_language_first", "peer_nonrelevant@20"),
  ):
    assert np.isnan(values[name][:, :L]).all()
    assert not np.isnan(values[name][:, L]).all()
  # A gold a language: PEER of the relevant says nothing.
  assert np.isnan(values["peer@20"]).all()


def test_the_matrices_agree_with_the_values(benchmark, ranking, values):
  asked, answered = benchmark.query_languages, benchmark.passage_languages
  first = first_languages(
    ranking.gold_ranks,
    answered[benchmark.gold_passages],
    benchmark.gold_queries,
    asked,
  )
  for matrix, measure in (
    (
      language_share(ranking.top[:, :10], asked, answered, 3),
      "own_language_share@10",
    ),
    (language_preference(first, asked, 3), "own_language_first"),
  ):
    np.testing.assert_allclose(
      np.diag(matrix),
      [np.nanmean(values[measure][asked == x, -1]) for x in range(3)],
    )


# The languages of the 24 passages, as the English query ranks them; the grades
# of the relevant ranks; what the passages say, where it matters.
RANKED = "ddddeeedeeddzdzdzzzzdded"
GOLDS = {1: 1, 2: 2, 6: 1, 21: 1, 23: 1}
TEXTS = {1: "Red fox sleeps.", 5: "Red fox runs fast.", 6: "Red fox sleeps."}


@pytest.fixture(scope="module")
def by_hand():
  """Measure -> [P] of the English query; a German one ranks the other way."""
  count = len(RANKED)
  ranks = range(1, count + 1)
  codes = {"d": "de", "e": "en", "z": "zh"}
  benchmark = build(
    "uneven",
    "sentence",
    Texts(["de:1", "en:1"], ["de", "en"], ["wer?", "who?"], str),
    Texts(
      [f"{rank:02}" for rank in ranks],
      [codes[letter] for letter in RANKED],
      [TEXTS.get(rank, f"Number {rank}.") for rank in ranks],
      str,
    ),
    Gold(
      np.array([0, *(1 for _ in GOLDS)]),
      np.array([12, *(rank - 1 for rank in GOLDS)]),
      np.array([1, *GOLDS.values()]),
    ),
    faults=Faults(),
  )
  # Passages stand by id, descending: rank 1 of the English query is the last.
  scores = np.stack([-np.arange(count), np.arange(count)])
  values = every_value(
    benchmark,
    ranking_of(benchmark, scores.astype(float)),
    needed(benchmark, SETTINGS),
    CUTOFFS,
  )
  return {name: by_query[1] for name, by_query in values.items()}


def test_f1_by_hand(by_hand):
  # 2 h / (k + n). German: ranks 1, 2, 10; English: 2, 6; all: 1, 2, 6, 21, 23.
  np.testing.assert_allclose(
    by_hand["f1@3"], [2 * 2 / (3 + 3), 2 * 1 / (3 + 2), np.nan, 2 * 2 / (3 + 5)]
  )


def test_peer_by_hand(by_hand):
  # Grade 1: German 1 and 21, English 6 and 23; 21 and 23 tie behind 20. Ranks
  # 1 and 3.5, 2 and 3.5: means 2.25 and 2.75 about 2.5, squares 2.25 + 1 + .25
  # + 1. H = 3 (2 / 16 + 2 / 16) / 4.5 = 1 / 6, of one degree of freedom: p =
  # erfc(sqrt(1 / 12)) = .6831. Grade 2 is of one language: p = 1.
  assert by_hand["peer@20"][-1] == pytest.approx((0.6831 + 1) / 2, abs=5e-5)


def test_peer_of_what_is_not_relevant_by_hand(by_hand):
  # Of the 20, 17: German 1 2 5 8 9 11 13, English 3 4 6 7, Chinese 10 12 14 15
  # 16 17; means 7, 5 and 14 about 9, squares 17 (17^2 - 1) / 12 = 408. H = 16
  # (7 * 4 + 4 * 16 + 6 * 25) / 408 = 484 / 51, of two degrees of freedom: p =
  # exp(-H / 2) = exp(-242 / 51).
  assert by_hand["peer_nonrelevant@20"][-1] == pytest.approx(
    math.exp(-242 / 51)
  )


def test_language_divergence_by_hand(by_hand):
  # 5 German, 5 English of 10; the pool is 1 / 2, 1 / 4, 1 / 4. Their middle is
  # 1 / 2, 3 / 8, 1 / 8: (1 / 2 log2(4 / 3) + 1 / 4 log2(2 / 3) + 1 / 4) / 2.
  assert by_hand["language_divergence@10"][-1] == pytest.approx(
    (0.5 * 0.415037 - 0.25 * 0.584963 + 0.25) / 2, abs=1e-6
  )
  assert by_hand["own_language_share@10"][-1] == 0.5


def test_answers_by_hand(by_hand):
  # The best in English is rank 5, not rank 1, which is the gold word for word:
  # `red fox` of 4 and of 3 tokens.
  nan = np.nan
  for measure, value in (("token_f1", 2 * 2 / (4 + 3)), ("exact_match", 0)):
    np.testing.assert_allclose(by_hand[measure], [nan, value, nan, nan])


def test_only_where_wanted(benchmark, ranking, values):
  wanted = needed(benchmark, ["mono"])
  mono = every_value(benchmark, ranking, wanted, CUTOFFS)
  for name, by_query in mono.items():
    assert np.isnan(by_query[~wanted]).all()
    np.testing.assert_array_equal(by_query[wanted], values[name][wanted])


def test_answers_are_of_sentences_and_of_what_is_shown(
  benchmark, ranking, values
):
  wanted = needed(benchmark, SETTINGS)
  context = dataclasses.replace(
    benchmark,
    unit="sentence in context",
    passage_texts=tuple(f"{text} around" for text in benchmark.passage_texts),
  )
  again = every_value(context, ranking, wanted, CUTOFFS)
  np.testing.assert_array_equal(again["token_f1"], values["token_f1"])
  passages = dataclasses.replace(benchmark, unit="passage")
  names = set(every_value(passages, ranking, wanted, CUTOFFS))
  assert names == set(values) - {"token_f1", "exact_match"}


def test_of_a_run_that_did_not_retrieve_everything(benchmark, ranking, values):
  lost = dataclasses.replace(
    ranking,
    gold_ranks=np.where(ranking.gold_ranks > 20, np.inf, ranking.gold_ranks),
  )
  wanted = needed(benchmark, SETTINGS)
  cut = every_value(benchmark, lost, wanted, CUTOFFS)
  for name in ("map@20", "recall@10", "ndcg@10", "f1@3"):
    np.testing.assert_array_equal(cut[name], values[name])
  assert np.nanmean(cut["map"][:, -1]) < np.nanmean(values["map"][:, -1])
  assert not np.isnan(cut["map"][:, -1]).any()
  far = np.zeros(len(benchmark.query_ids), bool)
  far[benchmark.gold_queries[ranking.gold_ranks > 20]] = True
  assert np.isnan(cut["rank_distance"][far, -1]).all()


def test_lists_that_are_too_short_are_refused(benchmark, ranking):
  wanted = needed(benchmark, SETTINGS)
  for short in (
    dataclasses.replace(ranking, top=ranking.top[:, :19]),
    dataclasses.replace(ranking, own_top=ranking.own_top[:, :0]),
  ):
    with pytest.raises(ValueError, match="lists of"):
      every_value(benchmark, short, wanted, CUTOFFS)


def test_the_order_of_queries_does_not_matter(benchmark, ranking, values):
  rng = np.random.default_rng(1)
  Q = len(benchmark.query_ids)
  order = rng.permutation(Q)
  golds = np.concatenate(
    [np.flatnonzero(benchmark.gold_queries == query) for query in order]
  )
  counts = np.diff(benchmark.gold_offsets)[order]
  moved = dataclasses.replace(
    benchmark,
    query_ids=tuple(benchmark.query_ids[query] for query in order),
    query_texts=tuple(benchmark.query_texts[query] for query in order),
    query_languages=benchmark.query_languages[order],
    gold_offsets=np.cumsum([0, *counts]),
    gold_passages=benchmark.gold_passages[golds],
    gold_grades=benchmark.gold_grades[golds],
  )
  lists = {
    field: getattr(ranking, field)[order]
    for field in (
      *("top", "top_scores", "language_top", "language_scores"),
      *("own_top", "own_scores"),
    )
  }
  again = every_value(
    moved,
    Ranking(
      gold_ranks=ranking.gold_ranks[golds],
      gold_language_ranks=ranking.gold_language_ranks[golds],
      **lists,
    ),
    needed(moved, SETTINGS),
    CUTOFFS,
  )
  for name, by_query in values.items():
    np.testing.assert_allclose(again[name], by_query[order], rtol=1e-12)
