"""Texts to hashes of their runs of words. To overlap.

  folded(text) -> str                    what is compared
  Texts.of(folded texts) -> Texts        a batch of texts, as hashed units
  Texts.grams() -> hashes                of texts that others are compared to
  Texts.windows() -> text index, hashes  of texts to be found in them

A unit is a word, or a character where the text's script has no spaces. A gram
is a run of N units; of a text with fewer, down to the least number, the whole
text (Brown et al. 2020, arXiv 2005.14165, section 4 and appendix C: 13 words,
and no fewer than 8). For characters N is what translations of 13 English words
take in XQuAD's 240 paragraphs, letters, marks and digits counted: 22.5 in
Chinese and 72.0 in Thai (66 letters in English; GPT-4's report, arXiv
2303.08774, appendix C, compares 50 characters of any text).

Hashes are equal within one process only: they are made of Python's own.
"""

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

from hybrid_ir.data import scripts


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Length:
  """Of a gram, in units."""

  units: int
  least: int  # a shorter text has no gram


WORDS = Length(13, 8)
DENSE_CHARACTERS = Length(22, 14)  # a character is a morpheme or a syllable
CHARACTERS = Length(72, 44)
_CHARACTERS = {
  **dict.fromkeys(("Hani", "Jpan"), DENSE_CHARACTERS),
  **dict.fromkeys(("Thai", "Laoo", "Khmr", "Mymr"), CHARACTERS),
}
# Thai's block and all after it: the scripts above have no letter before.
_LATE = re.compile("[\u0e00-\U0010ffff]")

# A hash is a polynomial in the units' hashes, modulo 2 ** 64. The base is odd,
# so that it has an inverse, and 5 modulo 8, so that its powers differ in many
# of their low bits.
_BASE = 0x9E3779B97F4A7C15


class _Folding(dict[int, str]):
  """For `str.translate`: letters, marks, digits stay; the rest parts words."""

  def __missing__(self, code: int) -> str:
    character = chr(code)
    category = unicodedata.category(character)
    if category == "Cf":  # joiners and marks of direction stand within words
      self[code] = ""
    else:
      self[code] = character if category[0] in "LMN" else " "
    return self[code]


_FOLDING = _Folding()


def folded(text: str) -> str:
  """A text's words, parted by single spaces: NFKC, case folded, no signs."""
  same_case = unicodedata.normalize("NFKC", text).casefold()
  words = unicodedata.normalize("NFKC", same_case).translate(_FOLDING)
  return " ".join(words.split())


def closed(text: str) -> str:
  """A folded text without its spaces: two texts are equal where these are."""
  return text.replace(" ", "")


def length_in(text: str) -> Length:
  """The length of a text's grams, by its main script."""
  if not _LATE.search(text):  # spares most texts the count of their letters
    return WORDS
  return _CHARACTERS.get(scripts.script_of(text), WORDS)


@dataclasses.dataclass(frozen=True, eq=False)
class Texts:
  """The units of texts that have grams of one length."""

  length: Length
  index: np.ndarray  # [T] int64: each unit's text, as the caller counts them
  left: np.ndarray  # [T] int64: units from this one to its text's end
  first: np.ndarray  # [T] bool: starts its text
  sums: np.ndarray  # [T + 1] uint64: of the units' hashes, by place, up to each

  @classmethod
  def of(cls, texts: Sequence[str]) -> "Iterator[Texts]":
    """Parts folded texts by the lengths of their grams; without the short."""
    groups: dict[Length, list[tuple[int, Sequence[str]]]] = {}
    for i, text in enumerate(texts):
      length = length_in(text)
      units = text.split() if length is WORDS else closed(text)
      if len(units) >= length.least:
        groups.setdefault(length, []).append((i, units))
    for length, group in groups.items():
      sizes = np.array([len(units) for _, units in group])
      ends = np.repeat(np.cumsum(sizes), sizes)
      hashes = np.fromiter(
        (hash(unit) for _, units in group for unit in units),
        np.int64,
        sizes.sum(),
      )
      left = ends - np.arange(len(ends))
      yield cls(
        length=length,
        index=np.repeat([i for i, _ in group], sizes),
        left=left,
        first=left == np.repeat(sizes, sizes),
        sums=_sums(hashes.view(np.uint64)),
      )

  def grams(self) -> dict[int, np.ndarray]:
    """Number of units -> [·] uint64, the grams that are as long."""
    grams = {}
    for units in range(self.length.least, self.length.units + 1):
      begins = np.flatnonzero(
        self.left >= units
        if units == self.length.units
        else self.first & (self.left == units)
      )
      if len(begins):
        grams[units] = _runs(self.sums, units)[begins]
    return grams

  def windows(self, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Every run of so many units within a text: [W] its text, [W] uint64."""
    begins = np.flatnonzero(self.left >= units)
    if not len(begins):
      return begins, np.zeros(0, np.uint64)
    return self.index[begins], _runs(self.sums, units)[begins]


def _sums(hashes: np.ndarray) -> np.ndarray:
  """Sums of hashes times the base's powers, up to each. [T] -> [T + 1]."""
  powers, _ = _powers(len(hashes))
  return np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes * powers)])


def _runs(sums: np.ndarray, units: int) -> np.ndarray:
  """The hash of every run of `units`. [T + 1] -> [T - units + 1] uint64."""
  _, inverses = _powers(len(sums))
  return (sums[units:] - sums[:-units]) * inverses[: len(sums) - units]


def _powers(T: int) -> tuple[np.ndarray, np.ndarray]:
  """Powers 0 to T - 1 of the base and of its inverse. [T] uint64 each."""
  # Sizes differ from batch to batch: the next power of two is kept for all.
  powers, inverses = _stored_powers(T.bit_length())
  return powers[:T], inverses[:T]


@functools.cache
def _stored_powers(bits: int) -> tuple[np.ndarray, np.ndarray]:
  powers = []
  for base in (_BASE, pow(_BASE, -1, 2**64)):
    factors = np.full(2**bits, base, np.uint64)
    factors[0] = 1
    powers.append(np.cumprod(factors))
  return powers[0], powers[1]
