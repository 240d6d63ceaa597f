"""Which script a text or a language is written in. To overlap and families.

  script_of(text) -> str            of most of its letters: "Latn", "Cyrl", …
  script_of_language(code) -> str   the likely one, by CLDR
  share_script(a, b) -> bool        "Hani" and "Jpan" do

Codes are ISO 15924's. Texts cannot tell simplified from traditional Chinese,
so both are "Hani" here; Japanese is "Jpan" (Han and kana), Korean "Kore"
(Hangul and Han). "Zyyy" says that no script can be told. The only importer of
`fontTools`, whose tables are Unicode's Scripts.txt.
"""

import collections
import unicodedata

from fontTools import unicodedata as tables

from hybrid_ir.data import cldr

NONE = "Zyyy"

_WRITTEN_IN = {"Jpan": {"Hani", "Hira", "Kana"}, "Kore": {"Hang", "Hani"}}
# Decoration with a kana or two does not make a Chinese text Japanese.
_KANA_SHARE = 0.1


class _Script(dict[str, str]):
  """A letter's script; "Zyyy" for letters of several and for all else."""

  def __missing__(self, character: str) -> str:
    is_letter = unicodedata.category(character)[0] == "L"
    self[character] = str(tables.script(character)) if is_letter else NONE
    return self[character]


_SCRIPT = _Script()


def script_of(text: str) -> str:
  """The script of most of a text's letters; of equals, the first in the text.

  Han, kana and Hangul are one with each other where one language writes them
  together: Han with kana (from a tenth of the two on) is "Jpan", and Hangul is
  "Kore", with the text's Han where Hangul prevails over it.
  """
  letters: collections.Counter[str] = collections.Counter()
  for character, count in collections.Counter(text).items():
    letters[_SCRIPT[character]] += count
  letters.pop(NONE, None)
  kana = letters["Hira"] + letters["Kana"]
  if kana and kana >= _KANA_SHARE * (kana + letters["Hani"]):
    _join(letters, "Jpan", ("Hira", "Kana", "Hani"))
  if letters["Hang"]:
    han = ("Hani",) if letters["Hang"] >= letters["Hani"] else ()
    _join(letters, "Kore", ("Hang", *han))
  script = max(letters, key=lambda code: letters[code], default=NONE)
  return script if letters[script] else NONE


def _join(
  letters: collections.Counter[str], whole: str, parts: tuple[str, ...]
) -> None:
  letters[whole] = sum(letters.pop(part, 0) for part in parts)


def script_of_language(code: str) -> str:
  """The script that a language is most likely written in.

  Args:
    code: CLDR's; a script or a territory in it decides ("sr-Latn", "pa-PK").

  Returns:
    As `script_of`; "Zyyy" where CLDR has no likely script (Klingon).

  Raises:
    ValueError: CLDR does not know the language.
  """
  script = cldr.likely_script(code)
  return "Hani" if script in {"Hans", "Hant"} else script or NONE


def share_script(a: str, b: str) -> bool:
  """Whether texts in the scripts `a` and `b` have letters in common."""
  letters = _WRITTEN_IN.get(a, {a}) & _WRITTEN_IN.get(b, {b})
  return bool(letters - {NONE})
