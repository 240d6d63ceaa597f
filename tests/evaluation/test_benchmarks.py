import dataclasses
import itertools
import pathlib

import numpy as np
import pytest

from hybrid_ir.data import lareqa
from hybrid_ir.data.lareqa import Paragraph, Question, Sentence
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import from_paragraphs, from_records

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared"
LAREQA = SHARED / "data" / "lareqa"


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
  assert gold_ids(benchmark) == {
    "en:3": {"en:1"},
    "en:1": {"en:1", "de:1"},
    "fr:1": {"en:1", "de:1"},
  }


def paragraph(language, number, sentences, golds):
  name = f"{language}/{number}"
  return Paragraph(
    id=name,
    language=language,
    title="A title",
    context=" ".join(sentences),
    sentences=tuple(
      Sentence(f"{name}-{i}", text) for i, text in enumerate(sentences)
    ),
    questions=tuple(
      Question(id, f"{id} in {language}?", gold) for id, gold in golds.items()
    ),
    where=f"{language}.json: paragraph {number}",
  )


PARAGRAPHS = {
  "en": [
    paragraph("en", 0, ["A.", "B.", "A."], {"q1": 1, "q2": 1}),
    paragraph("en", 1, ["C."], {"q3": 0}),
  ],
  "de": [paragraph("de", 0, ["Ah.", "Be."], {"q1": 0})],
}


def test_paragraphs_by_hand():
  benchmark = from_paragraphs("tiny", "sentence", PARAGRAPHS)
  assert benchmark.passage_ids == (
    *("en/1-0", "en/0-2", "en/0-1", "en/0-0"),
    *("de/0-1", "de/0-0"),
  )
  assert len(benchmark.distinct_texts) == 5
  assert gold_ids(benchmark) == {
    "en:q1": {"en/0-1", "de/0-0"},
    "en:q2": {"en/0-1"},
    "en:q3": {"en/1-0"},
    "de:q1": {"en/0-1", "de/0-0"},
  }


def renamed(i, id):
  return [dataclasses.replace(r, id=id) if r is POOL[i] else r for r in POOL]


@pytest.mark.parametrize(
  ("queries", "pool", "message"),
  [
    (POOL[:1], renamed(1, "1"), "en.jsonl:2: id '1' stands twice"),
    (POOL[:1], [*POOL, POOL[0]], "en.jsonl:1: id '1' stands twice"),
    ([POOL[0], POOL[0]], POOL, "en.jsonl:1: id 'en:1' stands twice"),
    ([record("9", "en", "nine")], POOL, "en.jsonl:9: query '9' has no gold"),
    (POOL[:1], renamed(4, "a b"), "de.jsonl:10: id 'de:a b' holds white space"),
    ([], POOL, "no queries"),
  ],
)
def test_bad_input_is_named(queries, pool, message):
  with pytest.raises(UserError, match=message) as error:
    from_records("tiny", queries, pool)
  assert "\n" not in str(error.value)


def test_a_question_id_that_stands_twice_is_named():
  twice = {"en": [*PARAGRAPHS["en"], paragraph("en", 2, ["D."], {"q3": 0})]}
  with pytest.raises(UserError, match="paragraph 2: id 'en:q3' stands twice"):
    from_paragraphs("tiny", "sentence", twice)


@pytest.mark.skipif(not LAREQA.is_dir(), reason=f"no {LAREQA}")
@pytest.mark.parametrize(
  ("name", "candidates", "queries", "golds"),
  [
    ("xquad_r", 13_014, 13_090, {11: 13_090}),
    ("mlqa_r", 20_534, 4_199, {4: 820 * 4, 3: 263 * 3, 2: 65 * 2}),
  ],
)
def test_the_real_sets_have_the_published_counts(
  name, candidates, queries, golds, tmp_path
):
  benchmark = from_paragraphs(
    name,
    "sentence",
    {
      language: lareqa.paragraphs(
        name, language, cache_dir=tmp_path, lareqa_dir=str(LAREQA)
      )
      for language in lareqa.languages(name)
    },
  )
  assert len(benchmark.passage_ids) == candidates
  assert len(benchmark.query_ids) == queries
  counts = np.diff(benchmark.gold_offsets)
  assert dict(zip(*np.unique(counts, return_counts=True), strict=True)) == golds
  ids = np.array(benchmark.passage_ids)
  assert (ids[:-1] > ids[1:]).all()
  if name == "mlqa_r":
    english = benchmark.languages.index("en")
    asked = benchmark.query_languages[benchmark.gold_queries]
    answered = benchmark.passage_languages[benchmark.gold_passages]
    others = set(range(len(benchmark.languages))) - {english}
    shared = [
      np.sum((asked == x) & (answered == y))
      for x, y in itertools.permutations(others, 2)
    ]
    assert (min(shared), max(shared)) == (161, 207)
