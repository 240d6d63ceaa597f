"""What is known of the sets by name, and what they share. To model cards.

Written by hand from the sets' papers and homepages; what is not known for sure
is not here.
"""

import dataclasses
import itertools
import re
from collections.abc import Sequence

from hybrid_ir.data import ir_sets, lareqa, own_files, tfds_sets, world_facts
from hybrid_ir.data.lareqa.sets import HOMEPAGE as LAREQA


@dataclasses.dataclass(frozen=True)
class Facts:
  """A published data set."""

  title: str
  languages: tuple[str, ...]  # in any of its splits; sorted
  licence: str
  homepage: str
  citation: str  # authors, year, place


def facts(name: str) -> Facts | None:
  """What is known of a data set by its name in a config; None: nothing."""
  return _FACTS.get(name)


def overlaps(
  train_names: Sequence[str], benchmark_names: Sequence[str]
) -> list[str]:
  """What training sets and benchmarks have in common, a sentence each.

  An empty list says that nothing is known, not that nothing is shared.

  Args:
    train_names: as in `data.train`, without weights.
    benchmark_names: as in `evaluate.benchmarks`, or as results have them.
  """
  return [
    f"{train} and {benchmark}: {shared}."
    for train, benchmark in itertools.product(train_names, benchmark_names)
    if (shared := _shared(_family(train), _of_benchmark(benchmark)))
  ]


def _languages(name: str) -> tuple[str, ...]:
  sets = ir_sets if ir_sets.is_ir(name) else tfds_sets
  return tuple(
    sorted({c for parts in sets.splits(name).values() for c in parts})
  )


_FACTS = {
  "world_facts": Facts(
    "World facts, generated from the Unicode CLDR",
    tuple(sorted(world_facts.LANGUAGES)),
    "Unicode License (names), Apache-2.0 (wordings)",
    "https://cldr.unicode.org",
    "this project",
  ),
  "xquad_r": Facts(
    "XQuAD-R",
    lareqa.languages("xquad_r"),
    "CC BY-SA 4.0",
    LAREQA,
    "Roy et al. 2020, arXiv 2004.05484",
  ),
  "mlqa_r": Facts(
    "MLQA-R",
    lareqa.languages("mlqa_r"),
    "CC BY-NC 4.0 (not for commercial use)",
    LAREQA,
    "Roy et al. 2020, arXiv 2004.05484",
  ),
  "mmarco": Facts(
    "mMARCO v2, with MS MARCO's English",
    _languages("mmarco"),
    "MS MARCO's terms: non-commercial research only",
    "https://github.com/unicamp-dl/mMARCO",
    "Bonifacio et al. 2021, arXiv 2108.13897; Nguyen et al. 2016,"
    " arXiv 1611.09268",
  ),
  "mr_tydi": Facts(
    "Mr. TyDi v1.0",
    _languages("mr_tydi"),
    "Apache-2.0; passages from Wikipedia",
    "https://github.com/castorini/mr.tydi",
    "Zhang et al. 2021, arXiv 2108.08787",
  ),
  "miracl": Facts(
    "MIRACL v1.0",
    _languages("miracl"),
    "Apache-2.0; passages from Wikipedia",
    "https://project-miracl.github.io",
    "Zhang et al. 2022, arXiv 2210.09984",
  ),
  "squad": Facts(
    "SQuAD v1.1, with XTREME's machine translations",
    _languages("squad"),
    "CC BY-SA 4.0",
    "https://rajpurkar.github.io/SQuAD-explorer",
    "Rajpurkar et al. 2016, arXiv 1606.05250; Hu et al. 2020, arXiv 2003.11080",
  ),
  "xquad": Facts(
    "XQuAD",
    _languages("xquad"),
    "CC BY-SA 4.0",
    "https://github.com/google-deepmind/xquad",
    "Artetxe et al. 2020, arXiv 1910.11856",
  ),
  "mlqa": Facts(
    "MLQA",
    _languages("mlqa"),
    "CC BY-SA 3.0",
    "https://github.com/facebookresearch/MLQA",
    "Lewis et al. 2020, arXiv 1910.07475",
  ),
  "tydi_qa": Facts(
    "TyDi QA, gold passages",
    _languages("tydi_qa"),
    "Apache-2.0; passages from Wikipedia",
    "https://github.com/google-research-datasets/tydiqa",
    "Clark et al. 2020, arXiv 2003.05002",
  ),
  "dolly": Facts(
    "Databricks Dolly 15k",
    _languages("dolly"),
    "CC BY-SA 3.0",
    "https://github.com/databrickslabs/dolly",
    "Conover et al. 2023, Databricks",
  ),
}

