import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.data import overlap
from hybrid_ir.data.records import Record

TWENTY = " ".join(f"word{i}" for i in range(20))


def record(query, passage, id="t", language="en"):
  return Record(id, language, query, passage, where="")


def kinds(trained, evaluated, passages=()):
  """Which of the kinds of overlap one training record has."""
  found = overlap.overlap([trained], overlap.index(evaluated, passages))
  names = ("same_query", "same_passage", "same_words")
  return {name for name in names if getattr(found, name)}


@pytest.mark.parametrize(
  ("query", "passage", "expected"),
  [
    ("Who built it?", "Nobody knows.", set()),
    ("how tall: is IT", "Nobody knows.", {"same_query"}),
    ("Who built it?", "it is 90 m tall", {"same_passage"}),
    ("It is 90 m tall.", "How tall is it?", set()),  # each on its own side
    ("How tall is it now?", "It is 90 m tall, or so.", set()),  # no part
    ("How tallis it?", "?", {"same_query"}),  # spaces make no difference
  ],
)
def test_equal_texts(query, passage, expected):
  evaluated = [record("How tall is it?", "It is 90 m tall.", "e")]
  assert kinds(record(query, passage), evaluated) == expected


@pytest.mark.parametrize("side", ["query", "passage"])
@pytest.mark.parametrize("other", ["query", "passage"])
def test_thirteen_words_in_a_row_are_found_on_either_side(side, other):
  words = TWENTY.split()
  texts = {"query": "a", "passage": "b"}
  evaluated = [record(**{**texts, side: TWENTY})]
  for n, expected in ((12, set()), (13, {"same_words"})):
    mixed = " ".join(["x", *words[4 : 4 + n], "y"]).upper()
    fresh = {"query": "c", "passage": "d"}
    assert kinds(record(**{**fresh, other: mixed}), evaluated) == expected


@pytest.mark.parametrize(
  ("words", "expected"), [(7, set()), (8, {"same_words"})]
)
def test_a_short_text_is_found_whole(words, expected):
  text = " ".join(TWENTY.split()[:words])
  evaluated = [record(text, "p")]
  assert kinds(record("q", f"x {text} y"), evaluated) == expected
  cut = text.rpartition(" ")[0]
  assert kinds(record("q", f"x {cut} y"), evaluated) == set()


@pytest.mark.parametrize(
  ("letters", "mark", "n"),
  [
    ("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏", "高", 22),
    ("".join(chr(0x0E01 + i % 46) for i in range(80)), "ๆ", 72),
  ],
)
def test_characters_where_there_are_no_spaces(letters, mark, n):
  evaluated = [record("q", letters)]
  for size, expected in ((n - 1, set()), (n, {"same_words"})):
    # Spaces and signs in such a text part nothing.
    quoted = letters[1 : size // 2] + ", " + letters[size // 2 : 1 + size]
    assert kinds(record("x", mark + quoted + mark), evaluated) == expected


def test_runs_do_not_go_on_from_one_text_to_the_next():
  words = TWENTY.split()
  evaluated = [record("q", TWENTY)]
  parted = record(" ".join(words[:10]), " ".join(words[10:]))
  assert kinds(parted, evaluated) == set()


def test_passages_beside_the_records():
  evaluated = [record("q", "p")]
  assert kinds(record("x", "A whole!"), evaluated) == set()
  assert kinds(record("x", "A whole!"), evaluated, ["a whole"]) == {
    "same_passage"
  }


def test_texts_without_words_equal_nothing():
  assert kinds(record("?", "..."), [record("!", "…")], [""]) == set()


def test_counts():
  evaluated = [record("A?", "B.", "e1"), record("C?", "D.", "e2")]
  trained = [
    *(record("a", f"new {i}", f"q{i}", "de") for i in range(7)),
    record("a", "b", "both", "en"),
    *[record("new", "b", "p", "en")] * 2,  # an id may have several passages
    record("new", "new", "n", "en"),
  ]
  found = overlap.overlap(iter(trained), overlap.index(iter(evaluated)))
  assert found == overlap.Overlap(
    records=11, same_query=8, same_passage=3, same_words=0, any=10
  )


def test_nothing_to_compare():
  empty = overlap.overlap([], overlap.index([]))
  assert empty == overlap.Overlap(0, 0, 0, 0, 0)
  assert kinds(record("q", TWENTY), []) == set()


WORDS = st.lists(st.sampled_from("ab"), max_size=24)
PAIRS = st.tuples(WORDS, WORDS)


def slow(trained, evaluated):
  """Whether two pairs share words: an obvious version."""
  for theirs in evaluated:
    if len(theirs) >= 8:
      n = min(len(theirs), 13)
      grams = [theirs[i : i + n] for i in range(len(theirs) - n + 1)]
      for ours in trained:
        if any(ours[i : i + n] in grams for i in range(len(ours))):
          return True
  return False


@given(
  st.lists(PAIRS, min_size=1, max_size=4),
  st.lists(PAIRS, max_size=3),
  st.data(),
)
def test_as_a_slow_version_says(trained, evaluated, data):
  if evaluated and data.draw(st.booleans()):  # quote, or hardly any is shared
    _, passage = data.draw(st.sampled_from(evaluated))
    begin = data.draw(st.integers(0, len(passage)))
    trained = [*trained, (["c"], ["c", *passage[begin:], "c"])]
  records = [
    [record(" ".join(q), " ".join(p), str(i)) for i, (q, p) in enumerate(pairs)]
    for pairs in (trained, evaluated)
  ]
  index = overlap.index(records[1])
  expected = sum(
    any(slow(pair, theirs) for theirs in evaluated) for pair in trained
  )
  assert overlap.overlap(records[0], index).same_words == expected


def test_more_than_a_batch(monkeypatch):
  monkeypatch.setattr(overlap, "_BATCH", 3)
  evaluated = [record(f"q{i}", f"{TWENTY} {i}", str(i)) for i in range(10)]
  found = overlap.overlap(evaluated, overlap.index(evaluated))
  assert found == overlap.Overlap(10, 10, 10, 10, 10)
