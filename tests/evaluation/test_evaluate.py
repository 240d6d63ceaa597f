import dataclasses

import ir_measures
import numpy as np
import pytest

from hybrid_ir.config import SETTINGS
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import evaluate as evaluation
from hybrid_ir.evaluation.benchmarks import from_records
from hybrid_ir.evaluation.evaluate import evaluate, list_depths, rank_embeddings
from hybrid_ir.evaluation.lists import scann_lists
from hybrid_ir.evaluation.results import needed
from hybrid_ir.evaluation.runs import write_qrels, write_run

# Id 2 has no French. Columns: fr:1 en:2 en:1 de:2 de:1, ties go left.
IDS = ["de:1", "de:2", "en:1", "en:2", "fr:1"]
SCORES = np.array(
  [
    [1, 2, 3, 4, 5],  # de:1: ranks de 1, en 3, fr 5
    [5, 5, 5, 5, 5],  # de:2: ranks en 2, de 4
    [0, 4, 3, 2, 1],  # en:1: ranks en 2, de 4, fr 5
    [5, 4, 3, 2, 1],  # en:2: ranks en 2, de 4
    [1, 5, 2, 4, 3],  # fr:1: ranks de 3, en 4, fr 5
  ],
  np.float32,
)
MULTI = {
  "de": ((1 + 2 / 3 + 3 / 5) / 3 + (1 / 2 + 2 / 4) / 2) / 2,
  "en": ((1 / 2 + 2 / 4 + 3 / 5) / 3 + (1 / 2 + 2 / 4) / 2) / 2,
  "fr": (1 / 3 + 2 / 4 + 3 / 5) / 3,
}


@pytest.fixture(scope="module")
def tiny():
  records = []
  for query in IDS:
    language, id = query.split(":")
    records.append(Record(id, language, f"{query}?", f"{query}!", query))
  return from_records("tiny", records, records)


EYE = np.eye(5, dtype=np.float32)


def rank(tiny, scores=SCORES, **depths):
  """Passages are unit vectors: the query embeddings are the scores."""
  return rank_embeddings(tiny, scores, EYE, list_depths(tiny, **depths))


@pytest.fixture(scope="module")
def evaluated(tiny):
  return evaluate(tiny, rank(tiny), cutoffs=(1, 2))


def figures(evaluation, setting, measure, search="exact"):
  return {
    (r.query_language, r.passage_language): (
      round(r.value, 9),
      r.queries,
      r.dropped,
      r.candidates,
    )
    for r in evaluation.results
    if (r.setting, r.measure, r.search) == (setting, measure, search)
  }


def test_mono_by_hand(evaluated):
  assert figures(evaluated, "mono", "map") == {
    ("de", "de"): (1.0, 2, 0, 2),
    ("en", "en"): (0.75, 2, 0, 2),
    ("fr", "fr"): (1.0, 1, 0, 1),
    ("*", "*"): (round(2.75 / 3, 9), 5, 0, 5),
    ("micro", "*"): (0.9, 5, 0, 5),
  }


def test_cross_by_hand(evaluated):
  assert figures(evaluated, "cross", "map") == {
    ("de", "en"): (1.0, 2, 0, 2),
    ("de", "fr"): (1.0, 1, 1, 1),
    ("en", "de"): (0.75, 2, 0, 2),
    ("en", "fr"): (1.0, 1, 1, 1),
    ("fr", "de"): (0.5, 1, 0, 2),
    ("fr", "en"): (0.5, 1, 0, 2),
    ("de", "*"): (1.0, 3, 1, 3),
    ("en", "*"): (0.875, 3, 1, 3),
    ("fr", "*"): (0.5, 2, 0, 4),
    ("*", "de"): (0.625, 3, 0, 2),
    ("*", "en"): (0.75, 3, 0, 2),
    ("*", "fr"): (1.0, 2, 2, 1),
    ("*", "*"): (round(4.75 / 6, 9), 8, 2, 5),
    ("micro", "*"): (round(6.5 / 8, 9), 8, 2, 5),
  }


