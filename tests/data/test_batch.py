import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_ir.config import Layout, Mix
from hybrid_ir.data.batch import Batches, arrange
from hybrid_ir.data.plan import Plan
from hybrid_ir.data.records import Record

STORES = ("queries", "passages", "negatives")


def record(id, language, negatives=(), passage=None, scores=()):
  return Record(
    id=id,
    language=language,
    query=f"{language} question {id}?",
    passage=passage or f"{language}: the answer to {id} is so long.",
    where=f"toy:{id}/{language}",
    negatives=negatives,
    scores=scores,
  )


RECORDS = [
  record(str(i), language) for i in range(8) for language in ("de", "en")
]


def make_batches(corpus, lengths=(64, 256), negatives=0, size=4, **layout):
  keys = {"row_lengths": (64, 128), "texts_per_row": 3} | layout
  return Batches(
    plan=Plan([corpus], [None], Mix(), size, seed=3),
    corpora=[corpus],
    query_length=lengths[0],
    passage_length=lengths[1],
    layout=Layout(**keys),
    hard_negatives=negatives,
    suffix=1,
    rows_multiple=2,
    seed=3,
  )


def read_texts(batch):
  """The tokens of each text of a batch, by its place: None where absent."""
  texts = []
  for row, start, segment in zip(
    batch["text_row"], batch["text_start"], batch["text_segment"], strict=True
  ):
    if not segment:
      texts.append(None)
      continue
    columns = np.flatnonzero(batch["segments"][row] == segment)
    assert columns[0] == start
    np.testing.assert_array_equal(columns, start + np.arange(len(columns)))
    np.testing.assert_array_equal(
      batch["positions"][row, columns], np.arange(len(columns))
    )
    texts.append(batch["tokens"][row, columns].tolist())
  return texts


def cut(tokenizer, text, length):
  """What transformers keeps: the start, and </s>."""
  tokens = tokenizer.encode([text])[0].tolist()
  return tokens if len(tokens) <= length else [*tokens[: length - 1], 2]


@pytest.mark.parametrize(
  "layout", [{}, {"packing": False}, {"texts_per_row": 1}]
)
@pytest.mark.parametrize("lengths", [(64, 128), (16, 24)])
def test_tokens_are_the_texts(make_corpus, tokenizer, layout, lengths):
  corpus = make_corpus(RECORDS, query="q: ", passage="p: ")
  batches = make_batches(corpus, lengths, **layout)
  by_id = {(r.id, r.language): r for r in RECORDS}
  for step in range(8):
    batch = batches(step)
    planned, _ = batches.describe(step)
    expected = [[], []]
    for id, *columns in zip(
      planned.ids, planned.query_language, planned.passage_language, strict=True
    ):
      x, y = (by_id[corpus.ids[id], corpus.languages[c]] for c in columns)
      expected[0].append(cut(tokenizer, "q: " + x.query, lengths[0]))
      expected[1].append(cut(tokenizer, "p: " + y.passage, lengths[1]))
    assert read_texts(batch) == [*expected[0], *expected[1]]
    longest = max(map(len, [*expected[0], *expected[1]]))
    rows, columns = batch["tokens"].shape
    assert columns == min(n for n in (64, 128) if n >= longest)
    assert rows % 2 == 0
    if layout:
      assert batch["text_row"].tolist() == list(
        np.argsort(
          np.argsort(
            [-len(t) for t in [*expected[0], *expected[1]]], kind="stable"
          )
        )
      )
    else:
      assert batch["segments"].max() > 1
    padding = batch["segments"] == 0
    assert not batch["tokens"][padding].any()
    assert not batch["positions"][padding].any()


def test_texts_are_renumbered_and_padding_is_not(make_corpus):
  corpus = make_corpus(RECORDS)
  plain = make_batches(corpus)
  size = 1 + max(int(plain(step)["tokens"].max()) for step in range(3))
  numbers = 1000 + 3 * np.arange(size, dtype=np.int32)
  renumbered = dataclasses.replace(plain, renumber=numbers)
  for step in range(3):
    ours, theirs = renumbered(step), plain(step)
    real = ours["segments"] > 0
    np.testing.assert_array_equal(
      ours["tokens"][real], 1000 + 3 * theirs["tokens"][real]
    )
    assert not ours["tokens"][~real].any()
    for name in ours.keys() - {"tokens"}:
      np.testing.assert_array_equal(ours[name], theirs[name])


