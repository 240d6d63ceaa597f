"""Is the best sentence the answer's, word for word? From texts, to results.

SQuAD's exact match and token F1 (Rajpurkar et al., EMNLP 2016, section 6.1)
under the normalisation of MLQA's evaluation script (Lewis et al., ACL 2020):
lower case; no punctuation (Unicode's P categories and ASCII's marks); no
articles; then tokens.

Articles are MLQA's: words in de, en, es and vi, the letters of the Arabic
article wherever they stand, none in other languages. Tokens stand between
white space; a Chinese ideograph is a token of its own (MLQA's mixed
segmentation), and so is a Thai letter with its marks (MLQA has no Thai).
"""

import collections
import functools
import re
import string
import unicodedata
from collections.abc import Sequence

import numpy as np


def _words(words: str) -> re.Pattern[str]:
  return re.compile(rf"\b(?:{'|'.join(words.split())})\b")


_ARTICLES = {
  "ar": re.compile("ال"),
  "de": _words("ein eine einen einem eines einer der die das den dem des"),
  "en": _words("a an the"),
  "es": _words("un una unos unas el la los las"),
  "vi": _words("của là cái chiếc những"),
}
# A token that needs no white space around it.
_CHARACTERS = {
  "th": re.compile("[\u0e00-\u0e7f][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]*"),
  "zh": re.compile("[\u4e00-\u9fa5]"),
}


def tokens(text: str, language: str) -> tuple[str, ...]:
  """The normalised tokens of a text.

  Args:
    text: of any length.
    language: its code; one that is not listed above has no articles.
  """
  text = "".join(c for c in text.lower() if not _is_punctuation(c))
  if language in _ARTICLES:
    text = _ARTICLES[language].sub(" ", text)
  if language in _CHARACTERS:
    text = _CHARACTERS[language].sub(r" \g<0> ", text)
  return tuple(text.split())


@functools.cache
def _is_punctuation(character: str) -> bool:
  category = unicodedata.category(character)
  return category.startswith("P") or character in string.punctuation


def token_f1(found: tuple[str, ...], gold: tuple[str, ...]) -> float:
  """F1 = 2 P R / (P + R) of two bags of tokens, in 0 .. 1.

  Where one has no tokens: 1 if neither has any, else 0 (SQuAD 2.0's script).
  """
  if not found or not gold:
    return float(found == gold)
  common = collections.Counter(found) & collections.Counter(gold)
  return 2 * common.total() / (len(found) + len(gold))


def answer_values(
  best: np.ndarray,
  query_languages: np.ndarray,
  gold_queries: np.ndarray,
  gold_passages: np.ndarray,
  passage_shown: Sequence[str],
  passage_languages: np.ndarray,
  languages: Sequence[str],
) -> dict[str, np.ndarray]:
  """Scores each query's best passage of its own language.

  Args:
    best: [Q] passages, rank 1 in the pool of the query's language; -1: none.
    query_languages: [Q] int, into `languages`.
    gold_queries: [G] in 0 .. Q - 1.
    gold_passages: [G] in 0 .. C - 1, of any language.
    passage_shown: [C].
    passage_languages: [C] int, into `languages`.
    languages: L codes.

  Returns:
    token_f1 and exact_match -> [Q] float64 in 0 .. 1: the best over the golds
    in the query's language, 0 where nothing was retrieved, NaN where there is
    no such gold.
  """
  own = passage_languages[gold_passages] == query_languages[gold_queries]
  pairs = list(
    zip(gold_queries[own].tolist(), gold_passages[own].tolist(), strict=True)
  )
  needed = {passage for _, passage in pairs} | set(best[best >= 0].tolist())
  normal = {
    passage: tokens(
      passage_shown[passage], languages[passage_languages[passage]]
    )
    for passage in needed
  }
  f1, exact = np.full((2, len(best)), np.nan)
  for query, passage in pairs:
    gold, found = normal[passage], normal.get(int(best[query]))
    same = token_f1(found, gold) if found is not None else 0.0
    f1[query] = np.fmax(f1[query], same)
    exact[query] = np.fmax(exact[query], found == gold)
  return {"token_f1": f1, "exact_match": exact}
