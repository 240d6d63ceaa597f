import collections
import dataclasses
import pathlib

import pytest

from hybrid_ir.data import lareqa
from hybrid_ir.data.lareqa.sets import SETS
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError

REAL = pathlib.Path(__file__).resolve().parents[4] / "shared/data/lareqa"


def test_a_paragraph(dummy_dir, tmp_path):
  paragraphs = list(
    lareqa.paragraphs("xquad_r", "en", cache_dir=tmp_path, lareqa_dir=dummy_dir)
  )
  assert [p.id for p in paragraphs] == ["en/000-00", "en/000-01", "en/001-00"]
  assert paragraphs[1] == lareqa.Paragraph(
    id="en/000-01",
    language="en",
    title="Ovens",
    context=(
      "Rye keeps for a week. Wheat is dry on the second day. Oats are for"
      " porridge."
    ),
    sentences=(
      lareqa.Sentence("en/000-01-00", "Rye keeps for a week."),
      lareqa.Sentence("en/000-01-01", "Wheat is dry on the second day."),
      lareqa.Sentence("en/000-01-02", "Oats are for porridge."),
    ),
    questions=(lareqa.Question("q3", "How long does rye keep?", 0),),
    where="xquad_r, paragraph en/000-01",
  )


def test_records_are_questions_with_their_gold(dummy_dir, tmp_path):
  records = [
    record
    for language in lareqa.languages("mlqa_r")
    for record in lareqa.records(
      "mlqa_r", language, cache_dir=tmp_path, lareqa_dir=dummy_dir
    )
  ]
  assert [(r.language, r.id) for r in records] == [
    ("en", "q1"),
    ("en", "q2"),
    ("en", "q3"),
    ("en", "q4"),
    ("zh", "q1"),
    ("zh", "q2"),
  ]
  assert records[-1] == Record(
    id="q2",
    language="zh",
    query="几点开始卖面包？",
    passage="六点开始卖面包。",
    where="mlqa_r, paragraph zh/000-00, question q2",
  )


@pytest.mark.parametrize(
  ("changed", "expected"),
  [
    ({"candidates": {"en": 7}}, "expected 7, 4 and 3; remove"),
    ({"paragraphs": {"en": 2}}, "expected 6, 4 and 2; remove"),
  ],
)
def test_other_counts_are_an_error(
  dummy_dir, tmp_path, monkeypatch, changed, expected
):
  other = dataclasses.replace(SETS["xquad_r"], **changed)
  monkeypatch.setitem(SETS, "xquad_r", other)
  found = "xquad_r/en: 6 candidates, 4 questions and 3 paragraphs"
  with pytest.raises(UserError, match=f"{found}, {expected}"):
    list(
      lareqa.paragraphs(
        "xquad_r", "en", cache_dir=tmp_path, lareqa_dir=dummy_dir
      )
    )


def test_fingerprint_follows_the_files(monkeypatch):
  before = lareqa.fingerprint("xquad_r")
  assert before == lareqa.fingerprint("xquad_r")
  assert before != lareqa.fingerprint("mlqa_r")
  monkeypatch.setattr(
    "hybrid_ir.data.lareqa.builders.sha256",
    lambda name, language: "0" if language == "zh" else "1",
  )
  assert before != lareqa.fingerprint("xquad_r")


def test_sizes_of_the_sets():
  xquad_r, mlqa_r = SETS["xquad_r"], SETS["mlqa_r"]
  assert lareqa.NAMES == ("xquad_r", "mlqa_r")
  assert len(lareqa.languages("xquad_r")) == 11
  assert lareqa.languages("mlqa_r") == (
    "ar",
    "de",
    "en",
    "es",
    "hi",
    "vi",
    "zh",
  )
  assert sum(xquad_r.candidates.values()) == 13_014
  assert sum(xquad_r.questions.values()) == 13_090
  assert sum(mlqa_r.candidates.values()) == 20_534
  assert sum(mlqa_r.questions.values()) == 4_199


@pytest.mark.skipif(not REAL.is_dir(), reason=f"LAReQA's files not in {REAL}")
def test_real_data(tmp_path):
  """The counts are checked by the reader; these are the sets' other facts."""
  texts, languages_of, gold = {}, {}, {}
  for name in lareqa.NAMES:
    texts[name], gold[name] = [], []
    languages_of[name] = collections.Counter()
    for language in lareqa.languages(name):
      ids = []
      for paragraph in lareqa.paragraphs(
        name, language, cache_dir=tmp_path, lareqa_dir=str(REAL)
      ):
        ids += [sentence.id for sentence in paragraph.sentences]
        texts[name] += [
          (language, sentence.text) for sentence in paragraph.sentences
        ]
        for question in paragraph.questions:
          languages_of[name][question.id] += 1
          if language == "en":
            gold[name].append(paragraph.sentences[question.gold_sentence])
      assert len(set(ids)) == len(ids)
      assert len(ids) == SETS[name].candidates[language]

  assert len(texts["xquad_r"]) == 13_014
  assert len(texts["mlqa_r"]) == 20_534
  assert set(languages_of["xquad_r"].values()) == {11}
  assert len(languages_of["xquad_r"]) == 1190
  shared = collections.Counter(languages_of["mlqa_r"].values())
  assert shared == {4: 820, 3: 263, 2: 65}
  # 1,190 English questions share 787 gold sentences, up to 12 on one.
  on_one = collections.Counter(sentence.text for sentence in gold["xquad_r"])
  assert (len(on_one), max(on_one.values())) == (787, 12)
