import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.config import Mix
from hybrid_ir.data.corpus import Corpus
from hybrid_ir.data.plan import Plan
from hybrid_ir.data.tokens import Texts
from hybrid_ir.errors import UserError

NO_TEXTS = Texts(np.zeros(0, np.int32), np.zeros(1, np.int64))


def corpus(name, has, instructed=False):
  """A corpus of ids that stand in the languages `has` says [I, K]."""
  has = np.asarray(has, bool)
  row_of = np.full(has.shape, -1, np.int32)
  row_of[has] = np.arange(has.sum())
  return Corpus(
    name=name,
    fingerprint=name,
    languages=("ar", "de", "en", "zh")[: has.shape[1]],
    ids=tuple(str(i) for i in range(len(has))),
    row_of=row_of,
    group_of=np.arange(len(has), dtype=np.int32),
    negatives_of=np.zeros(has.sum() + 1, np.int64),
    negative_group=np.zeros(0, np.int32),
    scores=np.zeros(has.sum(), np.float32),
    negative_scores=np.zeros(0, np.float32),
    instructed=instructed,
    # A plan that looked at lengths would fail on every text.
    queries=NO_TEXTS,
    passages=NO_TEXTS,
    negatives=NO_TEXTS,
  )


def parallel(count, languages, name="parallel"):
  return corpus(name, np.ones((count, languages), bool))


def mix(**keys):
  changed = Mix()
  for key, value in keys.items():
    setattr(changed, key, value)
  return changed


def plan(corpora, batch_size=4, seed=0, weights=None, limit=0, **keys):
  weights = weights or [None] * len(corpora)
  return Plan(corpora, weights, mix(**keys), batch_size, seed, limit)


def same(a, b):
  return (a.kind, a.corpus) == (b.kind, b.corpus) and all(
    np.array_equal(getattr(a, field), getattr(b, field))
    for field in ("ids", "query_language", "passage_language")
  )


# Ids with one to four languages, and a set in English only.
PARTIAL = corpus(
  "partial",
  [[1, 1, 1, 1]] * 5
  + [[0, 1, 1, 0]] * 7
  + [[1, 0, 1, 1]] * 3
  + [[0, 0, 1, 0]] * 6,
)
ENGLISH = corpus("english", [[0, 0, 1]] * 9)
MIXES = [
  {},
  {"mono": 0.3, "cross": 0.7},
  {"mono": 0.0, "cross": 1.0},
  {"mono": 2.0, "cross": 0.0},
  {"interleave": "example"},
  {"interleave": "example", "mono": 0.25, "cross": 0.75},
  {"cross_pairs": "batch"},
  {"languages": "proportional"},
  {"languages": "temperature", "cross_pairs": "batch"},
]


@pytest.mark.parametrize("keys", MIXES)
def test_pure_in_seed_and_step(keys):
  steps = [0, 1, 2, 17, 10**9, 40, 3]
  one, other = plan([PARTIAL], **keys), plan([PARTIAL], **keys)
  batches = {step: one(step) for step in steps}
  for step in reversed(steps):
    assert same(other(step), batches[step])


# SHA-256 of the batches of each of MIXES. A run that goes on with a newer
# version must see the batches that it would have seen.
STORED = [
  "74ce87ae3c238e45",
  "900f2a1a2d2070f5",
  "5cdb49a8bf1455bc",
  "7724054df626d244",
  "82ed4665e0ec6967",
  "0f16fff8156dd865",
  "d6104ce6c0183166",
  "0d6794a78f72c1d0",
  "29dc38af54ef2f73",
]


@pytest.mark.parametrize(("keys", "digest"), [*zip(MIXES, STORED, strict=True)])
def test_batches_are_those_of_earlier_versions(keys, digest):
  has = np.random.default_rng(0).random((3000, 4)) < 0.6
  planned = plan([PARTIAL, corpus("big", has)], 8, seed=3, **keys)
  found = hashlib.sha256()
  for step in (*range(12), 10**3, 10**9 + 1):
    batch = planned(step)
    found.update(f"{batch.kind} {batch.corpus}".encode())
    for array in (batch.ids, batch.query_language, batch.passage_language):
      found.update(array.astype("<i8").tobytes())
  assert found.hexdigest()[:16] == digest


