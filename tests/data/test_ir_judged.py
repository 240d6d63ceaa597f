"""ir_datasets' own parsers, on tiny files where it keeps its downloads."""

import pytest

from hybrid_ir.data import ir_judged, ir_sets
from hybrid_ir.data.ir_library import load, query_language
from hybrid_ir.errors import UserError

from ..stand_ins import MIRACL, MIRACL_COUNTS, neuclir


def test_every_passage_of_miracl_judged_or_not(ir_home, published):
  ir_home(MIRACL)
  published(MIRACL_COUNTS)
  found = ir_judged.collection("miracl/sw/dev")
  # Passage 5#0 stays although a query has its id.
  assert found.passages.ids == ["5#0", "5#1", "5#2", "6#0"]
  assert found.passages.texts[:2] == [
    "Kilima\n\nUrefu ni mita 90.",
    "Mita 90.",
  ]
  assert set(found.passages.languages) == {"sw"}
  assert found.passages.where(3) == "miracl/sw/dev, passage 6#0"
  assert found.queries.ids == ["5#0", "4"]
  assert found.queries.texts == ["Kilima kina urefu gani?", "Nini?"]
  assert found.queries.languages == ["sw", "sw"]
  assert [j[:3] for j in found.judgements] == [
    ("5#0", "5#2", 0),
    ("5#0", "5#1", 1),
  ]


def test_each_passage_of_neuclirs_pool_has_its_language(ir_home, published):
  ir_home(neuclir())
  published({"docs": 4, "queries": 1, "qrels": 3})
  found = ir_judged.collection("neuclir/1/multi/trec-2023")
  assert dict(
    zip(found.passages.ids, found.passages.languages, strict=True)
  ) == {
    "zho-1": "zh",
    "fas-1": "fa",
    "rus-1": "ru",
    "rus-2": "ru",
  }
  assert found.passages.texts[0] == "山\n\n高九十米。"
  assert (found.queries.ids, found.queries.languages) == (["200"], ["en"])
  assert found.queries.texts == ["hill height"]
  assert [(j.passage, j.grade) for j in found.judgements] == [
    ("zho-1", 3),
    ("fas-1", 1),
    ("rus-1", 0),
  ]


@pytest.mark.parametrize(
  ("id", "language"),
  [
    ("neuclir/1/fa/trec-2023", "en"),
    ("hc4/zh/dev", "en"),
    ("neumarco/fa/dev/small", "en"),
    ("miracl/sw/dev", "sw"),
    ("mmarco/v2/dt/dev/small", "nl"),
    ("trec-mandarin/trec5", "zh"),
  ],
)
def test_query_languages(ir_home, id, language):
  ir_home({})
  assert query_language(id) == language


def test_the_librarys_counts_are_those_of_the_papers(ir_home):
  ir_home({})
  published = {
    code: ir_judged.counts(load(dataset_id))
    for code, dataset_id in ir_sets.splits("miracl")["dev"].items()
    if code not in ("de", "yo")  # its surprise languages
  }
  assert len(published) == 16
  assert sum(counts["queries"] for counts in published.values()) == 13_071
  assert published["sw"]["docs"] == 131_924
  assert published["en"]["docs"] == 32_893_221
  pooled = ir_judged.counts(load("neuclir/1/multi/trec-2023"))
  assert pooled == {"docs": 10_038_768, "queries": 76, "qrels": 79_934}


def test_other_counts_are_refused(ir_home):
  ir_home(MIRACL)
  with pytest.raises(UserError) as caught:
    ir_judged.collection("miracl/sw/dev")
  assert str(caught.value).startswith(
    "ir_datasets:miracl/sw/dev: 4 docs, expected 131924 as published; remove"
  )


@pytest.mark.parametrize("what", ["docs", "queries", "qrels"])
def test_each_count_is_looked_at(ir_home, published, what):
  ir_home(MIRACL)
  published({**MIRACL_COUNTS, what: 9})
  with pytest.raises(UserError, match=f"{what}, expected 9 as published"):
    ir_judged.collection("miracl/sw/dev")


@pytest.mark.parametrize(
  ("id", "message"),
  [
    ("miracl/sv/dev", "unknown data set 'ir_datasets:miracl/sv/dev'"),
    ("miracl/sw", "has no queries; expected an id with docs, queries, qrels"),
    ("codesearchnet/challenge", "its language cannot be told"),
    ("miracl/sw/dev", "miracl/sw/dev: cannot be read through ir_datasets"),
  ],
)
def test_refused(ir_home, id, message):
  ir_home({})
  with pytest.raises(UserError, match=message) as caught:
    ir_judged.collection(id)
  assert "\n" not in str(caught.value)