# Where ids of ir_datasets' begin so, their texts are those of a set by name.
_FAMILIES = {
  "mmarco/": "mmarco",
  "msmarco-passage/": "mmarco",
  "beir/msmarco": "mmarco",
  "neumarco/": "mmarco",
  "mr-tydi/": "mr_tydi",
  "miracl/": "miracl",
}

# The same as results have them, where all other signs are "_" (`short_name`).
# A language tells them from a user's own: miracl_sw_dev, but not miracl_mine.
_IN_RESULTS = {
  "xquad_r_(context|paragraph)": "xquad_r",
  "mlqa_r_(context|paragraph)": "mlqa_r",
  "(mmarco|mmarco_v2|neumarco)_[a-z]{2}(_.*)?": "mmarco",
  "msmarco_passage_(train|dev|eval|trec)(_.*)?": "mmarco",
  "beir_msmarco(_.*)?": "mmarco",
  "mr_tydi_[a-z]{2}(_.*)?": "mr_tydi",
  "miracl_[a-z]{2}(_.*)?": "miracl",
}

_WHOLE = "the benchmark itself was trained on"
_OTHER_QUERIES = (
  "the same set, so its scores are in domain: other queries of its own, and one"
  " collection"
)
_WITHIN = {
  "world_facts": (
    "no fact of the test split is in training, but others of its territory and"
    " of its relation are"
  ),
  "xquad_r": _WHOLE,
  "mlqa_r": _WHOLE,
  "mmarco": (
    "both are MS MARCO or its translation, so scores are in domain: passages"
    " are shared, queries if the split is the same"
  ),
  "mr_tydi": _OTHER_QUERIES,
  "miracl": _OTHER_QUERIES,
  "squad": "the same set, so its scores are in domain",
  "xquad": "the same set, so its scores are in domain",
  "mlqa": "the same set, so its scores are in domain",
  "tydi_qa": "the same set, so its scores are in domain",
}

_SQUAD_XQUAD = (
  "XQuAD's paragraphs are from the development set of SQuAD v1.1; training is"
  " on other articles, with questions of the same making (arXiv 1910.11856,"
  " 1606.05250)"
)
_TYDI = (
  "Mr. TyDi's queries are questions of TyDi QA, and MIRACL's in ar, bn, en, fi,"
  " id, ja, ko, ru, sw, te and th are of Mr. TyDi, judged anew (arXiv"
  " 2108.08787, 2210.09984)"
)
_BETWEEN = {
  frozenset({"xquad", "xquad_r"}): (
    "the same questions and paragraphs (arXiv 2004.05484)"
  ),
  frozenset({"mlqa", "mlqa_r"}): (
    "MLQA-R is made of MLQA's questions and paragraphs (arXiv 2004.05484)"
  ),
  frozenset({"squad", "xquad"}): _SQUAD_XQUAD,
  frozenset({"squad", "xquad_r"}): _SQUAD_XQUAD,
  frozenset({"tydi_qa", "mr_tydi"}): _TYDI,
  frozenset({"tydi_qa", "miracl"}): _TYDI,
  frozenset({"mr_tydi", "miracl"}): _TYDI,
}


def _family(name: str) -> str:
  """The set by name that a data set's texts are of, or its own name."""
  if own_files.is_own(name):
    return name
  dataset_id, _, unit = name.removeprefix(ir_sets.PREFIX).partition(":")
  if unit:  # the same texts as other candidates: xquad_r:paragraph
    return dataset_id
  for start, family in _FAMILIES.items():
    if dataset_id.startswith(start):
      return family
  return name


def _of_benchmark(name: str) -> str:
  """As `_family`; of a name in results, too."""
  for pattern, family in _IN_RESULTS.items():
    if re.fullmatch(pattern, name):
      return family
  return _family(name)


def _shared(train: str, benchmark: str) -> str:
  if train == benchmark:
    return _WITHIN.get(train, "")
  return _BETWEEN.get(frozenset({train, benchmark}), "")
