import re

import pytest

from hybrid_ir.data import lareqa, published, world_facts
from hybrid_ir.data.cldr import is_language
from hybrid_ir.data.sources import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_set_by_name_has_facts(name):
  facts = published.facts(name)
  assert facts.title
  assert facts.licence
  assert facts.citation
  assert facts.homepage.startswith("https://")
  assert list(facts.languages) == sorted(set(facts.languages))
  assert all(map(is_language, facts.languages))


def test_languages():
  count = {name: len(published.facts(name).languages) for name in NAMES}
  assert count == {
    "world_facts": len(world_facts.LANGUAGES),
    "xquad_r": 11,
    "mlqa_r": 7,
    "mmarco": 14,
    "mr_tydi": 11,
    "miracl": 18,
    "squad": 11,
    "xquad": 11,
    "mlqa": 7,
    "tydi_qa": 9,
    "dolly": 1,
  }
  assert "nl" in published.facts("mmarco").languages
  assert published.facts("mlqa_r").languages == lareqa.languages("mlqa_r")


@pytest.mark.parametrize("name", ["", "my.jsonl", "ir_datasets:vaswani"])
def test_nothing_is_known(name):
  assert published.facts(name) is None


@pytest.mark.parametrize(
  ("train", "benchmark", "said"),
  [
    ("xquad_r", "xquad_r", "the benchmark itself was trained on"),
    ("xquad", "xquad_r", "the same questions and paragraphs"),
    ("mlqa_r", "mlqa", "MLQA-R is made of MLQA's questions"),
    ("squad", "xquad_r", "from the development set of SQuAD v1.1"),
    ("miracl", "mr_tydi", "judged anew"),
    ("mr_tydi", "ir_datasets:miracl/sw/dev", "judged anew"),
    ("tydi_qa", "miracl", "are questions of TyDi QA"),
    (
      "ir_datasets:msmarco-passage/train",
      "ir_datasets:neumarco/fa/dev",
      "passages are shared",
    ),
    ("miracl", "ir_datasets:miracl/sw/dev", "in domain"),
    ("world_facts", "world_facts", "no fact of the test split"),
  ],
)
def test_an_overlap(train, benchmark, said):
  (sentence,) = published.overlaps([train], [benchmark])
  assert sentence.startswith(f"{train} and {benchmark}: ")
  assert said in sentence
  assert sentence.endswith(".")


@pytest.mark.parametrize(
  ("train", "benchmark"),
  [
    ("mmarco", "xquad_r"),
    ("squad", "mlqa_r"),
    ("mlqa_r", "xquad_r"),
    ("dolly", "miracl"),
    ("my.jsonl", "my.jsonl"),
    ("miracl/mine.jsonl", "miracl"),
    ("miracl", "miracl_mine"),  # a user's own, as results have it
    ("mlqa_r", "mlqa_r_towns"),
  ],
)
def test_nothing_known_to_be_shared(train, benchmark):
  assert published.overlaps([train], [benchmark]) == []


def test_every_pair_is_said_in_the_order_of_the_names():
  train, benchmarks = ["squad", "mmarco", "xquad"], ["xquad_r", "mmarco"]
  said = published.overlaps(train, benchmarks)
  assert [re.match(r"(\w+) and (\w+):", s).groups() for s in said] == [
    ("squad", "xquad_r"),
    ("mmarco", "mmarco"),
    ("xquad", "xquad_r"),
  ]
