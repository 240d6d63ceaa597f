"""What each set is and how large it must be. To the builders and reading."""

import dataclasses
from collections.abc import Mapping

DATA_VERSION = "1.0.0"  # of what the builders store
_COMMIT = "354d67d1cd066854cdfbf5ad0e6105528976141d"  # the last with both sets
HOMEPAGE = "https://github.com/google-research-datasets/lareqa"
FILES = f"{HOMEPAGE}/tree/{_COMMIT}"
_RAW = "https://raw.githubusercontent.com/google-research-datasets/lareqa"


@dataclasses.dataclass(frozen=True)
class LareqaSet:
  """One of LAReQA's sets: a file of paragraphs a language."""

  folder: str  # upstream, and inside of `data.lareqa_dir`
  candidates: Mapping[str, int]  # language -> sentences in all paragraphs
  questions: Mapping[str, int]  # language -> questions
  paragraphs: Mapping[str, int]  # language -> paragraphs

  @property
  def languages(self) -> tuple[str, ...]:
    """Codes of its languages, sorted."""
    return tuple(sorted(self.candidates))

  def url(self, language: str) -> str:
    """Where upstream serves a language's file."""
    return f"{_RAW}/{_COMMIT}/{self.folder}/{language}.json"


_XQUAD_R_CANDIDATES = {  # 13,014
  "ar": 1222,
  "de": 1276,
  "el": 1234,
  "en": 1180,
  "es": 1215,
  "hi": 1244,
  "ru": 1219,
  "th": 852,
  "tr": 1167,
  "vi": 1209,
  "zh": 1196,
}
_MLQA_R_CANDIDATES = {  # 20,534
  "ar": 2545,
  "de": 2362,
  "en": 6264,
  "es": 1787,
  "hi": 2426,
  "vi": 2828,
  "zh": 2322,
}
_MLQA_R_QUESTIONS = {  # 4,199
  "ar": 517,
  "de": 512,
  "en": 1148,
  "es": 500,
  "hi": 507,
  "vi": 511,
  "zh": 504,
}
_MLQA_R_PARAGRAPHS = {  # 3,646
  "ar": 439,
  "de": 456,
  "en": 978,
  "es": 454,
  "hi": 425,
  "vi": 451,
  "zh": 443,
}

SETS: Mapping[str, LareqaSet] = {
  "xquad_r": LareqaSet(
    folder="xquad-r",
    candidates=_XQUAD_R_CANDIDATES,
    questions=dict.fromkeys(_XQUAD_R_CANDIDATES, 1190),
    paragraphs=dict.fromkeys(_XQUAD_R_CANDIDATES, 240),
  ),
  "mlqa_r": LareqaSet(
    folder="mlqa-r",
    candidates=_MLQA_R_CANDIDATES,
    questions=_MLQA_R_QUESTIONS,
    paragraphs=_MLQA_R_PARAGRAPHS,
  ),
}