def test_multi_by_hand(evaluated):
  macro = round(sum(MULTI.values()) / 3, 9)
  micro = round((2 * MULTI["de"] + 2 * MULTI["en"] + MULTI["fr"]) / 5, 9)
  assert figures(evaluated, "multi", "map") == {
    ("de", "all"): (round(MULTI["de"], 9), 2, 0, 5),
    ("en", "all"): (round(MULTI["en"], 9), 2, 0, 5),
    ("fr", "all"): (round(MULTI["fr"], 9), 1, 0, 5),
    ("*", "all"): (macro, 5, 0, 5),
    ("micro", "all"): (micro, 5, 0, 5),
  }
  assert figures(evaluated, "multi", "rank_distance") == {
    ("de", "all"): (3.0, 2, 0, 5),
    ("en", "all"): (2.5, 2, 0, 5),
    ("fr", "all"): (2.0, 1, 0, 5),
    ("*", "all"): (2.5, 5, 0, 5),
    ("micro", "all"): (2.6, 5, 0, 5),
  }
  recall = figures(evaluated, "multi", "recall@2")
  assert recall["de", "all"][0] == round((1 / 3 + 1 / 2) / 2, 9)
  success = figures(evaluated, "multi", "success@2")
  assert [success[x, "all"][0] for x in ("de", "en", "fr")] == [1, 1, 0]
  assert figures(evaluated, "mono", "rank_distance") == {}


def test_beside_the_figures(evaluated, tiny):
  assert evaluated.pool_share.tolist() == [0.4, 0.4, 0.2]
  np.testing.assert_allclose(evaluated.language_share, [[0.4, 0.4, 0.2]] * 3)
  # First: de:1 de, de:2 en, en:1 en, en:2 en, fr:1 de.
  np.testing.assert_allclose(
    evaluated.preference, [[0.5, 0.5, 0], [0, 1, 0], [1, 0, 0]]
  )
  first = evaluated.examples[0]
  assert (first.query_id, first.query_language, first.query) == (
    *("de:1", "de", "de:1?"),
  )
  assert [hit.passage_id for hit in first.hits] == [
    *("de:1", "de:2", "en:1", "en:2", "fr:1")
  ]
  assert [hit.relevant for hit in first.hits] == [
    True,
    False,
    True,
    False,
    True,
  ]
  assert [hit.rank for hit in first.hits] == [1, 2, 3, 4, 5]
  assert len(evaluated.examples) == len(tiny.query_ids)


def test_only_what_is_asked_for(tiny):
  mono = evaluate(tiny, rank(tiny), settings=("mono",))
  assert {r.setting for r in mono.results} == {"mono"}
  wanted = ~np.isnan(mono.per_query["recall@1"])
  assert wanted.sum(axis=0).tolist() == [2, 2, 1, 0]
  assert not mono.runs


def test_settings_without_a_meaning_are_left_out(tiny):
  alone = dataclasses.replace(tiny, settings=("multi",))
  done = evaluate(alone, rank(tiny))
  assert {r.setting for r in done.results} == {"multi"}
  with pytest.raises(UserError, match=r"\('mono',\), but .* has multi only"):
    evaluate(alone, rank(tiny), settings=("mono",))


def test_without_a_pool_of_all_there_is_nothing_to_show_of_it(tiny):
  """As of bitext, where a query may find itself there."""
  alone = dataclasses.replace(tiny, settings=("cross",))
  done = evaluate(alone, rank(tiny))
  assert done.front.top.shape == (5, 10)
  assert (done.front.top == -1).all()
  assert np.isnan(done.language_share).all()
  assert np.isnan(done.preference).all()
  assert [example.hits for example in done.examples] == [()] * 5


def test_scann_beside_exact(tiny):
  pytest.importorskip("scann")
  # Another second query, and no zeros: ScaNN promises no order between equal
  # scores, and takes no embedding of length 0.
  scores = np.vstack([SCORES[:1], SCORES[:1], SCORES[2:]])
  found, lines = scann_lists(tiny, scores, EYE, needed(tiny, SETTINGS), 10)
  assert not lines  # brute force
  ranking = rank(tiny, scores, approximate=10)
  both = evaluate(tiny, ranking, approximate=found)
  for setting in SETTINGS:
    for measure in ("recall@1", "success@5", "ndcg@10"):
      exactly = figures(both, setting, measure)
      assert exactly
      assert figures(both, setting, measure, "scann") == exactly
    assert not figures(both, setting, "recall@100", "scann")
    recall = figures(both, setting, "ann_recall@10", "scann")
    assert {value for value, *_ in recall.values()} == {1.0}


