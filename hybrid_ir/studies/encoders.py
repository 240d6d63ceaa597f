"""What is known of encoders' own training. To a study's pages.

An encoder is known by its name alone: that of its folder, of the hub, or the
one that its config.json has. A folder of another name that has E5 in it is
taken for one of multilingual E5's where its vocabulary is theirs.
"""

import json
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from hybrid_ir.config import Config
from hybrid_ir.model import hub
from hybrid_ir.studies.grid import Cell
from hybrid_ir.studies.page import Finding, Table

NAME = "encoders"
_SCRATCH = ("from scratch", "trained from scratch here", "–")
_UNKNOWN = ("not known what it was trained on", "–")
_SINCE = "if it was trained since, it is not known on what"
_XLMR_PIECES = 250_002  # smaller vocabularies are other families'
# A whole name -> what its authors say that it was trained on, and where.
_E5 = (
  "contrastive pretraining on pairs from Wikipedia, mC4, news and others, then"
  " fine-tuned on labelled sets, among them SQuAD (of whose development set"
  " XQuAD is made), Natural Questions, TriviaQA, MS MARCO, Mr. TyDi and MIRACL",
  "arXiv 2402.05672, tables 1 and 2; of XQuAD arXiv 1910.11856",
)
_KNOWN = (
  (r"multilingual-e5(-(small|base|large))?", *_E5),
  (
    "labse",
    "pretraining alone: language modelling on Common Crawl and Wikipedia, then"
    " translation pairs from the web",
    "arXiv 2007.01852, section 3",
  ),
  (
    "xlm-roberta-(base|large)",
    "pretraining alone: language modelling on Common Crawl in 100 languages",
    "arXiv 1911.02116, section 3",
  ),
  (
    "bert-base-multilingual-(un)?cased",
    "pretraining alone: language modelling on Wikipedia in 104 languages",
    "github.com/google-research/bert, multilingual.md",
  ),
)


def encoder_table(cells: Sequence[Cell]) -> tuple[Table, list[Finding]]:
  """A row and a sentence an encoder: what it was trained on before.

  Args:
    cells: of the study.
  """
  configs = {cell.config.encoder.path: cell.config for cell in cells}
  rows = tuple(_row(config) for config in configs.values())
  return Table(
    NAME,
    "What the encoders that runs start from were trained on, told by their"
    " names; what they were trained on since is not known, and overlap with any"
    " of it is not counted.",
    ("encoder", "trained on", "source"),
    rows,
  ), [*_findings(rows)]


def _findings(rows: Sequence[tuple[str, str, str]]) -> Iterator[Finding]:
  for name, trained_on, source in rows:
    said = "" if source == "–" else f" ({source})"
    yield Finding(
      f"The encoder {name}: {trained_on}{said}.", f"{NAME}, row {name}"
    )


def _row(config: Config) -> tuple[str, str, str]:
  """An encoder's name, what it was trained on, and who says so."""
  path = config.encoder.path
  if not path:
    return _SCRATCH
  name = path if hub.is_id(path) else pathlib.Path(path).name
  stored = _stored(path)
  if known := _known(_own_name(path, stored)):
    return (name, *known)
  origin = stored.get("_name_or_path")
  origin = pathlib.PurePath(origin).name if isinstance(origin, str) else ""
  if known := _known(origin.lower()):
    trained_on, source = known
    return name, f"made from {origin} ({trained_on}); {_SINCE}", source
  return (name, *_UNKNOWN)


def _known(name: str) -> tuple[str, str] | None:
  """What a name's encoder was trained on, and who says so."""
  for pattern, trained_on, source in _KNOWN:
    if re.fullmatch(pattern, name):
      return trained_on, source
  return None


def _stored(path: str) -> dict[str, Any]:
  """A folder's config.json; of a hub id, or where there is none, nothing."""
  folder = pathlib.Path(path).expanduser()
  try:
    stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
  except (OSError, ValueError):
    return {}
  return stored if isinstance(stored, dict) else {}


def _own_name(path: str, stored: dict[str, Any]) -> str:
  """What an encoder is called, in lower case."""
  name = pathlib.Path(path).name.lower()
  size = stored.get("vocab_size")
  # English E5, trained on other sets, has a smaller vocabulary.
  has_pieces = isinstance(size, int) and size >= _XLMR_PIECES
  is_e5 = has_pieces and "e5" in re.split(r"[-_.]", name)
  return "multilingual-e5" if is_e5 else name