def test_all_arrays_but_the_scores_are_int32(make_corpus):
  # The pipeline hands them on as such.
  records = [record(str(i), "en", negatives=("no.",)) for i in range(4)]
  corpus = make_corpus([*records, *(record(str(i), "de") for i in range(4))])
  for negatives in (0, 2):
    batch = make_batches(corpus, negatives=negatives)(0)
    assert batch.pop("teacher").dtype == np.float32
    assert {array.dtype for array in batch.values()} == {np.dtype(np.int32)}


def test_groups(make_corpus):
  # 0 and 1 share a German passage, 2 and 3 an English one.
  shared = {("0", "de"): "Gleich.", ("1", "de"): "Gleich."}
  shared |= {("2", "en"): "Same.", ("3", "en"): "Same."}
  corpus = make_corpus(
    [
      record(r.id, r.language, passage=shared.get((r.id, r.language)))
      for r in RECORDS
    ]
  )
  batches = make_batches(corpus, size=8)
  for step in range(4):
    ids = [corpus.ids[i] for i in batches.describe(step)[0].ids]
    group = dict(zip(ids, batches(step)["group"].tolist(), strict=True))
    assert group["0"] == group["1"]
    assert group["2"] == group["3"]
    assert len(set(group.values())) == 6
    assert batches(step)["negative_group"].shape == (8, 0)


NEGATIVES = {"0": ("a.", "b.", "c."), "1": ("d.",), "3": ("e.", "f.")}


def ragged(make_corpus, own=None):
  """Ids 0 to 3 with three, one, no and two negatives, in both languages."""
  return make_corpus(
    [
      record(
        id,
        language,
        tuple(f"{language} {n}" for n in NEGATIVES.get(id, ())),
        passage=own if own and id == "2" and language == "en" else None,
      )
      for id in "0123"
      for language in ("de", "en")
    ]
  )


def test_ragged_negatives(make_corpus, tokenizer):
  corpus = ragged(make_corpus)
  batches = make_batches(corpus, negatives=2)
  seen = {id: set() for id in "0123"}
  for step in range(40):
    planned, _ = batches.describe(step)
    batch = batches(step)
    texts = read_texts(batch)
    assert len(texts) == 4 + 4 + 8
    assert None not in texts[:8]
    for i, id in enumerate(corpus.ids[j] for j in planned.ids):
      # Of the passage's record, so in the passage's language.
      language = corpus.languages[planned.passage_language[i]]
      mine = [f"{language} {n}" for n in NEGATIVES.get(id, ())]
      spelt = {tuple(tokenizer.encode([n])[0].tolist()): n for n in mine}
      drawn = texts[8 + 2 * i : 10 + 2 * i]
      there = [spelt[tuple(tokens)] for tokens in drawn if tokens]
      assert len(there) == len(set(there)) == min(2, len(mine))
      assert drawn[len(there) :] == [None] * (2 - len(there))
      seen[id].update(n[-2:] for n in there)
  # A list longer than two is gone through, step by step.
  assert seen == {id: set(NEGATIVES.get(id, ())) for id in "0123"}


def test_absent_negatives_have_no_segment(make_corpus):
  batch = make_batches(ragged(make_corpus), negatives=4)(0)
  absent = batch["text_segment"] == 0
  assert absent.sum() == 16 - 6
  assert not absent[:8].any()
  assert not batch["text_row"][absent].any()
  assert not batch["text_start"][absent].any()
  assert (batch["negative_group"].ravel()[absent[8:]] == -1).all()


def test_negatives_know_their_group(make_corpus):
  # A negative of 0 is the passage of 2: no negative for 2's own group.
  corpus = ragged(make_corpus, own="en b.")
  group_of_2 = corpus.group_of[corpus.ids.index("2")]
  batches = make_batches(corpus, negatives=3)
  found = set()
  for step in range(20):
    planned, _ = batches.describe(step)
    groups = batches(step)["negative_group"]
    for i, id in enumerate(planned.ids):
      english = corpus.languages[planned.passage_language[i]] == "en"
      if corpus.ids[id] == "0" and english:
        assert sorted(groups[i].tolist()) == [-1, -1, group_of_2]
        found.add(step)
      else:
        assert (groups[i] == -1).all()
  assert found


def test_negatives_asked_for_where_there_are_none(make_corpus):
  batch = make_batches(make_corpus(RECORDS), negatives=2)(0)
  assert batch["text_segment"][8:].tolist() == [0] * 8
  assert batch["negative_group"].tolist() == [[-1, -1]] * 4