def test_embeddings_of_something_else_are_refused(tiny):
  depths = list_depths(tiny)
  with pytest.raises(UserError, match=r"query .*\(4, 5\).* expects 5 rows"):
    rank_embeddings(tiny, SCORES[:4], EYE, depths)
  with pytest.raises(UserError, match=r"passage .*\(3, 5\).* expects 5 rows"):
    rank_embeddings(tiny, SCORES, EYE[:3], depths)


def random_benchmark(rng):
  records = [
    Record(str(id), language, f"{id}?", f"{rng.integers(40)}", f"{id}")
    for language in ("ar", "de", "zh")
    for id in rng.choice(60, 45, replace=False)
  ]
  return from_records("random", records, records)


def test_equals_trec_eval_on_the_files_of_the_full_rankings(tmp_path):
  rng = np.random.default_rng(0)
  benchmark = random_benchmark(rng)
  Q, U = len(benchmark.query_ids), len(benchmark.distinct_texts)
  # Small integers: many ties, and sums without rounding.
  runs = {
    "run_settings": ("mono", "multi"),
    "run_depth": len(benchmark.passage_ids),
  }
  ranking = rank_embeddings(
    benchmark,
    rng.integers(-3, 4, (Q, 3)).astype(np.float32),
    rng.integers(-3, 4, (U, 3)).astype(np.float32),
    list_depths(benchmark, **runs),
  )
  done = evaluate(benchmark, ranking, **runs)
  L = len(benchmark.languages)
  answered = benchmark.passage_languages[benchmark.gold_passages]
  asked = benchmark.query_languages[benchmark.gold_queries]
  cases = {
    "multi": (np.full(Q, L), np.ones(len(asked), bool)),
    "mono": (benchmark.query_languages, asked == answered),
  }
  for setting, (pools, gold) in cases.items():
    run, qrels = tmp_path / f"{setting}.trec", tmp_path / f"{setting}.qrels"
    ids = benchmark.query_ids, benchmark.passage_ids
    lists = done.runs[setting]
    write_run(run, "random", *ids, lists.top, lists.scores)
    write_qrels(
      qrels,
      *ids,
      benchmark.gold_queries[gold],
      benchmark.gold_passages[gold],
      benchmark.gold_grades[gold],
    )
    scored = 0
    for metric in ir_measures.iter_calc(
      [
        ir_measures.AP,
        ir_measures.RR,
        ir_measures.nDCG @ 10,
        ir_measures.R @ 5,
      ],
      list(ir_measures.read_trec_qrels(str(qrels))),
      list(ir_measures.read_trec_run(str(run))),
    ):
      name = {"AP": "map", "RR": "mrr", "nDCG@10": "ndcg@10", "R@5": "recall@5"}
      query = benchmark.query_ids.index(metric.query_id)
      mine = done.per_query[name[str(metric.measure)]][query, pools[query]]
      assert mine == pytest.approx(metric.value, abs=1e-9)
      scored += 1
    assert scored == 4 * Q


def test_the_first_ten_of_the_pool_of_all_are_in_front():
  rng = np.random.default_rng(2)
  benchmark = random_benchmark(rng)
  Q, U = len(benchmark.query_ids), len(benchmark.distinct_texts)
  embeddings = rng.standard_normal((Q + U, 3)).astype(np.float32)
  ranking = rank_embeddings(
    benchmark, embeddings[:Q], embeddings[Q:], list_depths(benchmark)
  )
  front = evaluate(benchmark, ranking).front
  assert front.top.shape == (Q, 10)
  np.testing.assert_array_equal(front.top, ranking.top[:, :10])
  np.testing.assert_array_equal(front.scores, ranking.top_scores[:, :10])


def test_example_queries_are_drawn_by_the_seed():
  rng = np.random.default_rng(1)
  benchmark = random_benchmark(rng)
  Q, U = len(benchmark.query_ids), len(benchmark.distinct_texts)

  def drawn(seed):
    embeddings = rng.standard_normal((Q + U, 3)).astype(np.float32)
    ranking = rank_embeddings(
      benchmark, embeddings[:Q], embeddings[Q:], list_depths(benchmark)
    )
    done = evaluate(benchmark, ranking, seed=seed)
    return [example.query_id for example in done.examples]

  assert len(set(drawn(0))) == evaluation._EXAMPLES
  assert drawn(0) == drawn(0)
  assert drawn(0) != drawn(1)
