import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.data import word_grams
from hybrid_ir.data.word_grams import CHARACTERS, DENSE_CHARACTERS, WORDS, Texts


@pytest.mark.parametrize(
  ("text", "folded"),
  [
    ("", ""),
    ("  How TALL,\tis\u00a0it?! ", "how tall is it"),
    ("Straße", "strasse"),
    ("ﬁne ①", "fine 1"),  # NFKC
    ("cafe\u0301", "café"),
    ("90%-ig", "90 ig"),
    ("यह कितना ऊँचा है?", "यह कितना ऊँचा है"),  # vowel signs are marks
    ("می\u200cروم", "میروم"),  # a joiner within a word
    ("«有,多 高?»", "有 多 高"),
  ],
)
def test_folded(text, folded):
  assert word_grams.folded(text) == folded


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(text):
  once = word_grams.folded(text)
  assert word_grams.folded(once) == once


@pytest.mark.parametrize(
  ("text", "length"),
  [
    ("", WORDS),
    ("how tall is it", WORDS),
    ("nhà cao bao nhiêu", WORDS),
    ("얼마나 높아요", WORDS),  # parted by spaces
    ("有多高", DENSE_CHARACTERS),
    ("この塔は高い", DENSE_CHARACTERS),
    ("สูงเท่าไร", CHARACTERS),
    ("ខ្ពស់ប៉ុណ្ណា", CHARACTERS),
    ("ສູງເທົ່າໃດ", CHARACTERS),
    ("ဘယ်လောက်မြင့်လဲ", CHARACTERS),
    ("the tower 塔 is high", WORDS),
  ],
)
def test_length_in(text, length):
  assert word_grams.length_in(text) == length


WORD = st.sampled_from(["a", "b", "ab", "ba", "κ", "ж"])
SPACED = st.lists(WORD, max_size=30).map(" ".join)
DENSE = st.text("塔高的城", max_size=40)
TEXTS = st.lists(st.one_of(SPACED, DENSE), max_size=6)


def units_of(text):
  return tuple(text.split()) if word_grams.length_in(text) == WORDS else text


def runs(units, n):
  return [units[i : i + n] for i in range(len(units) - n + 1)]


@given(TEXTS)
def test_grams_are_runs_of_n_units_or_a_whole_short_text(texts):
  grams = {}
  for part in Texts.of(texts):
    for n, hashes in part.grams().items():
      grams[part.length, n] = len(set(hashes.tolist()))
  expected = {}
  for text in texts:
    length, units = word_grams.length_in(text), units_of(text)
    if len(units) >= length.least:
      n = min(len(units), length.units)
      expected.setdefault((length, n), set()).update(runs(units, n))
  assert grams == {key: len(found) for key, found in expected.items()}


@given(TEXTS, st.integers(1, 30))
def test_windows_are_equal_where_runs_are(texts, n):
  for part in Texts.of(texts):
    owners, hashes = part.windows(n)
    kept = [
      (i, run)
      for i, text in enumerate(texts)
      if word_grams.length_in(text) == part.length
      and len(units_of(text)) >= part.length.least
      for run in runs(units_of(text), n)
    ]
    assert owners.tolist() == [i for i, _ in kept]
    assert hashes.dtype == np.uint64
    # As many distinct hashes as runs, and each run has one.
    runs_kept = [run for _, run in kept]
    pairs = set(zip(runs_kept, hashes.tolist(), strict=True))
    assert len(pairs) == len({run for run, _ in pairs})
    assert len(pairs) == len({value for _, value in pairs})


def test_order_counts():
  ahead = " ".join(f"w{i}" for i in range(13))
  back = " ".join(f"w{i}" for i in reversed(range(13)))
  (part,) = Texts.of([ahead, back])
  (hashes,) = part.grams().values()
  assert len(set(hashes.tolist())) == 2
