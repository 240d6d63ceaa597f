import dataclasses

import numpy as np
import pytest

from hybrid_ir.data.corpus import open_corpus
from hybrid_ir.data.records import Record, Source
from hybrid_ir.data.tokenizer import train_unigram
from hybrid_ir.prefixes import INSTRUCTION, Prefixes
from hybrid_ir.retrieval.mining import Candidates, Pool, make_pool, select


def record(id, language, passage, group=""):
  return Record(id, language, f"{id}?", passage, f"toy:{id}", group=group)


@pytest.fixture
def pool_of(tmp_path):
  """Records -> their pool."""
  tokenizer = train_unigram(["abc"], vocab_size=64)

  def pool_of(records):
    source = Source("toy", repr(records), lambda: iter(records))
    corpus = open_corpus(
      source, tokenizer, Prefixes("", "", INSTRUCTION), tmp_path
    )
    return make_pool(source.read(), corpus)

  return pool_of


def test_the_pool_stands_by_id_descending(pool_of):
  records = [
    record("b", "en", "tin"),
    record("a", "de", "Zinn"),
    record("c", "en", "lead"),
    record("a", "en", "tin"),  # stands already, as b's
    record("d", "de", "tin"),  # of another language: a passage of its own
    record("10", "en", "gold"),
    record("9", "en", "silver"),
    record("e", "zh-Hant", "錫"),
    record("e", "zh", "锡"),
  ]
  pool = pool_of(records)
  # Ids as code points: zh:e, zh-Hant:e, en:c, en:b, en:9, en:10, de:d, de:a.
  assert pool.texts == (
    *("锡", "錫"),
    *("lead", "tin", "silver", "gold"),
    *("tin", "Zinn"),
  )
  assert pool.languages == ("de", "en", "zh", "zh-Hant")
  assert pool.spans == {
    "zh": (0, 1),
    "zh-Hant": (1, 2),
    "en": (2, 6),
    "de": (6, 8),
  }
  assert [pool.languages[i] for i in pool.language_of] == [
    *("zh", "zh-Hant"),
    *["en"] * 4,
    *["de"] * 2,
  ]
  assert pool.positive_of.tolist() == [3, 7, 2, 3, 6, 5, 4, 1, 0]
  for row, place in enumerate(pool.positive_of):
    assert pool.texts[place] == records[row].passage
  same_text = pool.text_of[:, None] == pool.text_of[None, :]
  assert {tuple(sorted(pair)) for pair in np.argwhere(same_text)} == {
    *((i, i) for i in range(8)),
    (3, 6),  # tin, in English and in German
  }


def test_groups_are_those_of_training(pool_of):
  pool = pool_of(
    [
      record("a", "en", "tin"),
      record("a", "de", "Zinn"),  # by the id
      record("b", "de", "tin"),  # by the text, in any language
      record("c", "en", "lead", group="metals"),
      record("d", "de", "Blei", group="metals"),  # by the group
      record("e", "en", "oak"),
    ]
  )
  groups = {}
  for text, group in zip(pool.texts, pool.group_of, strict=True):
    groups.setdefault(group, set()).add(text)
  assert sorted(map(sorted, groups.values())) == [
    ["Blei", "lead"],
    ["Zinn", "tin"],
    ["oak"],
  ]


def test_languages_that_are_looked_at(pool_of):
  pool = pool_of(
    [
      record("a", "de", "a"),
      record("a", "en", "b"),
      record("b", "en", "c"),
      record("a", "tr", "d"),
    ]
  )  # tr, en, en, de
  assert pool.allowed("en", "own") == [(1, 3)]
  assert pool.allowed("en", "other") == [(0, 1), (3, 4)]
  assert pool.allowed("tr", "other") == [(0, 0), (1, 4)]
  assert pool.allowed("en", "any") == [(0, 4)]


# Places 0 to 7; query's own is 0, its group 0 to 2; 5 and 6 are one text in
# two languages.
POOL = Pool(
  texts=tuple("pqrstuuw"),
  languages=("de", "en"),
  spans={"en": (0, 6), "de": (6, 8)},
  language_of=np.array([1, 1, 1, 1, 1, 1, 0, 0]),
  text_of=np.array([0, 1, 2, 3, 4, 5, 5, 6]),
  group_of=np.array([9, 9, 9, 3, 4, 5, 5, 6]),
  positive_of=np.array([0]),
)