def drawn(limit, seed=0, steps=60, **keys):
  """How often each id comes, over some steps."""
  has = np.random.default_rng(0).random((300, 4)) < 0.8
  has[:, 2] = True
  planned = plan([corpus("big", has)], 4, seed, limit=limit, **keys)
  return Counter(
    np.concatenate([planned(s).ids for s in range(steps)]).tolist()
  )


@pytest.mark.parametrize("interleave", ["batch", "example"])
def test_a_limit_draws_from_so_many_ids(interleave):
  few, more = (drawn(n, interleave=interleave) for n in (20, 60))
  assert len(few) == 20
  assert len(more) == 60
  assert set(few) < set(more)
  assert set(drawn(20, 1, interleave=interleave)) != set(few)


def test_limited_ids_come_equally_often():
  # 60 batches of 4 are 10 epochs of 24 ids.
  assert set(drawn(24, mono=0.0).values()) <= {9, 10, 11}
  one_epoch = drawn(24, steps=6, interleave="example", cross=0.0)
  assert set(one_epoch.values()) == {1}


def test_a_limit_above_all_is_none():
  assert drawn(300) == drawn(0) == drawn(9999)


@pytest.mark.parametrize("keys", MIXES)
def test_the_kind_alone(keys):
  planned = plan([PARTIAL], **keys)
  for step in (*range(9), 10**9):
    assert planned.kind(step) == planned(step).kind


@pytest.mark.parametrize("keys", MIXES)
def test_seeds_differ(keys):
  one, other = plan([PARTIAL], seed=1, **keys), plan([PARTIAL], seed=2, **keys)
  assert sum(same(one(step), other(step)) for step in range(40)) < 3


@settings(deadline=None, max_examples=60)
@given(
  has=st.lists(
    st.lists(st.booleans(), min_size=4, max_size=4).filter(any),
    min_size=2,
    max_size=25,
  ),
  batch_size=st.integers(2, 5),
  keys=st.sampled_from(MIXES),
)
def test_every_pair_exists(has, batch_size, keys):
  # Whatever the data: every batch is right, or the plan is refused.
  data = corpus("any", has)
  try:
    planned = plan([data], batch_size, **keys)
  except UserError:
    return
  for batch in map(planned, range(12)):
    x, y = batch.query_language, batch.passage_language
    assert len(set(batch.ids.tolist())) == batch_size
    assert (data.row_of[batch.ids, x] >= 0).all()
    assert (data.row_of[batch.ids, y] >= 0).all()
    if batch.kind == "mono":
      assert len({*x.tolist(), *y.tolist()}) == 1
    if batch.kind == "cross":
      assert (x != y).all()
    if batch.kind == "cross" and keys.get("cross_pairs") == "batch":
      assert len(set(x.tolist())) == len(set(y.tolist())) == 1


@pytest.mark.parametrize(
  ("mono", "cross", "deck"), [(0.5, 0.5, 2), (0.3, 0.7, 10), (3, 1, 4)]
)
def test_kinds_over_every_deck(mono, cross, deck):
  planned = plan([parallel(12, 3)], mono=mono, cross=cross)
  kinds = [planned(step).kind for step in range(4 * deck)]
  for start in range(0, 4 * deck, deck):
    counts = Counter(kinds[start : start + deck])
    assert counts["mono"] == pytest.approx(deck * mono / (mono + cross))


@pytest.mark.parametrize("kind", ["mono", "cross"])
def test_a_kind_of_weight_zero_never_comes(kind):
  planned = plan([parallel(12, 3)], **{kind: 0.0})
  assert kind not in {planned(step).kind for step in range(30)}


