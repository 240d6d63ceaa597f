import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import tokenizers

from hybrid_ir.config import Data
from hybrid_ir.data.corpus import open_corpus
from hybrid_ir.data.records import Record, Source
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.errors import UserError
from hybrid_ir.prefixes import INSTRUCTION, Prefixes

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared"
BARE = Prefixes("", "", INSTRUCTION)


def record(id, language, passage=None, group="", negatives=(), **others):
  return Record(
    id=id,
    language=language,
    query=f"{language} {id}?",
    passage=passage or f"{language} {id}.",
    where=f"toy.jsonl:{id}{language}",
    negatives=negatives,
    group=group,
    **others,
  )


def groups(corpus):
  """The groups of more than one id, as sets of ids."""
  members = {}
  for id, group in zip(corpus.ids, corpus.group_of.tolist(), strict=True):
    members.setdefault(group, set()).add(id)
  return sorted(map(sorted, (m for m in members.values() if len(m) > 1)))


def stored(texts, row):
  return texts.gather(np.array([row]), 10**6, 1)[0].tolist()


def test_parallel_ids(make_corpus, tokenizer):
  records = [
    record("b", "zh"),
    record("a", "en", negatives=("No.", "Nor this.")),
    record("b", "de"),
    record("c", "en"),
    record("b", "en", negatives=("Never.",)),
  ]
  corpus = make_corpus(records, query="Q ", passage="P ")
  assert corpus.name == "toy"
  assert corpus.languages == ("de", "en", "zh")
  assert tuple(corpus.ids) == ("b", "a", "c")
  assert corpus.row_of.tolist() == [[2, 4, 0], [-1, 1, -1], [-1, 3, -1]]
  assert corpus.negatives_of.tolist() == [0, 0, 2, 2, 2, 3]
  assert corpus.negative_group.tolist() == [-1, -1, -1]
  for row, each in enumerate(records):
    query, passage = tokenizer.encode(["Q " + each.query, "P " + each.passage])
    assert stored(corpus.queries, row) == query.tolist()
    assert stored(corpus.passages, row) == passage.tolist()
  negatives = tokenizer.encode(["P No.", "P Nor this.", "P Never."])
  for i, tokens in enumerate(negatives):
    assert stored(corpus.negatives, i) == tokens.tolist()


def test_groups_are_connected_components(make_corpus):
  # A and B share a passage in English, B and C one in German: one group, by
  # hand-over. D and E share a `group`, E and F a passage. G and H share
  # nothing; H's passage is G's query.
  corpus = make_corpus(
    [
      record("A", "en", "Tea."),
      record("A", "de", "Tee?"),
      record("B", "en", "Tea."),
      record("B", "de", "Kraut."),
      record("C", "de", "Kraut."),
      record("D", "en", group="1"),
      record("E", "en", group="1"),
      record("E", "de", "Gleich."),
      record("F", "zh", "Gleich."),
      record("G", "en", group="2"),
      record("H", "en", "en G?", group=""),
    ]
  )
  assert groups(corpus) == [["A", "B", "C"], ["D", "E", "F"]]


def test_a_group_is_no_passage(make_corpus):
  # `group` may be spelt like a passage.
  corpus = make_corpus(
    [record("A", "en", "one"), record("B", "en", "two", group="one")]
  )
  assert groups(corpus) == []


def test_the_group_of_a_negative(make_corpus):
  corpus = make_corpus(
    [
      record("A", "en", "Tea.", negatives=("Milch.", "Water.")),
      record("B", "en", "Milk."),
      record("B", "de", "Milch."),
      record("C", "en", "Tea."),
    ]
  )
  assert corpus.negative_group.tolist() == [corpus.group_of[1], -1]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared: real data")
