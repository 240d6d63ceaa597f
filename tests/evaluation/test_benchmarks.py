import dataclasses
import re

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from hybrid_ir.data.judged import Texts
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Gold, build, from_records, pairs
from hybrid_ir.evaluation.evaluate import evaluate, list_depths, rank_embeddings
from hybrid_ir.evaluation.faults import Faults


def record(id, language, passage):
  return Record(
    id,
    language,
    f"{id} in {language}?",
    passage,
    where=f"{language}.jsonl:{id}",
  )


POOL = [
  record("1", "en", "one"),
  record("2", "en", "two"),
  record("3", "en", "one"),  # the same candidate as 1
  record("1", "de", "eins"),
  record("10", "de", "zehn"),
  record("4", "de", "one"),  # a candidate of its own: another language
]


def gold_ids(benchmark):
  return {
    benchmark.query_ids[q]: {
      benchmark.passage_ids[g]
      for g in benchmark.gold_passages[
        benchmark.gold_offsets[q] : benchmark.gold_offsets[q + 1]
      ]
    }
    for q in range(len(benchmark.query_ids))
  }


def test_records_by_hand():
  queries = [POOL[2], POOL[0], record("1", "fr", "not in the pool")]
  benchmark = from_records("tiny", queries, POOL)
  assert benchmark.unit == "passage"
  assert benchmark.languages == ("de", "en", "fr")
  assert benchmark.passage_ids == ("en:2", "en:1", "de:4", "de:10", "de:1")
  assert benchmark.passage_texts == ("two", "one", "one", "zehn", "eins")
  assert benchmark.passage_languages.tolist() == [1, 1, 0, 0, 0]
  assert benchmark.distinct_texts == ("two", "one", "zehn", "eins")
  assert benchmark.distinct_index.tolist() == [0, 1, 1, 2, 3]
  assert benchmark.query_languages.tolist() == [1, 1, 2]
  assert benchmark.gold_queries.tolist() == [0, 1, 1, 2, 2]
  assert benchmark.gold_grades.tolist() == [1] * 5
  assert benchmark.faults == ()
  assert gold_ids(benchmark) == {
    "en:3": {"en:1"},
    "en:1": {"en:1", "de:1"},
    "fr:1": {"en:1", "de:1"},
  }


def test_instructions_stay_with_their_queries():
  told = dataclasses.replace(POOL[3], instruction="find")
  benchmark = from_records("b", [POOL[0], told], POOL)
  assert dict(
    zip(benchmark.query_ids, benchmark.query_instructions, strict=True)
  ) == {"de:1": "find", "en:1": ""}
  assert from_records("b", POOL[:2], POOL).query_instructions == ()


def of_group(id, language, query, passage, group="g"):
  return Record(id, language, query, passage, f"{language}/{id}", group=group)


def test_ids_of_one_query_are_one_query():
  pool = [
    of_group("q1-p1", "sw", "wapi?", "hapa", "q1"),
    of_group("q1-p2", "sw", "wapi?", "pale", "q1"),
    of_group("q2-p9", "sw", "nini?", "kitu", "q2"),
  ]
  benchmark = from_records("miracl", pool, pool)
  assert gold_ids(benchmark) == {
    "sw:q1-p1": {"sw:q1-p1", "sw:q1-p2"},
    "sw:q2-p9": {"sw:q2-p9"},
  }
  assert benchmark.passage_ids == ("sw:q2-p9", "sw:q1-p2", "sw:q1-p1")
  # Ranked as well as can be, it is as good as can be.
  ideal = np.eye(3, dtype=np.float32)
  queries = np.stack([ideal[1] + ideal[2], ideal[0]])
  ranking = rank_embeddings(benchmark, queries, ideal, list_depths(benchmark))
  best = {
    (r.setting, r.measure): (r.value, r.queries)
    for r in evaluate(benchmark, ranking, cutoffs=(1, 2)).results
    if r.query_language == "*" and r.measure in ("map", "recall@2")
  }
  assert best == {
    (setting, measure): (1, 2)
    for setting in ("mono", "multi")
    for measure in ("map", "recall@2")
  }


def test_in_several_languages_ids_stay_aligned():
  texts = {"de": "wo?", "en": "where?"}
  pool = [
    of_group(id, language, query, f"{id} {language}")
    for language, query in texts.items()
    for id in ("a", "b", "c")
    if (id, language) != ("a", "de")  # German asks it by b first
  ]
  benchmark = from_records("mmarco", pool, pool)
  gold = {"de:b", "de:c", "en:a", "en:b", "en:c"}
  assert gold_ids(benchmark) == {"de:b": gold, "en:b": gold}
  assert benchmark.query_texts == ("wo?", "where?")
  # In another split, too; and only the queries that are asked.
  benchmark = from_records("mmarco", pool[-1:], pool)
  assert gold_ids(benchmark) == {"en:c": gold}


