import collections
import functools
import hashlib
import itertools
import re
import string
import unicodedata

import pytest

from hybrid_ir.data import cldr, world_facts
from hybrid_ir.data.world_facts import facts, generate

XQUAD_R = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
SCRIPTS = {
  "ar": "ARABIC",
  "el": "GREEK",
  "hi": "DEVANAGARI",
  "ru": "CYRILLIC",
  "th": "THAI",
  "zh": "CJK",
}
LETTERS = {"de": "ß", "es": "ñ", "tr": "ş", "vi": "ữ"}


@pytest.fixture(scope="module")
def splits():
  return {split: list(world_facts.records(split)) for split in generate.SPLITS}


@pytest.fixture(scope="module")
def everything(splits):
  return list(itertools.chain.from_iterable(splits.values()))


def facts_of(records):
  """The (territory, relation) pairs of some records."""
  return {tuple(record.id.split("/")[1:]) for record in records}


def all_facts():
  return list(itertools.chain.from_iterable(generate.split_facts().values()))


# --- The whole ---


def test_public_names():
  assert world_facts.LANGUAGES == XQUAD_R
  assert world_facts.SPLITS == ("train", "dev", "test")
  assert len(world_facts.RELATIONS) == 8


def test_every_fact_is_told_once_in_every_language(everything):
  languages = collections.defaultdict(list)
  for record in everything:
    languages[record.id].append(record.language)
  assert set(map(tuple, languages.values())) == {XQUAD_R}
  assert 1300 <= len(languages) <= 1700


def test_every_relation_is_well_filled():
  counts = collections.Counter(fact.relation for fact in all_facts())
  assert set(counts) == set(world_facts.RELATIONS)
  assert counts.pop("former_currency") >= 50
  assert min(counts.values()) >= 150


def test_unknown_split():
  with pytest.raises(KeyError):
    list(world_facts.records("validation"))


def test_where_names_the_fact(splits):
  record = splits["train"][0]
  assert record.where == record.id.replace("/", ":", 1)
  assert record.negatives == ()
  assert record.group == ""


def test_texts_are_the_released_ones(everything):
  if cldr.VERSION != "2.18.0":
    pytest.skip(f"hashed with Babel 2.18.0, this is {cldr.VERSION}")
  digest = hashlib.blake2b(digest_size=16)
  for record in everything:
    fields = (record.id, record.language, record.query, record.passage)
    digest.update("\t".join((*fields, "\n")).encode())
  # A new hash is a new VERSION: caches and results hang on the fingerprint.
  assert (world_facts.fingerprint(), digest.hexdigest()) == (
    "world_facts 1.0.0, Babel 2.18.0",
    "4e6c19b1c45ec59bc03789cf735db7dc",
  )


# --- Splits ---


def test_splits_are_disjoint_and_sized(splits):
  sizes = {split: len(facts_of(rows)) for split, rows in splits.items()}
  assert len(set().union(*map(facts_of, splits.values()))) == sum(
    sizes.values()
  )
  shares = {split: size / sum(sizes.values()) for split, size in sizes.items()}
  assert shares == pytest.approx(
    {"train": 0.7, "dev": 0.1, "test": 0.2}, abs=0.03
  )


@pytest.mark.parametrize("split", ["dev", "test"])
def test_train_knows_each_territory_and_relation(splits, split):
  trained = facts_of(splits["train"])
  held_out = facts_of(splits[split])
  assert {fact[0] for fact in held_out} <= {fact[0] for fact in trained}
  assert {fact[1] for fact in held_out} == {fact[1] for fact in trained}


def test_small_territories_are_for_training(splits):
  counts = collections.Counter(fact.territory for fact in all_facts())
  held_out = facts_of(splits["dev"]) | facts_of(splits["test"])
  assert min(counts[territory] for territory, _ in held_out) >= 3


# --- Facts ---


@pytest.mark.parametrize(
  ("key", "values"),
  [
    ("DE/currency", ("EUR",)),
    ("GB/currency", ("GBP",)),
    ("TR/former_currency", ("TRL",)),
    ("HR/former_currency", ("HRK",)),
    ("BE/official_language", ("nl", "fr", "de")),
    ("BR/official_language", ("pt",)),
    ("GR/script", ("Grek",)),
    ("CY/script", ("Grek", "Latn")),
    ("JP/script", ("Jpan",)),
    ("FR/time_zone", ("Europe/Paris",)),
    ("EG/time_zone_place", ("Africa/Cairo",)),
    ("JP/first_day", ("6",)),
    ("AE/first_day", ("0",)),
    ("SA/weekend", ("4", "5")),
    ("IR/weekend", ("4",)),
  ],
)
def test_hand_checked_facts(key, values):
  assert {fact.key: fact.values for fact in all_facts()}[key] == values


@pytest.mark.parametrize(
  "key",
  [
    "HT/currency",  # two tenders
    "AD/former_currency",  # three at once
    "BA/official_language",  # one of them in two scripts
    "CN/script",  # "Simplified" is no name
    "US/time_zone",  # many
    "SG/time_zone_place",  # Singapore
    "AQ/weekend",  # unknown
    "EU/currency",  # no territory
  ],
)
def test_ambiguous_facts_are_left_out(key):
  assert key not in {fact.key for fact in all_facts()}


