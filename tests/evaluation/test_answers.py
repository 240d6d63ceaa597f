import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from hybrid_ir.evaluation.answers import answer_values, token_f1, tokens


@pytest.mark.parametrize(
  ("language", "text", "expected"),
  [
    ("en", "The  mill, an old one, has a wheel.", "mill old one has wheel"),
    ("en", "Theatre anatomy", "theatre anatomy"),
    ("en", "It costs $5+tax", "it costs 5tax"),
    ("de", "Der Turm steht an dem See.", "turm steht an see"),
    ("es", "¿Está la torre en el lago?", "está torre en lago"),
    ("vi", "Đây là ngọn tháp của hồ", "đây ngọn tháp hồ"),
    ("ar", "البرج على البحيرة؟", "برج على بحيرة"),
    ("hi", "मीनार झील पर है।", "मीनार झील पर है"),
    ("zh", "塔高42米,在湖边。", "塔 高 42 米 在 湖 边"),
    ("th", "ที่น้ำ 42", "ที่ น้ ำ 42"),
    ("el", "Ο πύργος", "ο πύργος"),
    ("tr", "the «kule»", "the kule"),
  ],
)
def test_tokens_by_hand(language, text, expected):
  assert tokens(text, language) == tuple(expected.split())


def test_token_f1_by_hand():
  assert token_f1(("a", "b", "b", "c"), ("b", "b", "d")) == 2 * 2 / (4 + 3)
  assert token_f1(("x",), ("x",)) == 1
  assert token_f1(("x",), ("y",)) == 0
  assert token_f1((), ("y",)) == 0
  assert token_f1((), ()) == 1


bags = st.lists(st.sampled_from("abc"), max_size=6).map(tuple)


@hypothesis.settings(deadline=None)
@hypothesis.given(bags, bags)
def test_token_f1_is_bounded_symmetric_and_1_for_the_same_bag(found, gold):
  value = token_f1(found, gold)
  assert 0 <= value <= 1
  assert value == token_f1(gold, found[::-1])
  assert (value == 1) == (sorted(found) == sorted(gold))


def test_the_best_sentence_against_the_golds_of_its_language():
  shown = (
    *("The tower is tall.", "A tower is tall!", "Boats leave", "boats sail"),
    *("Der Turm ist hoch", "Boote"),
  )
  values = answer_values(
    # The last two: no gold of its own language, nothing retrieved.
    best=np.array([1, 3, 4, 5, -1]),
    query_languages=np.array([1, 1, 0, 0, 1]),
    gold_queries=np.array([0, 0, 1, 1, 2, 3, 4]),
    gold_passages=np.array([0, 4, 0, 2, 4, 0, 2]),
    passage_shown=shown,
    passage_languages=np.array([1, 1, 1, 1, 0, 0]),
    languages=("de", "en"),
  )
  np.testing.assert_allclose(values["token_f1"], [1, 2 / 4, 1, np.nan, 0])
  np.testing.assert_array_equal(values["exact_match"], [1, 0, 1, np.nan, 0])
