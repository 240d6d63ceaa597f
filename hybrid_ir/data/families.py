"""How languages are related. From families.tsv, to studies of transfer.

  family(code) -> str                        "Indo-European"
  branch(code) -> str                        "Germanic"
  similarity(code, training) -> Similarity   SAME_LANGUAGE, SAME_BRANCH, …

A family is a top-level one of Glottolog 5 (Hammarström et al., glottolog.org),
under its name there; an isolate is its own. A branch is a customary subgroup of
it, as coarse as Germanic or Romance, so Glottolog may have nodes between the
two. The table has the languages of MIRACL, Mr.TyDi, mMARCO, NeuCLIR, LAReQA,
MTOP and Tatoeba, and most others of multilingual encoders. It was written by
hand: URIEL's vectors (Littell et al., EACL 2017), as PyPI's lang2vec has them,
are imputed for many of these languages, and their last release is of 2019.
"""

import csv
import enum
import functools
import importlib.resources
from collections.abc import Collection

from hybrid_ir.data import scripts
from hybrid_ir.errors import UserError

_TABLE = "families.tsv"
_ALIASES = {"tl": "fil"}  # two codes of one language, of which CLDR has `fil`


class Similarity(enum.IntEnum):
  """The closest tie of a language to one of several; higher is closer."""

  NONE = 0
  SAME_SCRIPT = 1  # and of another family
  SAME_FAMILY = 2
  SAME_BRANCH = 3
  SAME_LANGUAGE = 4


def is_placed(code: str) -> bool:
  """Whether the table has the language, so that nothing here raises."""
  return _language(code) in _rows()


def family(code: str) -> str:
  """A language's family, like "Indo-European"; `code` is CLDR's ("pt-BR").

  Raises:
    UserError: the table does not have the language.
  """
  return _row(code)[0]


def branch(code: str) -> str:
  """A language's branch within its family, like "Germanic".

  Raises:
    UserError: the table does not have the language.
  """
  return _row(code)[1]


def similarity(code: str, training: Collection[str]) -> Similarity:
  """How close a language is to the closest of the languages trained on.

  A code's script and territory count for the script only: "pt-BR" and "pt" are
  one language.

  Raises:
    UserError: the table does not have one of the languages.
  """
  ties = (_tie(code, other) for other in training)
  return max(ties, default=Similarity.NONE)


def _tie(a: str, b: str) -> Similarity:
  row, other = _row(a), _row(b)
  if _language(a) == _language(b):
    return Similarity.SAME_LANGUAGE
  if row == other:
    return Similarity.SAME_BRANCH
  if row[0] == other[0]:
    return Similarity.SAME_FAMILY
  if scripts.share_script(
    scripts.script_of_language(a), scripts.script_of_language(b)
  ):
    return Similarity.SAME_SCRIPT
  return Similarity.NONE


def _language(code: str) -> str:
  language = code.partition("-")[0]
  return _ALIASES.get(language, language)


def _row(code: str) -> tuple[str, str]:
  found = _rows().get(_language(code))
  if found is None:
    raise UserError(
      f"language {code!r}: hybrid_ir/data/{_TABLE} does not have it; expected"
      " a line with its family and its branch: add one"
    )
  return found


@functools.cache
def _rows() -> dict[str, tuple[str, str]]:
  table = importlib.resources.files("hybrid_ir.data") / _TABLE
  lines = table.read_text(encoding="utf-8").splitlines()
  rows = csv.DictReader(lines, delimiter="\t")
  return {row["language"]: (row["family"], row["branch"]) for row in rows}