def test_other_queries_of_a_group_stay_as_they_are():
  pool = [
    of_group("a", "en", "where?", "here"),
    of_group("b", "en", "who?", "ann"),
    of_group("c", "en", "where?", "there", group="other"),
    of_group("d", "de", "wo?", "hier"),  # no language in common
    of_group("e", "en", "why?", "so"),
    of_group("e", "de", "warum?", "darum"),
    of_group("f", "en", "why?", "thus"),
    of_group("f", "de", "wieso?", "deshalb"),  # the same in English alone
    Record("g", "en", "where?", "anywhere", "no group"),
    dataclasses.replace(
      of_group("h", "en", "where?", "home"), instruction="find"
    ),
  ]
  benchmark = from_records("any", pool, pool)
  assert {id[3:] for id in benchmark.query_ids} == set("abcdefgh")
  for id, gold in gold_ids(benchmark).items():
    assert {passage[3:] for passage in gold} == {id[3:]}


def test_an_id_that_stands_twice_is_a_fault_in_a_group_too():
  pool = [of_group(id, "en", "where?", id) for id in "ab"]
  with pytest.raises(UserError, match=r"queries whose id stands twice: 1 "):
    from_records("any", [*pool, pool[0]], pool)


def test_the_fingerprint_is_of_all_that_is_scored():
  made = from_records("b", POOL[:2], POOL)
  assert made.fingerprint == from_records("b", POOL[:2], POOL).fingerprint
  others = [
    from_records("c", POOL[:2], POOL),
    from_records("b", POOL[:1], POOL),
    from_records("b", POOL[:2], POOL[:4]),
    from_records("b", [POOL[0], POOL[2]], POOL),
    dataclasses.replace(made, gold_passages=made.gold_passages[::-1]),
    dataclasses.replace(made, query_texts=made.query_texts[::-1]),
  ]
  assert len({made.fingerprint, *(b.fingerprint for b in others)}) == 7


@pytest.mark.parametrize(
  ("field", "value"),
  [
    ("name", "c"),
    ("languages", ("da", "en")),
    ("query_ids", ("en:1", "en:3")),
    ("query_texts", ("1 in en?", "2 in English?")),
    ("query_languages", np.array([0, 1], np.int32)),
    ("query_instructions", ("find", "")),
    ("passage_ids", ("en:2", "en:1", "de:4", "de:11", "de:1")),
    ("passage_texts", ("two", "one", "one", "ten", "eins")),
    ("passage_languages", np.array([1, 1, 0, 1, 0], np.int32)),
    ("gold_offsets", np.array([0, 1, 3])),
    ("gold_passages", np.array([1, 3, 0], np.int32)),
    ("gold_grades", np.array([1, 2, 1], np.int32)),
  ],
)
def test_the_fingerprint_is_of_each_field(field, value):
  made = from_records("b", POOL[:2], POOL)
  before = getattr(made, field)
  assert np.shape(value) == np.shape(before) or before == ()
  assert getattr(value, "dtype", None) == getattr(before, "dtype", None)
  other = dataclasses.replace(made, **{field: value})
  assert other.fingerprint != made.fingerprint


def renamed(i, id):
  return [dataclasses.replace(r, id=id) if r is POOL[i] else r for r in POOL]


TWICE = r"records whose id stands twice in their language: 1 "
BAD = [
  (POOL[:1], renamed(1, "1"), TWICE + r'.en.jsonl:2 "1".'),
  (POOL[:1], [*POOL, POOL[0]], TWICE + r'.en.jsonl:1 "1".'),
  (
    [POOL[0], POOL[0]],
    POOL,
    r'queries whose id stands twice: 1 .en.jsonl:1 "en:1".',
  ),
  (
    [POOL[0], record("9", "en", "nine")],
    POOL,
    r'queries without a relevant passage: 1 .en.jsonl:9 "en:9".',
  ),
  (
    POOL[:1],
    renamed(4, "a b"),
    r"passages whose id is empty or holds white space, .*: 1 .de.jsonl:10",
  ),
  (
    [POOL[0], dataclasses.replace(POOL[1], query=" ")],
    POOL,
    r'queries without a text: 1 .en.jsonl:2 "en:2".',
  ),
]


@pytest.mark.parametrize(("queries", "pool", "message"), BAD)
def test_faults_are_named(queries, pool, message):
  with pytest.raises(UserError, match=message) as error:
    from_records("tiny", queries, pool)
  assert "\n" not in str(error.value)
  assert str(error.value).endswith("by --config.evaluate.allow_faults=true")


@pytest.mark.parametrize(("queries", "pool", "message"), BAD)
def test_faults_are_left_out_and_counted(queries, pool, message):
  benchmark = from_records("tiny", queries, pool, allow_faults=True)
  (fault,) = benchmark.faults
  assert re.match(message, fault)
  assert gold_ids(benchmark) == {"en:1": {"en:1", "de:1"}}
  assert "de:a b" not in benchmark.passage_ids


