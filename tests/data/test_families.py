import csv
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.data import cldr, families
from hybrid_ir.data.families import Similarity
from hybrid_ir.errors import UserError

TABLE = (
  pathlib.Path(families.__file__)
  .with_name("families.tsv")
  .read_text(encoding="utf-8")
)
ROWS = list(csv.reader(TABLE.splitlines(), delimiter="\t"))[1:]
CODES = [row[0] for row in ROWS]
SETS = {
  "MIRACL": "ar bn en es fa fi fr hi id ja ko ru sw te th zh de yo",
  "XQuAD-R": "ar de el en es hi ru th tr vi zh",
  "MLQA-R": "ar de en es hi vi zh",
  "MTOP": "en de es fr hi th",
  "mMARCO": "en ar zh nl fr de hi id it ja pt ru es vi",
  "Mr.TyDi": "ar bn en fi id ja ko ru sw te th",
  "NeuCLIR": "en zh fa ru",
  "Tatoeba": """
    af ar bn bg zh de el en et eu fi fr he hi hu id it jv ja ka kk ko ml
    mr nl fa pt ru es sw ta te fil th tr ur vi
  """,
}


def test_the_table_is_sorted_and_each_language_is_there_once():
  assert sorted(set(CODES)) == CODES
  assert all(len(row) == 3 and all(row) for row in ROWS)


def test_the_table_has_codes_of_cldr():
  assert [code for code in CODES if not cldr.is_language(code)] == []


def test_a_branch_belongs_to_one_family():
  family_of = {}
  for _, family, branch in ROWS:
    assert family_of.setdefault(branch, family) == family


@pytest.mark.parametrize("name", SETS)
def test_every_language_of_a_benchmark_is_placed(name):
  assert [c for c in SETS[name].split() if not families.is_placed(c)] == []


@pytest.mark.parametrize(
  ("code", "family", "branch"),
  [
    ("en", "Indo-European", "Germanic"),
    ("pt-BR", "Indo-European", "Romance"),
    ("el", "Indo-European", "Hellenic"),
    ("hi", "Indo-European", "Indo-Aryan"),
    ("fa", "Indo-European", "Iranian"),
    ("zh-Hant", "Sino-Tibetan", "Sinitic"),
    ("vi", "Austroasiatic", "Vietic"),
    ("sw", "Atlantic-Congo", "Bantu"),
    ("yo", "Atlantic-Congo", "Yoruboid"),
    ("te", "Dravidian", "South-Central Dravidian"),
    ("eu", "Basque", "Basque"),
  ],
)
def test_family_and_branch(code, family, branch):
  assert (families.family(code), families.branch(code)) == (family, branch)


def test_a_language_that_is_not_placed():
  assert not families.is_placed("tlh")
  for ask in (families.family, families.branch):
    with pytest.raises(UserError, match=r"'tlh'.*families\.tsv") as raised:
      ask("tlh")
    assert "\n" not in str(raised.value)
  with pytest.raises(UserError, match="'tlh'"):
    families.similarity("en", ["de", "tlh"])


@pytest.mark.parametrize(
  ("code", "training", "similarity"),
  [
    ("de", ["en", "de"], Similarity.SAME_LANGUAGE),
    ("pt-BR", ["pt"], Similarity.SAME_LANGUAGE),
    ("tl", ["fil"], Similarity.SAME_LANGUAGE),  # two codes of it
    ("la", ["fr"], Similarity.SAME_FAMILY),
    ("eo", ["ia"], Similarity.SAME_SCRIPT),  # constructed, each by itself
    ("de", ["fr", "en"], Similarity.SAME_BRANCH),
    ("ur", ["hi"], Similarity.SAME_BRANCH),  # in two scripts
    ("el", ["en", "ru", "zh"], Similarity.SAME_FAMILY),
    ("te", ["ta"], Similarity.SAME_FAMILY),
    ("vi", ["en", "zh"], Similarity.SAME_SCRIPT),
    ("ja", ["zh", "en"], Similarity.SAME_SCRIPT),  # Han
    ("fa", ["ar", "th"], Similarity.SAME_SCRIPT),
    ("th", ["en", "zh"], Similarity.NONE),
    ("th", [], Similarity.NONE),
  ],
)
def test_similarity(code, training, similarity):
  assert families.similarity(code, training) is similarity


@given(st.sampled_from(CODES), st.sampled_from(CODES))
def test_similarity_has_no_direction(a, b):
  assert families.similarity(a, [b]) is families.similarity(b, [a])


@given(
  st.sampled_from(CODES),
  st.lists(st.sampled_from(CODES), max_size=3),
  st.sampled_from(CODES),
)
def test_training_on_more_brings_nothing_farther(code, training, more):
  before = families.similarity(code, training)
  assert families.similarity(code, [*training, more]) >= before
