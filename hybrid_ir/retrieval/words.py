"""Texts to words, of any language and without a model. For BM25.

A word is a run of letters, marks and digits, after NFKC and case folding. The
scripts that put no spaces between words (Han, kana, Thai, Lao, Khmer, Burmese)
give every two neighbouring characters instead, as Lucene's CJKAnalyzer does
(Nie et al., Workshop on IRAL 2000, compare the two for Chinese).
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator

# Thai and Lao, Burmese, Khmer, kana, Han (with its compatibility forms).
_UNSPACED = re.compile(
  "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff"
  "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
)


class _Kept(dict[int, str]):
  """For `str.translate`: letters, marks and digits stay, others part words."""

  def __missing__(self, code: int) -> str:
    character = chr(code)
    kept = unicodedata.category(character)[0] in "LMN"
    self[code] = character if kept else " "
    return self[code]


_KEPT = _Kept()


def words(text: str) -> Iterator[str]:
  """The words of a text, in their order."""
  folded = unicodedata.normalize("NFKC", text).casefold()
  for run in folded.translate(_KEPT).split():
    # Odd parts are what the pattern matched.
    for i, part in enumerate(_UNSPACED.split(run)):
      if i % 2 and len(part) > 1:
        yield from map("".join, itertools.pairwise(part))
      elif part:
        yield part