def test_mono_epochs():
  # 12 ids in batches of 4: three batches of a language are an epoch of it.
  planned = plan([parallel(12, 3)], cross=0.0)
  ids = {}
  for batch in map(planned, range(18)):  # 6 batches a language
    ids.setdefault(int(batch.query_language[0]), []).append(batch.ids)
  assert sorted(ids) == [0, 1, 2]
  for batches in ids.values():
    for epoch in np.concatenate(batches).reshape(2, 12):
      assert sorted(epoch) == list(range(12))


@pytest.mark.parametrize("interleave", ["batch", "example"])
def test_cross_epochs(interleave):
  planned = plan([parallel(12, 3)], mono=0.0, interleave=interleave)
  ids = np.concatenate([planned(step).ids for step in range(6)])
  for epoch in ids.reshape(2, 12):
    assert sorted(epoch) == list(range(12))


def test_interleaved_examples_over_a_deck():
  # Decks of 4 examples, three of them cross, in batches of 6: a deck may span
  # two batches, and 2 batches are 3 decks.
  planned = plan(
    [parallel(20, 4)], 6, interleave="example", mono=0.25, cross=0.75
  )
  batches = [planned(step) for step in range(40)]
  assert {batch.kind for batch in batches} == {"mixed"}
  mono = np.array([b.query_language == b.passage_language for b in batches])
  assert (mono.reshape(-1, 4).sum(axis=1) == 1).all()


def test_interleaved_examples_leave_out_ids_of_one_language():
  has = [[1, 1, 0]] * 6 + [[0, 0, 1]] * 5
  planned = plan([corpus("some", has)], interleave="example")
  ids = {i for step in range(30) for i in planned(step).ids.tolist()}
  assert ids == set(range(6))
  assert planned.dropped == ["mixed: some: 5 ids of one language"]


def language_counts(planned, field, steps):
  return Counter(
    np.concatenate([getattr(planned(s), field) for s in range(steps)]).tolist()
  )


# de 12, en 21 and zh 8 pairs; ar's 8 too.
@pytest.mark.parametrize(
  ("languages", "shares"),
  [
    ("uniform", [1, 1, 1, 1]),
    ("proportional", [8, 12, 21, 8]),
    ("temperature", [8**0.5, 12**0.5, 21**0.5, 8**0.5]),
  ],
)
def test_mono_languages(languages, shares):
  planned = plan([PARTIAL], cross=0.0, languages=languages, exponent=0.5)
  counts = language_counts(planned, "query_language", 1000)
  for language, share in enumerate(shares):
    expected = share / sum(shares)
    assert counts[language] / 4000 == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("cross_pairs", ["example", "batch"])
def test_cross_languages_uniform(cross_pairs):
  planned = plan([parallel(24, 4)], mono=0.0, cross_pairs=cross_pairs)
  pairs = Counter()
  for batch in map(planned, range(600)):
    pairs.update(
      zip(
        batch.query_language.tolist(),
        batch.passage_language.tolist(),
        strict=True,
      )
    )
  assert len(pairs) == 12  # ordered, of four languages
  for count in pairs.values():
    # Once a batch they come from a deck; for each example, from draws.
    off = 0 if cross_pairs == "batch" else 60  # 4 deviations and more
    assert abs(count - 200) <= off


def test_cross_languages_are_alike_in_uneven_data():
  # Every id has en and one of ar (30 ids), de (10): all four ordered pairs
  # cannot be alike, as an id comes once an epoch; both orders of a pair are.
  has = [[1, 0, 1]] * 30 + [[0, 1, 1]] * 10
  planned = plan([corpus("two", has)], mono=0.0)
  counts = language_counts(planned, "query_language", 2000)
  for language, expected in enumerate([15, 5, 20]):
    assert counts[language] / 8000 == pytest.approx(expected / 40, abs=0.02)