def test_nothing_to_ask_or_to_search():
  with pytest.raises(UserError, match=r"'tiny' has no queries"):
    from_records("tiny", [], POOL)
  with pytest.raises(UserError, match=r"'tiny' has no queries"):
    from_records("tiny", [record("9", "en", "")], POOL, allow_faults=True)
  with pytest.raises(UserError, match=r"'tiny' has no passages"):
    build(
      "tiny",
      "passage",
      texts("en:1"),
      texts(),
      pairs([]),
      faults=Faults(),
      gold_needed=False,
    )


def texts(*ids):
  return Texts(ids, ["en"] * len(ids), [f"{i}!" for i in ids], "line {}".format)


def test_the_highest_grade_of_a_pair_counts_whatever_the_order():
  gold = Gold(
    np.array([1, 0, 0, 1, 0]),
    np.array([0, 2, 2, 1, 0]),
    np.array([1, 1, 3, 2, 1]),
  )
  benchmark = build(
    *("tiny", "passage", texts("en:b", "en:a"), texts("x", "z", "y"), gold),
    faults=Faults(),
  )
  assert benchmark.query_ids == ("en:b", "en:a")  # as they were read
  assert benchmark.passage_ids == ("z", "y", "x")
  assert benchmark.gold_offsets.tolist() == [0, 2, 4]
  assert benchmark.gold_passages.tolist() == [1, 2, 0, 2]
  assert benchmark.gold_grades.tolist() == [3, 1, 2, 1]
  assert benchmark.gold_grades.dtype == np.int32
  assert benchmark.passage_shown == benchmark.passage_texts


def test_of_two_passages_with_one_id_the_first_stands():
  pool = Texts(["a", "b", "a"], ["en", "en", "de"], ["1", "2", "3"], str)
  benchmark = build(
    *("tiny", "passage", texts("en:q"), pool, pairs([(0, 0), (0, 2)])),
    faults=Faults(),
    allow_faults=True,
  )
  assert benchmark.passage_texts == ("2", "1")
  assert benchmark.gold_passages.tolist() == [1]
  assert benchmark.faults == ('passages whose id stands twice: 1 (2 "a")',)
  assert benchmark.languages == ("en",)


def test_queries_without_gold_may_be_wanted():
  benchmark = build(
    *("tiny", "passage", texts("en:1", "en:2", "en:3"), texts("x")),
    pairs([(1, 0)]),
    faults=Faults(),
    gold_needed=False,
  )
  assert benchmark.gold_offsets.tolist() == [0, 0, 1, 1]
  assert benchmark.gold_queries.tolist() == [1]


def test_many_faults_are_counted_the_first_named():
  faults = Faults()
  for i in range(5):
    faults.add("lines that rhyme", f"x:{i}")
  faults.add("lines that do not", "y:1")
  assert faults.settle("tiny", allow=True) == (
    "lines that rhyme: 5 (x:0, x:1, x:2, …)",
    "lines that do not: 1 (y:1)",
  )
  with pytest.raises(UserError) as caught:
    faults.settle("tiny", allow=False)
  assert str(caught.value) == (
    "benchmark 'tiny' has lines that rhyme: 5 (x:0, x:1, x:2, …); lines that do"
    " not: 1 (y:1); mend them, or leave them out by"
    " --config.evaluate.allow_faults=true"
  )


@hypothesis.given(
  ids=st.lists(
    st.text(st.characters(categories=("L", "N", "So")), min_size=1, max_size=3),
    min_size=1,
    max_size=8,
    unique=True,
  ),
  seed=st.integers(0, 99),
)
def test_order_and_gold_against_a_plain_version(ids, seed):
  rng = np.random.default_rng(seed)
  Q, G = 3, 12
  gold = Gold(
    rng.integers(Q, size=G),
    rng.integers(len(ids), size=G),
    rng.integers(1, 4, G),
  )
  best = {}
  for query, passage, grade in zip(
    *map(np.ndarray.tolist, (gold.queries, gold.passages, gold.grades)),
    strict=True,
  ):
    pair = query, ids[passage]
    best[pair] = max(grade, best.get(pair, 0))
  benchmark = build(
    *("any", "passage", texts("en:0", "en:1", "en:2"), texts(*ids), gold),
    faults=Faults(),
    gold_needed=False,
  )
  assert benchmark.passage_ids == tuple(
    sorted(ids, key=lambda id: id.encode(), reverse=True)
  )
  assert best == {
    (query, benchmark.passage_ids[passage]): grade
    for query, passage, grade in zip(
      benchmark.gold_queries.tolist(),
      benchmark.gold_passages.tolist(),
      benchmark.gold_grades.tolist(),
      strict=True,
    )
  }