def test_names_of_values():
  japan = facts.Fact("JP", "currency", ("JPY",))
  assert japan.key == "JP/currency"
  assert japan.names("en") == ("Japanese Yen",)
  assert japan.names("zh") == ("日元",)
  weekend = facts.Fact("SA", "weekend", ("4", "5"))
  assert weekend.names("de") == ("Freitag", "Samstag")
  nameless = facts.Fact("CW", "currency", ("XCG",))
  assert nameless.names("hi") == (None,)


def test_territory_names_differ():
  codes = {fact.territory for fact in all_facts()}
  for language in XQUAD_R:
    names = [cldr.territory_name(code, language) for code in codes]
    assert len(set(names)) == len(codes)


# --- Frames ---


def test_frames_have_one_shape():
  for language, frames in generate.frames().items():
    assert tuple(frames) == world_facts.RELATIONS, language
    for roles in frames.values():
      assert list(roles) == ["query", "passage"]
      for role, wordings in roles.items():
        assert len(set(wordings)) == len(wordings) >= 3
        for wording in wordings:
          fields = [
            field for _, field, _, _ in string.Formatter().parse(wording)
          ]
          names = [field for field in fields if field is not None]
          assert len(set(names)) == len(names)
          assert "territory" in names
          assert set(names) <= {"territory", "value", "region"}
          assert ("value" in names) == (role == "passage")


def test_no_frame_serves_twice():
  for language, frames in generate.frames().items():
    wordings = [
      wording
      for roles in frames.values()
      for wording in roles["query"] + roles["passage"]
    ]
    assert len(set(wordings)) == len(wordings), language


def test_every_frame_is_used_and_independently(everything):
  pairs = collections.Counter(
    (
      record.language,
      relation,
      wording(record, "query"),
      wording(record, "passage"),
    )
    for record in everything
    for relation in [record.id.rpartition("/")[2]]
  )
  for language, frames in generate.frames().items():
    for relation, roles in frames.items():
      counts = [
        pairs[language, relation, query, passage]
        for query in roles["query"]
        for passage in roles["passage"]
      ]
      expected = sum(counts) / len(counts)
      assert all(count > 0 for count in counts), (language, relation)
      if expected > 15:
        assert max(counts) < 2.5 * expected, (language, relation)


def wording(record, role):
  """The wording that a record's query or passage was made of."""
  relation = record.id.rpartition("/")[2]
  for candidate in generate.frames()[record.language][relation][role]:
    if as_pattern(candidate).fullmatch(getattr(record, role)):
      return candidate
  raise AssertionError(f"of no frame: {record}")


@functools.cache
def as_pattern(frame):
  pattern = re.sub(r"\\{\w+\\}", ".+", re.escape(frame))
  pattern = re.sub(r"\\\[(.*?)\\\|(.*?)\\\]", r"(?:\1|\2)", pattern)
  return re.compile(pattern, re.IGNORECASE)


# --- Texts ---


def test_texts_are_filled_in_and_tidy(everything):
  for record in everything:
    for text in (record.query, record.passage):
      assert not set("{}|") & set(text)
      assert re.search(r"[^\S ]", text) is None, text
      assert "  " not in text
      assert text == text.strip()
      assert not text[0].islower()
      assert "None" not in text


def test_texts_are_in_their_language(everything):
  for language in XQUAD_R:
    text = "".join(
      record.query + record.passage
      for record in everything
      if record.language == language
    )
    scripts = collections.Counter(
      unicodedata.name(letter).split()[0] for letter in text if letter.isalpha()
    )
    own = SCRIPTS.get(language, "LATIN")
    assert scripts[own] > 0.9 * scripts.total(), language
    # Region codes and a few names ("CFA") are in Latin letters everywhere.
    assert set(scripts) <= {own, "LATIN", "MODIFIER"}, (language, scripts)
    assert LETTERS.get(language, "") in text


def test_texts_differ_within_a_language(everything):
  for role in ("query", "passage"):
    texts = {(record.language, getattr(record, role)) for record in everything}
    assert len(texts) == len(everything)


@pytest.mark.parametrize(
  ("key", "language", "passage"),
  [
    (
      "BE/official_language",
      "en",
      "Belgium: the following languages have official status there: "
      "Dutch, French, and German.",
    ),
    (
      "AG/official_language",
      "en",
      "Antigua & Barbuda: the following language has official status there: "
      "English.",
    ),
    (
      "IR/weekend",
      "de",
      "Freitag – dann haben Ämter und Schulen meist geschlossen. Ort: Iran.",
    ),
  ],
)
def test_passage_agrees_in_number(everything, key, language, passage):
  texts = {
    (record.id, record.language): record.passage for record in everything
  }
  assert texts["world_facts/" + key, language] == passage


def test_no_query_gives_its_answer_away():
  known = {(fact.territory, fact.relation): fact for fact in all_facts()}
  for (territory, relation), fact in known.items():
    for language in XQUAD_R:
      names = set(fact.names(language))
      if relation.startswith("time_zone"):
        assert cldr.territory_name(territory, language) not in names
      if relation == "former_currency" and (territory, "currency") in known:
        assert names.isdisjoint(known[territory, "currency"].names(language))


def test_no_passage_states_the_fact_of_another():
  """Apart from the territory and the answer a passage names nothing."""
  for language, frames in generate.frames().items():
    names = {
      name
      for fact in all_facts()
      for name in (
        cldr.territory_name(fact.territory, language),
        *fact.names(language),
      )
    }
    for roles in frames.values():
      for wording in roles["passage"]:
        said = re.sub(r"{\w+}", "\n", wording)
        assert [name for name in names if name in said] == []
