import pytest

from hybrid_ir.retrieval.words import words


@pytest.mark.parametrize(
  ("text", "expected"),
  [
    ("Wie hoch, IST es?", ["wie", "hoch", "ist", "es"]),
    ("Straße ＡＢＣ 1,5", ["strasse", "abc", "1", "5"]),
    ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs are marks, no letters
    ("كتابٌ قديم", ["كتابٌ", "قديم"]),
    ("山川之上", ["山川", "川之", "之上"]),
    ("山 2024年", ["山", "2024", "年"]),
    ("ผักดี", ["ผั", "ัก", "กด", "ดี"]),
    ("abc山川def", ["abc", "山川", "def"]),
    (" .,- ", []),
  ],
)
def test_words_by_hand(text, expected):
  assert list(words(text)) == expected
