import pytest

from hybrid_ir.data.judged import Collection, Judgement, Texts
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.faults import expected_ids
from hybrid_ir.evaluation.judged import from_collections


def texts(file, ids, languages, contents=None):
  return Texts(
    ids.split(),
    languages.split(),
    contents or [f"{file} {id}" for id in ids.split()],
    lambda i: f"{file}:{i + 1}",
  )


def collection(*judged, queries=None, passages=None):
  """Queries 1 (en) and 2 (de); passages a (en), b (de), c (de)."""
  return Collection(
    queries or texts("queries", "1 2", "en de"),
    passages or texts("corpus", "a b c", "en de de"),
    [Judgement(*j, f"qrels:{i}") for i, j in enumerate(judged, 2)],
  )


GOOD = [("1", "a", 2), ("1", "b", 0), ("2", "c", 1), ("1", "c", 3)]


def gold(benchmark):
  return {
    (benchmark.query_ids[q], benchmark.passage_ids[p]): g
    for q, p, g in zip(
      benchmark.gold_queries.tolist(),
      benchmark.gold_passages.tolist(),
      benchmark.gold_grades.tolist(),
      strict=True,
    )
  }


def test_grades_above_0_are_gold():
  benchmark = from_collections("tiny", [collection(*GOOD)])
  assert benchmark.query_ids == ("en:1", "de:2")
  assert benchmark.passage_ids == ("c", "b", "a")  # as they were; all of them
  assert benchmark.passage_languages.tolist() == [0, 0, 1]
  assert gold(benchmark) == {
    ("en:1", "a"): 2,
    ("en:1", "c"): 3,
    ("de:2", "c"): 1,
  }
  assert benchmark.faults == ()


def test_ids_are_told_as_they_are():
  benchmark = from_collections("tiny", [collection(*GOOD)])
  assert expected_ids(benchmark) == (
    'LANGUAGE:ID, such as "en:1"',
    'such as "c"',
  )


def test_collections_that_number_alike_are_pooled():
  swahili = Collection(
    texts("sw/queries", "1 2", "sw sw"),
    texts("sw/corpus", "1 b", "sw sw"),
    [Judgement("1", "1", 1, "sw"), Judgement("2", "b", 1, "sw")],
  )
  yoruba = Collection(
    texts("yo/queries", "1", "yo"),
    texts("yo/corpus", "b 1", "yo yo"),
    [Judgement("1", "b", 1, "yo")],
  )
  benchmark = from_collections("pooled", [swahili, yoruba])
  assert benchmark.languages == ("sw", "yo")
  assert benchmark.query_ids == ("sw:1", "sw:2", "yo:1")
  assert benchmark.passage_ids == ("yo:b", "yo:1", "sw:b", "sw:1")
  assert benchmark.passage_texts[0] == "yo/corpus b"
  assert gold(benchmark) == {
    ("sw:1", "sw:1"): 1,
    ("sw:2", "sw:b"): 1,
    ("yo:1", "yo:b"): 1,
  }


def test_places_are_told_of_the_right_collection():
  other = collection(
    *[("3", "d", 1), ("4", "d", 1)],
    queries=texts("more", "3 4", "fr fr"),
    passages=texts("shelf", "d e", "fr fr", ["text", " "]),
  )
  with pytest.raises(UserError, match=r'without a text: 1 .shelf:2 "fr:e"'):
    from_collections("tiny", [collection(*GOOD), other])


def test_two_collections_of_one_language_that_clash():
  with pytest.raises(UserError, match="queries whose id stands twice: 2"):
    from_collections("tiny", [collection(*GOOD), collection(*GOOD)])


def test_an_id_in_two_languages_of_one_of_several_collections():
  # "LANGUAGE:ID" would tell these two apart, but no judgement does.
  clash = collection(*GOOD, passages=texts("corpus", "a b c a", "en de de fr"))
  other = Collection(
    texts("sw/queries", "1", "sw"),
    texts("sw/corpus", "a", "sw"),
    [Judgement("1", "a", 1, "sw")],
  )
  message = r'passages .* twice: 1 .corpus:4 "a" in fr after corpus:1 in en.; '
  with pytest.raises(UserError, match=message):
    from_collections("pooled", [other, clash])
  benchmark = from_collections("pooled", [other, clash], allow_faults=True)
  assert "fr:a" not in benchmark.passage_ids
  assert gold(benchmark)["en:1", "en:a"] == 2


def test_places_after_one_that_was_left_out():
  bad = collection(*GOOD, queries=texts("queries", "1 1 2 3", "en de de de"))
  with pytest.raises(UserError, match=r'passage: 1 .queries:4 "de:3".'):
    from_collections("tiny", [bad])


BAD = [
  (
    collection(*GOOD, ("9", "a", 1)),
    r'judgements of unknown queries: 1 .qrels:6 "9".',
  ),
  (
    collection(*GOOD, ("1", "z", 0)),
    r'judgements of unknown passages: 1 .qrels:6 "z".',
  ),
  (
    collection(*GOOD, ("1", "a", 1)),
    r"judgements that differ from an earlier one of their query and passage: 1"
    r' .qrels:6 "a".',
  ),
  (
    collection(*GOOD, queries=texts("queries", "1 2 3", "en de de")),
    r'queries without a relevant passage: 1 .queries:3 "de:3".',
  ),
  (
    collection(*GOOD, queries=texts("queries", "1 2 1", "en de en")),
    r'queries whose id stands twice: 1 .queries:3 "1" in en after queries:1 in',
  ),
  (
    collection(*GOOD, queries=texts("queries", "1 2 1", "en de de")),
    r'has queries whose id stands twice: 1 .queries:3 "1" in de after'
    r" queries:1 in en.; mend",
  ),
  (
    collection(*GOOD, passages=texts("corpus", "a b c a", "en de de en")),
    r'passages whose id stands twice: 1 .corpus:4 "a" in en after corpus:1 in',
  ),
  (
    collection(
      *GOOD,
      passages=Texts(
        ["a", "b", "c", "d e"], ["en", "de", "de", "de"], list("abcd"), str
      ),
    ),
    r'passages whose id is empty or holds white space, .*: 1 .3 "d e".',
  ),
  (
    collection(
      *GOOD, passages=texts("corpus", "a b c", "en de de", ["x", "\t", "z"])
    ),
    r'passages without a text: 1 .corpus:2 "b".',
  ),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_faults_are_named_in_one_line(bad, message):
  with pytest.raises(UserError, match=message) as caught:
    from_collections("tiny", [bad])
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_faults_are_left_out_and_counted(bad, message):
  benchmark = from_collections("tiny", [bad], allow_faults=True)
  assert len(benchmark.faults) == 1
  assert gold(benchmark) == gold(from_collections("tiny", [collection(*GOOD)]))


def test_a_judgement_said_twice_alike_is_no_fault():
  benchmark = from_collections("tiny", [collection(*GOOD, GOOD[0])])
  assert len(benchmark.gold_passages) == 3


def test_a_query_that_loses_its_gold_is_left_out_too():
  lost = collection(*GOOD[:2], ("2", "z", 1))
  benchmark = from_collections("tiny", [lost], allow_faults=True)
  assert benchmark.query_ids == ("en:1",)
  assert [fault.partition(":")[0] for fault in benchmark.faults] == [
    "judgements of unknown passages",
    "queries without a relevant passage",
  ]
