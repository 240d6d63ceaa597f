import dataclasses
import pathlib

import ir_measures
import numpy as np
import pytest

from hybrid_ir.data.records import Record
from hybrid_ir.evaluation import per_query
from hybrid_ir.evaluation.benchmarks import from_records
from hybrid_ir.evaluation.bias import language_share
from hybrid_ir.evaluation.per_query import (
  cut_values,
  every_value,
  measure_names,
)
from hybrid_ir.evaluation.preference import first_languages, language_preference
from hybrid_ir.evaluation.results import SETTINGS, needed
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