def test_groups_of_xquad_r(tmp_path):
  from hybrid_ir.data.sources import open_source

  data = Data(lareqa_dir=str(SHARED / "data" / "lareqa"))
  source = open_source("xquad_r", "train", data, tmp_path)
  # A token a text, as only the texts themselves matter here.
  unknown = tokenizers.models.WordLevel({"?": 0}, unk_token="?")
  fast = Tokenizer(tokenizers.Tokenizer(unknown).to_str(), {})
  corpus = open_corpus(source, fast, BARE, tmp_path)
  assert len(corpus.queries) == 13_090
  assert corpus.row_of.shape == (1190, 11)
  assert (corpus.row_of[:] >= 0).all()
  sizes = Counter(corpus.group_of.tolist())
  assert (len(sizes), max(sizes.values())) == (489, 15)


def test_duplicate(make_corpus):
  again = dataclasses.replace(record("a", "en"), where="other.jsonl:7")
  with pytest.raises(UserError) as caught:
    make_corpus([record("a", "en"), record("a", "de"), again])
  assert str(caught.value) == (
    "other.jsonl:7: id 'a' comes twice in language 'en', first at toy.jsonl:aen"
  )


def test_a_duplicate_far_behind(tmp_path, tokenizer):
  # The first place is looked up in the source, not remembered.
  def read():
    for i in range(5000):
      yield Record(str(i), "en", "?", "!", f"far.jsonl:{i}")
    yield Record("4321", "en", "?", "!", "far.jsonl:5000")

  with pytest.raises(UserError, match=r"far.jsonl:5000: .* at far.jsonl:4321"):
    open_corpus(Source("far", "1", read), tokenizer, BARE, tmp_path)


def test_many_records(make_corpus, tokenizer):
  # More than are tokenized together, in a random order, with uneven languages.
  rng = np.random.default_rng(0)
  cells = [(i, x) for i in range(1500) for x in ("de", "en", "zh")]
  records = [
    record(str(cells[c][0]), cells[c][1], passage=f"text {c % 2000}")
    for c in rng.permutation(len(cells))[:4200]
  ]
  corpus = make_corpus(records)
  ids = list(dict.fromkeys(r.id for r in records))
  assert list(corpus.ids) == ids
  place = {id: i for i, id in enumerate(ids)}
  for row, r in enumerate(records):
    column = corpus.languages.index(r.language)
    assert corpus.row_of[place[r.id], column] == row
  assert (corpus.row_of[:] >= 0).sum() == len(records)
  for row in (0, 2047, 2048, 4199):
    (tokens,) = tokenizer.encode([records[row].passage])
    assert stored(corpus.passages, row) == tokens.tolist()
  of_text = {}
  for r in records:
    of_text.setdefault(r.passage, set()).add(corpus.group_of[place[r.id]])
  assert all(len(groups) == 1 for groups in of_text.values())


def test_many_negatives_are_tokenized_a_part_at_a_time(
  make_corpus, monkeypatch
):
  """Memory depends on the texts at once, of which a record may have many."""
  encode, counts = Tokenizer.encode_joined, []

  def counted(self, texts):
    counts.append(len(texts))
    return encode(self, texts)

  monkeypatch.setattr(Tokenizer, "encode_joined", counted)
  negatives = tuple(f"No {n}." for n in range(998))
  records = [record(str(n), "en", negatives=negatives) for n in range(12)]
  corpus = make_corpus(records)
  assert counts == [5, 5, 5 * 998, 5, 5, 5 * 998, 2, 2, 2 * 998]
  assert corpus.negatives_of.tolist() == [998 * n for n in range(13)]


def test_refused_data_leaves_nothing(make_corpus, tmp_path):
  with pytest.raises(UserError, match="'toy' has no records to train on"):
    make_corpus([])
  with pytest.raises(UserError, match="comes twice"):
    make_corpus([record("a", "en")] * 2)
  assert list((tmp_path / "corpora").iterdir()) == []


def test_a_second_open_reads_nothing(make_corpus, tmp_path, tokenizer):
  records = [record("a", "en"), record("a", "de")]
  first = make_corpus(records)

  def read():
    raise AssertionError("the source was read again")

  source = Source("toy", repr(records), read)
  second = open_corpus(source, tokenizer, BARE, tmp_path)
  assert second.fingerprint == first.fingerprint
  assert tuple(second.ids) == tuple(first.ids)
  np.testing.assert_array_equal(second.row_of, first.row_of)