def selected(places, scores, positive, negatives=3, most=0.5, pool=POOL):
  found = Candidates(
    np.array([places]), np.array([scores], np.float32), np.array([positive])
  )
  own = np.array([0], np.int32)
  chosen, counts = select(found, own, pool, negatives, most)
  return chosen[0].tolist(), counts


def test_group_and_cut_are_left_out_and_counted():
  chosen, counts = selected(
    [3, 1, 0, 4, 2, 5, 6, 7], [9, 8, 8, 4, 4, 3, 3, 2], positive=8
  )
  assert chosen == [4, 5, 7]
  assert counts == {
    "queries": 1,
    "looked_at": 7,
    "positives": 1,
    "in_group": 2,  # 1 and 2
    "over_cut": 1,  # 3; 1 is left out for its group
    "repeated": 1,  # 6
    "kept": 3,
    "kept_in_de": 1,
    "kept_in_en": 2,
    "without": 0,
    "first": 3,  # 3, 1, 4
    "first_in_group": 1,
    "after_cut": 3,  # 4, 2, 5
    "after_cut_in_group": 1,
  }


@pytest.mark.parametrize(
  ("score", "kept"), [(4, True), (np.nextafter(4, 5, dtype=np.float32), False)]
)
def test_a_score_on_the_border_of_the_cut_is_kept(score, kept):
  chosen, _ = selected([4], [score], positive=8)
  assert chosen == [4 if kept else -1, -1, -1]


@pytest.mark.parametrize(
  ("positive", "most", "limit"),
  [(-8, 0.5, -12), (-8, 1.25, -6), (0, 0.5, 0), (8, 1.0, 8), (8, 0.0, 0)],
)
def test_the_limit_is_never_over_a_negative_positive(positive, most, limit):
  over = np.nextafter(np.float32(limit), np.float32(np.inf))
  chosen, _ = selected([3, 4], [over, limit], positive, most=most)
  assert chosen == [4, -1, -1]


def test_padding_is_not_looked_at():
  chosen, counts = selected([0, -1, -1], [8, -np.inf, -np.inf], positive=8)
  assert chosen == [-1, -1, -1]
  assert counts["looked_at"] == counts["in_group"] == counts["kept"] == 0
  assert counts["without"] == counts["positives"] == 1


def test_equals_a_loop():
  """Against the rule, written out candidate by candidate."""
  rng = np.random.default_rng(3)
  P, B, K, negatives, most = 40, 60, 20, 4, 0.8
  pool = dataclasses.replace(
    POOL,
    texts=tuple(map(str, range(P))),
    language_of=rng.integers(0, 2, P),
    text_of=rng.integers(0, 25, P),
    group_of=rng.integers(0, 6, P),
  )
  own = rng.integers(0, P, B).astype(np.int32)
  places = np.array([rng.permutation(P)[:K] for _ in range(B)], np.int32)
  places[:, 15:] = np.where(rng.random((B, 1)) < 0.5, -1, places[:, 15:])
  scores = -np.sort(-rng.normal(1, 1, (B, K)).astype(np.float32), axis=1)
  positive = rng.normal(1.5, 1, B).astype(np.float32)
  chosen, counts = select(
    Candidates(places, scores, positive), own, pool, negatives, most
  )
  total = 0
  for b in range(B):
    limit = float(positive[b]) * (most if positive[b] >= 0 else 2 - most)
    kept = []
    for place, score in zip(places[b], scores[b].tolist(), strict=True):
      if (
        place >= 0
        and pool.group_of[place] != pool.group_of[own[b]]
        and score <= limit
        and all(pool.text_of[place] != pool.text_of[other] for other in kept)
      ):
        kept.append(place)
    kept = kept[:negatives]
    assert chosen[b].tolist() == [*kept, *[-1] * (negatives - len(kept))]
    total += len(kept)
  assert counts["kept"] == total > B
  assert counts["kept_in_de"] + counts["kept_in_en"] == total
