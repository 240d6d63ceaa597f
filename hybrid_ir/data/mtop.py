"""MTOP's utterances. From `data.mtop_dir`, to `evaluation.mtop`.

Li et al., MTOP (EACL 2021, arXiv 2008.09335). A file a language and split, a
line an utterance, in eight columns: id, intent, slots, utterance, domain,
locale, decoupled form, tokens.
"""

import dataclasses
import pathlib
from collections.abc import Iterator

from hybrid_ir.data.brief import brief
from hybrid_ir.data.lines import read_lines
from hybrid_ir.errors import UserError

LANGUAGES = ("de", "en", "es", "fr", "hi", "th")
SPLITS = ("train", "eval", "test")
_COLUMNS = 8
_LAYOUT = "LANGUAGE/{train,eval,test}.txt"


@dataclasses.dataclass(frozen=True, slots=True)
class Utterance:
  """What somebody says to an assistant."""

  id: str  # the same in every language of a split
  language: str
  intent: str  # "IN:GET_WEATHER"
  text: str
  where: str  # file and line


def utterances(mtop_dir: str, split: str) -> Iterator[Utterance]:
  """Yields the utterances of a split, language by language.

  Args:
    mtop_dir: folder with LANGUAGE/SPLIT.txt for all of LANGUAGES.
    split: of SPLITS.

  Raises:
    UserError: no such folder or file, a line without the eight columns, or
      one whose locale or intent is none.
  """
  if not mtop_dir:
    raise UserError(
      f"config key 'data.mtop_dir' is empty; name the folder with MTOP's"
      f" {_LAYOUT}"
    )
  folder = pathlib.Path(mtop_dir).expanduser()
  for language in LANGUAGES:
    path = folder / language / f"{split}.txt"
    if not path.is_file():
      raise UserError(
        f"{path}: no such file; config key 'data.mtop_dir' is to name the"
        f" folder with MTOP's {_LAYOUT}"
      )
    for number, line in read_lines(path):
      if line:
        yield _utterance(language, line, f"{path}:{number}")


def _utterance(language: str, line: str, where: str) -> Utterance:
  columns = line.split("\t")
  if len(columns) != _COLUMNS:
    raise UserError(
      f"{where}: {len(columns)} columns between tabs; expected MTOP's"
      f" {_COLUMNS}"
    )
  id, intent, _, text, _, locale, _, _ = columns
  if locale.partition("_")[0] != language:
    raise UserError(
      f"{where}: locale (column 6) is {brief(locale)}; expected one of"
      f" {language}, the name of the file's folder"
    )
  if not intent.startswith("IN:"):
    raise UserError(
      f"{where}: intent (column 2) is {brief(intent)}; expected IN: and a name"
    )
  return Utterance(id.strip(), language, intent, text.strip(), where)