def test_language_pairs_follow_the_weights():
  # 30 ids are in ar and en, 10 in de and en.
  two = corpus("two", [[1, 0, 1]] * 30 + [[0, 1, 1]] * 10)
  planned = plan([two], mono=0.0, languages="proportional", cross_pairs="batch")
  pairs = Counter(
    (int(b.query_language[0]), int(b.passage_language[0]))
    for b in map(planned, range(80))
  )
  assert pairs == {(0, 2): 30, (2, 0): 30, (1, 2): 10, (2, 1): 10}


def corpus_counts(planned, kind):
  batches = map(planned, range(80))
  return Counter(batch.corpus for batch in batches if batch.kind == kind)


@pytest.mark.parametrize("cross_pairs", ["example", "batch"])
def test_sets_weighed_by_size(cross_pairs):
  # Records: 3 * 40 and 2 * 20, so three of four batches are the first's.
  planned = plan(
    [parallel(40, 3, "a"), parallel(20, 2, "b")], cross_pairs=cross_pairs
  )
  assert corpus_counts(planned, "mono") == {0: 30, 1: 10}
  assert corpus_counts(planned, "cross") == {0: 30, 1: 10}
  assert planned.describe() == [
    "mono 50.0% of the batches: a 75.0%, b 25.0%",
    "cross 50.0% of the batches: a 75.0%, b 25.0%",
  ]


def test_size_is_of_what_can_be_drawn():
  # Three ids in ar and en fill no batch of that pair: 2 * 20 records and 40.
  some = corpus("some", [[1, 1, 0]] * 20 + [[1, 0, 1]] * 3)
  planned = plan([some, parallel(20, 2)], mono=0.0, cross_pairs="batch")
  assert corpus_counts(planned, "cross") == {0: 40, 1: 40}


def test_sets_weighed_by_hand():
  planned = plan(
    [parallel(40, 3, "a"), parallel(20, 2, "b")], weights=[1.0, 4.0]
  )
  assert corpus_counts(planned, "mono") == {0: 8, 1: 32}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
  "has", [[[1]] * 9, [[1, 0]] * 9 + [[0, 1]] * 9], ids=["one", "two apart"]
)
def test_mono_examples_need_no_pairs_of_languages(has):
  alone = corpus("alone", has)
  planned = plan([alone], interleave="example", cross=0.0)
  batches = [planned(step) for step in range(9)]
  for batch in batches:
    assert np.array_equal(batch.query_language, batch.passage_language)
    assert (alone.row_of[batch.ids, batch.query_language] >= 0).all()
  assert {i for b in batches for i in b.ids.tolist()} == set(range(len(has)))


def test_a_set_in_one_language_serves_mono_only():
  planned = plan([parallel(30, 3, "a"), ENGLISH])
  batches = [planned(step) for step in range(400)]
  assert {(b.kind, b.corpus) for b in batches} == {
    ("mono", 0),
    ("mono", 1),
    ("cross", 0),
  }
  english = [b for b in batches if b.corpus == 1]
  assert {tuple(b.query_language) for b in english} == {(2, 2, 2, 2)}
  assert sum(b.kind == "cross" for b in batches) == 200
  assert "cross: english: 9 ids of one language" in planned.dropped


def test_dropped_says_what_was_left_out():
  planned = plan([PARTIAL], batch_size=9)
  assert planned.dropped == [
    "mono: partial: ar, 8 pairs under a batch",
    "mono: partial: zh, 8 pairs under a batch",
    "cross: partial: 6 ids of one language",
  ]
  mono = [b for b in map(planned, range(50)) if b.kind == "mono"]
  assert {int(b.query_language[0]) for b in mono} == {1, 2}
  # One pair a batch: the pairs of de and en alone fill one.
  planned = plan([PARTIAL], batch_size=9, mono=0.0, cross_pairs="batch")
  pairs = {
    (b.query_language[0], b.passage_language[0])
    for b in map(planned, range(20))
  }
  assert pairs == {(1, 2), (2, 1)}
  assert "cross: partial: ar-de, 5 pairs under a batch" in planned.dropped
  assert len(planned.dropped) == 12 - 2
  assert plan([parallel(12, 3)]).dropped == []


