"""What is asked of ir_datasets. Its only importer; to `ir_sets`, `ir_judged`.

It downloads what is asked for into IR_DATASETS_HOME (~/.ir_datasets) and checks
it against upstream's md5 sums.
"""

import contextlib
import copy
import difflib
import importlib.metadata
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from hybrid_ir.data import cldr
from hybrid_ir.data.records import with_title
from hybrid_ir.errors import UserError

PREFIX = "ir_datasets:"  # before any id of theirs
CLDR = {"dt": "nl"}  # their codes that are not CLDR's

_ALL = ("docs", "queries", "qrels")
# Ids whose queries are English although the metadata says nothing of it: the
# field that is read is the original topic's title (trec.nist.gov, NeuCLIR).
_ENGLISH_QUERIES = ("hc4/", "neuclir/")
# Ids that pool other ids' passages, of one language each.
_POOLS = {
  "neuclir/1/multi": ("neuclir/1/zh", "neuclir/1/fa", "neuclir/1/ru"),
}


def fingerprint() -> str:
  """Changes when any text may have: the library pins upstream's checksums."""
  return f"ir_datasets {importlib.metadata.version('ir_datasets')}"


@contextlib.contextmanager
def readable(dataset_id: str) -> Iterator[None]:
  """Gives a UserError for whatever is wrong with what is read within.

  Raises:
    UserError: a failed download, or files that are not the released ones.
  """
  try:
    yield
  # ir_datasets tells of malformed files by RuntimeError and ValueError.
  except (OSError, EOFError, RuntimeError, ValueError, zlib.error) as e:
    raise UserError(
      f"{dataset_id}: cannot be read through ir_datasets"
      f" ({' '.join(str(e).split()) or type(e).__name__}); try again with a"
      " network, or set IR_DATASETS_HOME to a folder that has its files"
    ) from None


def load(dataset_id: str, needed: Sequence[str] = _ALL) -> Any:
  """An id's data set; nothing is downloaded yet.

  Args:
    dataset_id: as ir_datasets names it.
    needed: of docs, queries, qrels.

  Raises:
    UserError: an unknown id, or one that lacks what is needed.
  """
  # Late: it makes its home folder when it is imported.
  import ir_datasets

  try:
    dataset = ir_datasets.load(dataset_id)
  except KeyError:
    near = difflib.get_close_matches(dataset_id, list(ir_datasets.registry))
    hint = f"; near it are {', '.join(near)}" if near else ""
    raise UserError(
      f"unknown data set '{PREFIX}{dataset_id}': ir_datasets has no such"
      f" id{hint}"
    ) from None
  for what in needed:
    if not dataset.has(what):
      raise UserError(
        f"data set '{PREFIX}{dataset_id}' has no {what}; expected an id with"
        f" {', '.join(needed)}, such as '{PREFIX}mr-tydi/sw/train'"
      )
  return dataset


def counts(dataset: Any) -> dict[str, int]:
  """How many docs, queries and qrels there are to be, as far as it is known."""
  return {
    what: known["count"]
    for what, known in dataset.metadata().items()
    if what in _ALL and "count" in known
  }


# ------------------------------------------------------------- languages


def one_language(dataset_id: str, needed: Sequence[str] = _ALL) -> str:
  """The one language of an id's passages and, where needed, of its queries.

  Raises:
    UserError: as `load`, or the language cannot be told, or there are two.
  """
  dataset = load(dataset_id, needed)
  said = {dataset.docs_lang()} - {None}
  if "queries" in needed:
    said |= {_said_of_queries(dataset_id, dataset)} - {None}
  return _one(dataset_id, said, "of queries and passages alike")


def query_language(dataset_id: str) -> str:
  """The language of an id's queries, if need be that of its passages.

  Raises:
    UserError: as `one_language`.
  """
  dataset = load(dataset_id)
  said = _said_of_queries(dataset_id, dataset) or dataset.docs_lang()
  return _one(dataset_id, {said} - {None}, "of its queries")


def passage_languages(dataset_id: str) -> dict[str, str]:
  """The ids that an id's passages are of, each with its one language.

  Raises:
    UserError: as `one_language`.
  """
  members: tuple[str, ...] = (dataset_id,)
  for pooled, those in _POOLS.items():
    if f"{dataset_id}/".startswith(f"{pooled}/"):
      members = those
  return {member: one_language(member, ("docs",)) for member in members}


def _said_of_queries(dataset_id: str, dataset: Any) -> str | None:
  if dataset_id.startswith(_ENGLISH_QUERIES):
    return "en"
  said: str | None = dataset.queries_lang()
  return said


def _one(dataset_id: str, said: set[str], of: str) -> str:
  """A language as the metadata says, else as the id does."""
  in_id = {part for part in dataset_id.split("/") if len(part) == 2}
  codes = {CLDR.get(code, code) for code in said or in_id}
  found = sorted(code for code in codes if cldr.is_language(code))
  if len(found) != 1:
    raise UserError(
      f"data set '{PREFIX}{dataset_id}': its language cannot be told (it says"
      f" {', '.join(sorted(codes)) or 'nothing'}); expected one, {of}"
    )
  return found[0]


# ------------------------------------------------------------- texts


def passage_files(dataset: Any) -> list[Any]:
  """A handler of documents for each file; one of all where it has no files."""
  docs = dataset.docs_handler()
  files = getattr(docs, "_dlcs", ())  # JsonlDocs', which gives no other access
  if len(files) < 2:
    return [docs]
  parts = [copy.copy(docs) for _ in files]
  for part, file in zip(parts, files, strict=True):
    part._dlcs = [file]
  return parts


def passage_text(passage: Any) -> str:
  """A passage as it is encoded: title and text, where it has these fields."""
  fields = passage._fields
  if "title" in fields and "text" in fields:
    return with_title(passage.title.strip(), passage.text.strip())
  return default_text(passage)


def default_text(entity: Any) -> str:
  """ir_datasets' choice of the fields; BRIGHT's queries come without one."""
  chosen = getattr(entity, "default_text", None)
  text: str = entity.text if chosen is None else chosen()
  return text.strip()
