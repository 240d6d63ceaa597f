import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.data import scripts, world_facts


@pytest.mark.parametrize(
  ("text", "script"),
  [
    ("How tall is it?", "Latn"),
    ("Wie heißt das Gebäude?", "Latn"),
    ("Nhà cao bao nhiêu?", "Latn"),  # composed letters
    ("Nha\u0300 cao", "Latn"),  # a combining accent
    ("Какой высоты?", "Cyrl"),
    ("Πόσο ψηλό;", "Grek"),
    ("كم ارتفاعه؟", "Arab"),
    ("یہ کتنا اونچا ہے؟", "Arab"),
    ("यह कितना ऊँचा है?", "Deva"),
    ("এটি কত উঁচু?", "Beng"),
    ("สูงเท่าไร", "Thai"),
    ("有多高?", "Hani"),
    ("這座塔有多高?", "Hani"),  # traditional
    ("この塔は高い", "Jpan"),
    ("タワー", "Jpan"),  # the long vowel sign is of no one script
    ("東京都の塔", "Jpan"),
    ("東京都", "Hani"),  # nothing in it is Japanese only
    ("얼마나 높아요?", "Kore"),
    ("大韓民國의 首都는?", "Hani"),  # six Han, two Hangul
    ("韓국의 수도는?", "Kore"),
    ("90 m, 300 ft: высота башни", "Cyrl"),
    ("", "Zyyy"),
    ("1889, ... 90 %!", "Zyyy"),
    ("ab вг", "Latn"),  # of equals, the first
    ("вг ab", "Cyrl"),
  ],
)
def test_script_of(text, script):
  assert scripts.script_of(text) == script


def test_a_stray_kana_does_not_make_chinese_japanese():
  assert scripts.script_of("我们的塔在城市的北边而且非常高大の") == "Hani"
  assert scripts.script_of("塔の高") == "Jpan"


@given(st.text(max_size=40), st.text("0123456789 .,!?%", max_size=10))
def test_what_is_no_letter_changes_nothing(text, more):
  assert scripts.script_of(text + more) == scripts.script_of(text)


@given(st.text(max_size=40), st.integers(1, 4))
def test_only_shares_count(text, times):
  assert scripts.script_of(text * times) == scripts.script_of(text)


@pytest.mark.parametrize(
  ("code", "script"),
  [
    *(("en", "Latn"), ("ru", "Cyrl"), ("el", "Grek"), ("fa", "Arab")),
    *(("hi", "Deva"), ("th", "Thai"), ("te", "Telu"), ("sw", "Latn")),
    *(("zh", "Hani"), ("zh-Hant", "Hani"), ("zh-TW", "Hani")),
    *(("ja", "Jpan"), ("ko", "Kore")),
    *(("sr", "Cyrl"), ("sr-Latn", "Latn"), ("sr-Latn-RS", "Latn")),
    *(("pa", "Guru"), ("pa-PK", "Arab"), ("pt-BR", "Latn")),
    ("tlh", "Zyyy"),  # CLDR has none
  ],
)
def test_script_of_language(code, script):
  assert scripts.script_of_language(code) == script


def test_texts_are_in_the_script_that_cldr_has_for_their_language():
  texts = {}
  for record in world_facts.records("test"):
    texts.setdefault(record.language, []).append(record.passage)
  assert len(texts) == 11
  for code, passages in texts.items():
    of_text = scripts.script_of(" ".join(passages))
    assert of_text == scripts.script_of_language(code)


@pytest.mark.parametrize("code", ["", "jp", "und", "zh_Hant"])
def test_script_of_no_language(code):
  with pytest.raises(ValueError, match=f"'{code}'"):
    scripts.script_of_language(code)


@pytest.mark.parametrize(
  ("a", "b", "shared"),
  [
    ("Latn", "Latn", True),
    ("Latn", "Cyrl", False),
    ("Hani", "Jpan", True),
    ("Jpan", "Hani", True),
    ("Jpan", "Kore", True),  # Han
    ("Zyyy", "Zyyy", False),
  ],
)
def test_share_script(a, b, shared):
  assert scripts.share_script(a, b) is shared
