"""A folder of LAReQA's files, checked. From `data.lareqa_dir`, to builders."""

import hashlib
import pathlib

from hybrid_ir.data.lareqa import squad_json
from hybrid_ir.data.lareqa.sets import FILES, SETS, LareqaSet
from hybrid_ir.errors import UserError

_LAYOUT = " and ".join(f"{s.folder}/" for s in SETS.values())


def checked_file(
  lareqa_set: LareqaSet, language: str, lareqa_dir: str, sha256: str
) -> pathlib.Path:
  """Returns the path of a language's file, which is as it was released.

  Raises:
    UserError: no such folder or file, or other content; where the content
      breaks the layout, the error says where.
  """
  folder = _folder(lareqa_set, lareqa_dir)
  path = folder / f"{language}.json"
  if not path.is_file():
    raise UserError(
      f"{path}: no such file; copy it there from {lareqa_set.url(language)}, or"
      " leave data.lareqa_dir empty to have it downloaded"
    )
  with path.open("rb") as file:
    found = hashlib.file_digest(file, "sha256").hexdigest()
  if found != sha256:
    for _ in squad_json.read(path):  # its error would say more than a checksum
      pass
    raise UserError(
      f"{path}: sha256 is {found}, expected {sha256}; take the file from"
      f" {lareqa_set.url(language)}, or train on changed data as jsonl"
    )
  return path


def _folder(lareqa_set: LareqaSet, lareqa_dir: str) -> pathlib.Path:
  root = pathlib.Path(lareqa_dir).expanduser()
  if not root.is_dir():
    raise UserError(
      f"data.lareqa_dir={lareqa_dir}: no such folder; expected one with"
      f" {_LAYOUT} from {FILES}, or an empty value to download them"
    )
  if not (root / lareqa_set.folder).is_dir():
    raise UserError(
      f"data.lareqa_dir={lareqa_dir}: has no {lareqa_set.folder}/; expected"
      f" the folder that holds {_LAYOUT}, each with LANG.json"
    )
  return root / lareqa_set.folder