def test_scores_stand_with_their_texts(make_corpus, tokenizer):
  """A teacher's scores: of the passage's record, and of the drawn negatives."""
  scored = {"0": 3, "1": 1}  # hard negatives of an id; 2 and 3 have no scores
  records, score_of = [], {}
  for i, language in enumerate(("de", "en")):
    for id in "0123":
      negatives = [f"{language}{id} {n}" for n in range(scored.get(id, 2))]
      scores = ()
      if id in scored:
        scores = tuple(10 * i + int(id) + n / 8 for n in range(scored[id] + 1))
        score_of |= dict(zip(negatives, scores[1:], strict=True))
        score_of[id, language] = scores[0]
      records.append(record(id, language, tuple(negatives), None, scores))
  corpus = make_corpus(records)
  spelt = {
    tuple(tokenizer.encode([n])[0].tolist()): n
    for r in records
    for n in r.negatives
  }
  batches = make_batches(corpus, negatives=2)
  drawn = set()
  for step in range(24):
    planned, _ = batches.describe(step)
    batch = batches(step)
    negatives = read_texts(batch)[8:]
    for i, id in enumerate(corpus.ids[j] for j in planned.ids):
      language = corpus.languages[planned.passage_language[i]]
      names = [spelt[tuple(t)] if t else "" for t in negatives[2 * i :][:2]]
      expected = [score_of.get(key, np.nan) for key in [(id, language), *names]]
      np.testing.assert_array_equal(
        batch["teacher"][i], np.array(expected, np.float32)
      )
      drawn.update(names)
  assert score_of.keys() - drawn == {(i, x) for i in "01" for x in ("de", "en")}


def test_without_hard_negatives_the_passages_scores_are_there(make_corpus):
  records = [
    record(str(i), language, ("no.",), None, (float(i), -1.0))
    for i in range(4)
    for language in ("de", "en")
  ]
  batches = make_batches(make_corpus(records))
  ids = batches.describe(0)[0].ids
  assert batches(0)["teacher"].tolist() == [[float(i)] for i in ids]


def test_pure(make_corpus):
  corpus = ragged(make_corpus)
  one, other = (make_batches(corpus, negatives=2) for _ in range(2))
  expected = {step: one(step) for step in range(6)}
  for step in (5, 0, 3, 3, 1):
    again = other(step)
    for name, array in expected[step].items():
      np.testing.assert_array_equal(again[name], array)


def test_arrange_by_hand():
  arranged = arrange(
    np.array([1, 2, 3, 4, 5, 6, 7, 8], np.int32),
    np.array([2, 5, 1]),
    Layout(row_lengths=(8,), texts_per_row=2),
    rows_multiple=1,
  )
  assert arranged["tokens"].tolist() == [
    [3, 4, 5, 6, 7, 1, 2, 0],
    [8, 0, 0, 0, 0, 0, 0, 0],
  ]
  assert arranged["segments"].tolist() == [
    [1, 1, 1, 1, 1, 2, 2, 0],
    [1, 0, 0, 0, 0, 0, 0, 0],
  ]
  assert arranged["positions"].tolist() == [
    [0, 1, 2, 3, 4, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
  ]
  assert arranged["text_row"].tolist() == [0, 0, 1]
  assert arranged["text_start"].tolist() == [5, 0, 0]


@given(
  own=st.lists(st.booleans(), min_size=64, max_size=64), step=st.integers(0, 9)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_process_reads_its_own_rows(make_corpus, own, step):
  """The others' tokens are 0, and everything else is the whole batch's."""
  batches = make_batches(make_corpus(RECORDS), negatives=1, size=6)
  whole = batches(step)
  mine = np.array(own)
  read = []

  class Read:
    def __init__(self, store):
      self._store = store

    def __getattr__(self, name):
      return getattr(self._store, name)

    def gather(self, texts, *rest):
      read.append(len(texts))
      return self._store.gather(texts, *rest)

  (corpus,) = batches.corpora
  counting = dataclasses.replace(
    corpus, **{name: Read(getattr(corpus, name)) for name in STORES}
  )
  part = dataclasses.replace(
    batches, corpora=[counting], own_rows=lambda rows: mine[:rows]
  )(step)
  kept = mine[: len(whole["tokens"])]
  np.testing.assert_array_equal(
    part["tokens"], np.where(kept[:, None], whole["tokens"], 0)
  )
  for name in whole.keys() - {"tokens"}:
    np.testing.assert_array_equal(part[name], whole[name])
  texts = whole["text_segment"] > 0
  assert sum(read) == kept[whole["text_row"]][texts].sum()
