"""A folder in BEIR's layout, of several languages. To `evaluation.judged`.

corpus.jsonl: {"_id", "language", "title", "text"} a line; queries.jsonl:
{"_id", "language", "text"}; qrels.tsv, or qrels/SPLIT.tsv: query-id, corpus-id
and score between tabs, below a header (Thakur et al., arXiv 2104.08663). What
`language` is in BEIR's own files, which are of one language, is for the user
to add.
"""

import array
import functools
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from tqdm import tqdm

from hybrid_ir.data import jsonl
from hybrid_ir.data.brief import brief
from hybrid_ir.data.fields import is_language, text_problem
from hybrid_ir.data.judged import Collection, Judgement, Texts
from hybrid_ir.data.lines import read_lines
from hybrid_ir.data.records import with_title
from hybrid_ir.errors import UserError

_LEFT_OUT = "metadata"
_HEADER = ["query-id", "corpus-id", "score"]


def collection(folder: pathlib.Path, split: str) -> Collection:
  """Reads a folder.

  Queries that no judgement of the split names, but one of another split, are
  that split's, and left out.

  Args:
    folder: with corpus.jsonl, queries.jsonl and the judgements.
    split: of qrels/SPLIT.tsv; "": all that are there. A qrels.tsv is one whole.

  Raises:
    UserError: a file that is not there, or a line that cannot be read, naming
      file and line.
  """
  judgements, elsewhere = _judgements(folder, split)
  queries = _texts(folder / "queries.jsonl", titled=False)
  mine = [i for i, id in enumerate(queries.ids) if id not in elsewhere]
  return Collection(
    Texts(
      [queries.ids[i] for i in mine],
      [queries.languages[i] for i in mine],
      [queries.texts[i] for i in mine],
      lambda i: queries.where(mine[i]),
    ),
    _texts(folder / "corpus.jsonl", titled=True),
    judgements,
  )


def _judgements(
  folder: pathlib.Path, split: str
) -> tuple[list[Judgement], set[str]]:
  """A split's, and the queries that other splits alone name."""
  whole = folder / "qrels.tsv"
  files = {p.stem: p for p in sorted(folder.glob("qrels/*.tsv"))}
  if whole.is_file() and files:
    raise UserError(
      f"{whole}: stands beside {folder / 'qrels'}; remove one of the two"
    )
  if whole.is_file():
    return list(_read_judgements(whole)), set()
  if not files:
    raise UserError(
      f"{whole}: no such file, nor {folder / 'qrels'}/SPLIT.tsv; expected the"
      " judgements in BEIR's layout (docs/benchmarks.md)"
    )
  if split and split not in files:
    raise UserError(
      f"{folder / 'qrels' / split}.tsv: no such file; there are"
      f" {', '.join(files)}: rename one"
    )
  mine: list[Judgement] = []
  others: set[str] = set()
  for name, path in files.items():
    if split in ("", name):
      mine += _read_judgements(path)
    else:
      others |= {judgement.query for judgement in _read_judgements(path)}
  return mine, others - {judgement.query for judgement in mine}


def _read_judgements(path: pathlib.Path) -> Iterator[Judgement]:
  for number, line in read_lines(path):
    columns = line.split("\t")
    where = f"{path}:{number}"
    if number == 1:
      if columns != _HEADER:
        raise UserError(
          f"{where}: {brief(line)}; expected the header"
          f" {' '.join(_HEADER)}, with tabs between"
        )
      continue
    if not line:
      continue
    if len(columns) != len(_HEADER):
      raise UserError(
        f"{where}: {len(columns)} columns between tabs; expected 3:"
        f" {', '.join(_HEADER)}"
      )
    query, passage, score = columns
    try:
      grade = int(score)
    except ValueError:
      raise UserError(
        f"{where}: score: expected a whole number, got {brief(score)}"
      ) from None
    yield Judgement(query, passage, grade, where)


def _texts(path: pathlib.Path, titled: bool) -> Texts:
  if not path.is_file():
    raise UserError(
      f"{path}: no such file; expected one in BEIR's layout"
      " (docs/benchmarks.md)"
    )
  ids: list[str] = []
  languages: list[str] = []
  texts: list[str] = []
  numbers = array.array("q")  # blank lines are skipped
  with tqdm(desc=f"reading {path}", unit=" lines", leave=False) as bar:
    for number, fields in jsonl.read_lines(str(path)):
      where = f"{path}:{number}"
      if isinstance(fields, str):
        raise UserError(f"{where}: {fields}")
      _check_fields(fields, titled, where)
      title = _text(fields, "title", where).strip() if titled else ""
      text = _text(fields, "text", where).strip()
      ids.append(_text(fields, "_id", where))
      languages.append(_language(fields, where))
      texts.append(with_title(title, text) if text else title)
      numbers.append(number)
      bar.update()
  return Texts(
    ids, languages, texts, functools.partial(_where, str(path), numbers)
  )


def _where(path: str, numbers: "array.array[int]", i: int) -> str:
  return f"{path}:{numbers[i]}"


def _check_fields(fields: Mapping[str, Any], titled: bool, where: str) -> None:
  known = ["_id", "language", *(["title"] if titled else []), "text"]
  for name in fields:
    if name not in (*known, _LEFT_OUT):
      raise UserError(
        f"{where}: unknown field {brief(name)}; expected {', '.join(known)}"
      )
  for name in ("_id", "text"):
    if name not in fields:
      raise UserError(f"{where}: {name}: missing; expected a text")


def _text(fields: Mapping[str, Any], name: str, where: str) -> str:
  value = fields.get(name, "")
  if isinstance(value, str) and not value.strip():
    return value  # the benchmark takes these for faults, all at once
  if problem := text_problem(value):
    raise UserError(f"{where}: {name}: {problem}")
  return str(value)


def _language(fields: Mapping[str, Any], where: str) -> str:
  code = fields.get("language")
  if code is None:
    raise UserError(
      f'{where}: language: missing; add "language": "de" (or which it is) to'
      " each line"
    )
  if not is_language(code):
    raise UserError(
      f"{where}: language: unknown code {brief(code)}; expected a code of CLDR,"
      ' such as "en" or "zh"'
    )
  return sys.intern(str(code))
