"""Pairs of sentences in two languages. From files, to `evaluation.bitext`.

The layout of LASER's Tatoeba sets (Artetxe and Schwenk, TACL 2019): two files
with a sentence a line; those of one number are translations.
"""

import pathlib
import re

from hybrid_ir.data.fields import is_language
from hybrid_ir.data.lines import read_lines
from hybrid_ir.errors import UserError

# Tatoeba's codes (ISO 639-3) of XTREME's languages, as CLDR has them.
_THEIRS = """
  afr ara ben bul cmn deu ell eng est eus fin fra heb hin hun ind ita
  jav jpn kat kaz kor mal mar nld pes por rus spa swh tam tel tgl tha
  tur urd vie
"""
_OURS = """
  af ar bn bg zh de el en et eu fi fr he hi hu id it jv ja ka kk ko ml
  mr nl fa pt ru es sw ta te fil th tr ur vi
"""
_CODES = dict(zip(_THEIRS.split(), _OURS.split(), strict=True))


def sides(bitext_dir: str, pair: str) -> dict[str, tuple[str, list[str]]]:
  """Reads both files of a pair.

  Args:
    bitext_dir: folder with `tatoeba.XX-YY.XX` and `tatoeba.XX-YY.YY`, or the
      same without `tatoeba.`.
    pair: "XX-YY", as the files have it.

  Returns:
    Language (CLDR's code) -> file and its lines, for the two languages.

  Raises:
    UserError: a pair that is none, files that are not there, of which one has
      more lines, or with an empty line.
  """
  codes = re.fullmatch(r"(\w+)-(\w+)", pair)
  if not codes or _language(codes[1]) == _language(codes[2]):
    raise UserError(
      f"benchmark 'bitext:{pair}': expected two languages as the files' names"
      " have them, such as bitext:deu-eng"
    )
  if not bitext_dir:
    raise UserError(
      "config key 'data.bitext_dir' is empty; name the folder with"
      f" tatoeba.{pair}.{codes[1]} and tatoeba.{pair}.{codes[2]}"
    )
  read = {
    _language(code): _lines(bitext_dir, f"{pair}.{code}")
    for code in codes.groups()
  }
  (left, lines), (right, others) = read.values()
  if len(lines) != len(others):
    shorter, longer = sorted([(len(lines), left), (len(others), right)])
    raise UserError(
      f"{longer[1]}:{shorter[0] + 1}: no such line in {shorter[1]}; expected"
      f" as many lines in both, got {longer[0]} and {shorter[0]}"
    )
  return read


def _language(code: str) -> str:
  language = _CODES.get(code, code)
  if not is_language(language):
    raise UserError(
      f"benchmark 'bitext:…': {code!r} is no language; expected a code of CLDR"
      f" or one of {', '.join(_CODES)}: rename the files"
    )
  return language


def _lines(bitext_dir: str, name: str) -> tuple[str, list[str]]:
  folder = pathlib.Path(bitext_dir).expanduser()
  for path in (folder / f"tatoeba.{name}", folder / name):
    if path.is_file():
      lines = [line.strip() for _, line in read_lines(path)]
      if "" in lines:
        raise UserError(
          f"{path}:{lines.index('') + 1}: empty; expected a sentence a line"
          " (drop the line of that number in both files)"
        )
      if not lines:
        raise UserError(f"{path}: holds no lines; expected a sentence a line")
      return str(path), lines
  raise UserError(
    f"{folder / f'tatoeba.{name}'}: no such file; config key 'data.bitext_dir'"
    " is to name the folder that has it"
  )