def test_an_interrupted_build_is_begun_anew(tmp_path, tokenizer):
  records = [record(str(i), "en") for i in range(3000)]  # tokenized in two

  def read():
    yield from records[:2999]
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    open_corpus(Source("toy", "1", read), tokenizer, BARE, tmp_path)
  assert list((tmp_path / "corpora").iterdir()) == []
  whole = Source("toy", "1", lambda: iter(records))
  corpus = open_corpus(whole, tokenizer, BARE, tmp_path)
  assert len(corpus.queries) == 3000


def test_a_killed_build_is_begun_anew(tmp_path, tokenizer):
  (tmp_path / "tokenizer.json").write_text(tokenizer.serialized)
  script = """
import os, pathlib, signal, sys
from hybrid_ir.data import corpus, tokenizer
from hybrid_ir.prefixes import INSTRUCTION, Prefixes
from hybrid_ir.data.records import Record, Source

def read():
  for i in range(3000):
    yield Record(str(i), "en", f"{i}?", f"{i}.", "here")
  os.kill(os.getpid(), signal.SIGKILL)

folder = pathlib.Path(sys.argv[1])
source = Source("toy", "1", read)
corpus.open_corpus(source, tokenizer.load(folder), Prefixes("", "", ""), folder)
"""
  killed = subprocess.run(
    [sys.executable, "-c", script, tmp_path], env=os.environ, check=False
  )
  assert killed.returncode == -9
  records = [record("a", "en")]
  source = Source("toy", "1", lambda: iter(records))
  corpus = open_corpus(source, tokenizer, BARE, tmp_path)
  assert tuple(corpus.ids) == ("a",)


def test_fingerprint(make_corpus, tmp_path, tokenizer):
  records = [record("a", "en")]
  lowercase = json.loads(tokenizer.serialized)
  lowercase["normalizer"] = {"type": "Lowercase"}

  def fingerprint(data="1", words=tokenizer, **changed):
    source = Source("toy", data, lambda: iter(records))
    prefixes = dataclasses.replace(BARE, **changed)
    return open_corpus(source, words, prefixes, tmp_path).fingerprint

  first = fingerprint()
  assert fingerprint() == first
  changed = [
    fingerprint("2"),
    fingerprint(words=Tokenizer(json.dumps(lowercase), {})),
    fingerprint(query="x"),
    fingerprint(passage="x"),
    fingerprint(instruction="{instruction}: {query}"),
  ]
  assert len({first, *changed}) == 6


def test_scores_stand_beside_what_they_score(make_corpus):
  corpus = make_corpus(
    [
      record("a", "en", negatives=("No.",)),
      record("b", "en", negatives=("No.", "Nor."), scores=(9.5, 1, -2)),
      record("c", "en", scores=(3.0,)),
    ]
  )
  nan = np.nan
  np.testing.assert_array_equal(corpus.scores, [nan, 9.5, 3])
  np.testing.assert_array_equal(corpus.negative_scores, [nan, 1, -2])


def test_instructions_frame_the_query(make_corpus, tokenizer):
  braces = record("a", "en", instruction="Say {query} if you {dare}")
  corpus = make_corpus([braces], query="Q ", passage="P ")
  assert corpus.instructed
  (expected,) = tokenizer.encode(
    [f"Instruct: Say {{query}} if you {{dare}}\nQuery: {braces.query}"]
  )
  assert stored(corpus.queries, 0) == expected.tolist()


@pytest.mark.parametrize("first", ["", "Find it."])
def test_instructions_for_some_queries_only_are_refused(make_corpus, first):
  records = [
    record("a", "en", instruction=first),
    record("b", "en", instruction="" if first else "Find it."),
  ]
  has, lacks = ("a", "b") if first else ("b", "a")
  message = f"toy.jsonl:{has}en has an 'instruction', toy.jsonl:{lacks}en has"
  with pytest.raises(UserError, match=message):
    make_corpus(records)