@pytest.mark.parametrize(
  ("corpora", "keys", "message"),
  [
    (
      [parallel(7, 3)],
      {"batch_size": 8},
      "config key 'train.batch_size' is 8, more than the 7 ids that parallel"
      " has; a batch holds an id once",
    ),
    (
      [ENGLISH],
      {},
      r"\(english\) can serve cross batches of 4: .*one language.*; set"
      r" mix\.cross=0, or give translations of one another one id",
    ),
    (
      [corpus("split", [[1, 0]] * 3 + [[0, 1]] * 3)],
      {"cross": 0.0},
      r"\(split\) can serve mono batches of 4: mono: split: ar, 3 pairs",
    ),
    (
      [parallel(30, 3), ENGLISH],
      {"mono": 0.0},
      r"'english' can serve none of the weighted kinds \(cross\)",
    ),
    (
      [parallel(30, 3), ENGLISH],
      {"interleave": "example"},
      r"'english' can serve none of the weighted kinds \(mixed\)",
    ),
    (
      [corpus("apart", [[1, 0]] * 9 + [[0, 1]] * 9)],
      {"interleave": "example"},
      "18 ids of one language; .*; set mix.cross=0, or give translations",
    ),
    ([parallel(9, 3)], {"mono": 1e-6}, "kinds are too far apart: 'mono' is"),
    (
      [parallel(9, 3, "big"), parallel(9, 3, "small")],
      {"weights": [1e6, 1.0]},
      "data sets of mono are too far apart: 'small' is drawn less than once",
    ),
    (
      [corpus("uneven", [[1, 0]] * 4 + [[0, 1]] * 50_000)],
      {"cross": 0.0, "languages": "proportional"},
      "languages of uneven are too far apart: 'ar' is drawn less than once"
      r" .*; draw languages more alike \('mix.languages', ",
    ),
  ],
)
def test_refused(corpora, keys, message):
  with pytest.raises(UserError, match=message) as caught:
    plan(corpora, **keys)
  assert "\n" not in str(caught.value)


# ------------------------------------------------------------ instructions


TASKS = corpus("tasks", [[0, 1, 1]] * 8, instructed=True)


@pytest.mark.parametrize("interleave", ["batch", "example"])
def test_instructions_are_a_kind_apart(interleave):
  planned = plan(
    [parallel(9, 3), TASKS], interleave=interleave, mono=1, cross=1, instruct=2
  )
  batches = [planned(step) for step in range(40)]
  assert sum(b.kind == "instruct" for b in batches) == 20
  for batch in batches:
    assert (batch.kind == "instruct") == (batch.corpus == 1)
    if batch.kind == "instruct":  # one language, in which the task is
      assert np.array_equal(batch.query_language, batch.passage_language)
      assert len(set(batch.query_language.tolist())) == 1
      assert batch.query_language[0] in (1, 2)


def test_instructions_alone():
  planned = plan([TASKS], mono=0, cross=0, instruct=1)
  assert {planned(step).kind for step in range(9)} == {"instruct"}


@pytest.mark.parametrize(
  ("corpora", "keys", "message"),
  [
    (
      [parallel(9, 3), TASKS],
      {},
      "queries of data set 'tasks' carry instructions, but config key"
      " 'mix.instruct' is 0",
    ),
    (
      [TASKS],
      {},
      r"weighs mono batches .* of every data set .*\(tasks\) carry"
      r" instructions; for these alone set mix.instruct=1, mix.mono=0 and",
    ),
    (
      [parallel(9, 3)],
      {"instruct": 1},
      r"weighs instruct batches .* of no data set .*\(parallel\) carry",
    ),
  ],
)
def test_instructions_and_their_weight_go_together(corpora, keys, message):
  with pytest.raises(UserError, match=message):
    plan(corpora, **keys)
