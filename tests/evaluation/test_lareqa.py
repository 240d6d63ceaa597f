import itertools
import pathlib

import numpy as np
import pytest

from hybrid_ir.config import Data
from hybrid_ir.data.lareqa import Paragraph, Question, Sentence
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.catalog import open_benchmark
from hybrid_ir.evaluation.lareqa import from_paragraphs

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared"
LAREQA = SHARED / "data" / "lareqa"


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
    paragraph("en", 1, ["A."], {"q3": 0}),
  ],
  "de": [paragraph("de", 0, ["Ah.", "Be."], {"q1": 0})],
}
IDS = ("en/1-0", "en/0-2", "en/0-1", "en/0-0", "de/0-1", "de/0-0")


def gold_ids(benchmark):
  gold = {id: set() for id in benchmark.query_ids}
  for query, passage in zip(
    benchmark.gold_queries, benchmark.gold_passages, strict=True
  ):
    gold[benchmark.query_ids[query]].add(benchmark.passage_ids[passage])
  return gold


SENTENCES = {
  "en:q1": {"en/0-1", "de/0-0"},
  "en:q2": {"en/0-1"},
  "en:q3": {"en/1-0"},
  "de:q1": {"en/0-1", "de/0-0"},
}


def test_sentences_by_hand():
  benchmark = from_paragraphs("tiny", "sentence", PARAGRAPHS)
  assert benchmark.passage_ids == IDS
  assert benchmark.passage_texts == ("A.", "A.", "B.", "A.", "Be.", "Ah.")
  assert benchmark.passage_shown == benchmark.passage_texts
  assert len(benchmark.distinct_texts) == 4
  assert gold_ids(benchmark) == SENTENCES
  assert benchmark.gold_grades.tolist() == [1] * 6


def test_in_context_the_encoder_reads_more_than_is_shown():
  benchmark = from_paragraphs("tiny", "sentence in context", PARAGRAPHS)
  assert benchmark.passage_ids == IDS
  assert benchmark.passage_shown == ("A.", "A.", "B.", "A.", "Be.", "Ah.")
  assert benchmark.passage_texts == (
    *("A.A.", "A.A. B. A.", "B.A. B. A.", "A.A. B. A."),
    *("Be.Ah. Be.", "Ah.Ah. Be."),
  )
  # One sentence in two paragraphs is two texts; twice in one paragraph, one.
  assert len(benchmark.distinct_texts) == 5
  assert gold_ids(benchmark) == SENTENCES


def test_paragraphs_by_hand():
  benchmark = from_paragraphs("tiny", "paragraph", PARAGRAPHS)
  assert benchmark.unit == "paragraph"
  assert benchmark.passage_ids == ("en/1", "en/0", "de/0")
  assert benchmark.passage_texts == ("A.", "A. B. A.", "Ah. Be.")
  assert gold_ids(benchmark) == {
    "en:q1": {"en/0", "de/0"},
    "en:q2": {"en/0"},
    "en:q3": {"en/1"},
    "de:q1": {"en/0", "de/0"},
  }


def test_a_question_id_that_stands_twice_is_named():
  twice = {"en": [*PARAGRAPHS["en"], paragraph("en", 2, ["D."], {"q3": 0})]}
  with pytest.raises(
    UserError, match=r'twice: 1 .en.json: paragraph 2 "en:q3"'
  ):
    from_paragraphs("tiny", "sentence", twice)


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
  return tmp_path_factory.mktemp("lareqa")


@pytest.mark.skipif(not LAREQA.is_dir(), reason=f"no {LAREQA}")
@pytest.mark.parametrize(
  ("name", "unit", "candidates", "distinct"),
  [
    ("xquad_r", "sentence", 13_014, 13_000),
    ("xquad_r:context", "sentence in context", 13_014, 13_013),
    ("xquad_r:paragraph", "paragraph", 240 * 11, 240 * 11),
    ("mlqa_r", "sentence", 20_534, 20_496),
    ("mlqa_r:context", "sentence in context", 20_534, 20_520),
    ("mlqa_r:paragraph", "paragraph", 3_646, 3_640),
  ],
)
def test_the_real_sets_have_the_published_counts(
  name, unit, candidates, distinct, cache_dir
):
  benchmark = open_benchmark(name, Data(lareqa_dir=str(LAREQA)), cache_dir)
  assert benchmark.name == name.replace(":", "_")
  assert benchmark.unit == unit
  assert len(benchmark.passage_ids) == candidates
  assert len(benchmark.distinct_texts) == distinct
  golds = dict(
    zip(
      *np.unique(np.diff(benchmark.gold_offsets), return_counts=True),
      strict=True,
    )
  )
  if name.startswith("xquad_r"):
    assert golds == {11: 13_090}
  else:
    assert golds == {4: 820 * 4, 3: 263 * 3, 2: 65 * 2}
    _check_shared_questions(benchmark)
  ids = np.array(benchmark.passage_ids)
  assert (ids[:-1] > ids[1:]).all()
  assert benchmark.faults == ()


def _check_shared_questions(benchmark):
  english = benchmark.languages.index("en")
  asked = benchmark.query_languages[benchmark.gold_queries]
  answered = benchmark.passage_languages[benchmark.gold_passages]
  others = set(range(len(benchmark.languages))) - {english}
  shared = [
    np.sum((asked == x) & (answered == y))
    for x, y in itertools.permutations(others, 2)
  ]
  assert (min(shared), max(shared)) == (161, 207)
