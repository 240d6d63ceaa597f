import pytest

from hybrid_ir.config import Data
from hybrid_ir.data.trained_on import languages, languages_of


@pytest.mark.parametrize(
  ("train", "wanted", "expected"),
  [
    (("mlqa_r",), (), ["ar", "de", "en", "es", "hi", "vi", "zh"]),
    (("mlqa_r=2.5",), ("zh", "en", "th"), ["en", "zh"]),  # it has no Thai
    (("own.jsonl",), ("th", "en"), ["en", "th"]),
    (("own.jsonl",), (), []),
    (("own.jsonl", "mlqa_r"), ("th", "en"), ["en", "th"]),
  ],
)
def test_languages(train, wanted, expected):
  data = Data()
  data.train, data.languages = train, wanted
  assert languages(data) == expected


def test_of_one_set():
  data = Data()
  data.languages = ("th", "en")
  assert languages_of(data, "mlqa_r") == ["en"]
  assert languages_of(data, "own.jsonl") == ["en", "th"]
