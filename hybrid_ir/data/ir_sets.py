"""Judged collections as records. From ir_datasets, to the sources.

The only importer of ir_datasets, which downloads what is asked for into
IR_DATASETS_HOME (~/.ir_datasets) and checks it against upstream's md5 sums.

A record is a query and a passage judged relevant to it; passages judged not
relevant are its hard negatives. A language costs one pass over its passages,
of which only the judged ones are kept: under 1 GB for mMARCO, where 500,000
queries have 530,000 relevant passages, and a tenth of it for the others.
"""

import difflib
import importlib.metadata
import itertools
import sys
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from tqdm import tqdm

from hybrid_ir.data import cldr
from hybrid_ir.data.records import Record, with_title
from hybrid_ir.errors import UserError

PREFIX = "irds:"  # before any id of ir_datasets'
NAMES = ("mmarco", "mr_tydi", "miracl")

_CLDR = {"dt": "nl"}  # ir_datasets' codes that are not CLDR's
_MMARCO = "ar de dt es fr hi id it ja pt ru vi zh"  # v2's, beside English
_MMARCO_SPLITS = {"train": "train", "dev": "dev/small"}  # the 6,980 in use
_MR_TYDI = "ar bn en fi id ja ko ru sw te th"
_MIRACL = "ar bn en es fa fi fr hi id ja ko ru sw te th zh"
_MIRACL_DEV = f"{_MIRACL} de yo"
_MOST_NEGATIVES = 100  # of a query; TREC's pools have thousands


def is_ir(name: str) -> bool:
  """Whether a data set's name is one of this reader's."""
  return name in NAMES or name.startswith(PREFIX)


def fingerprint() -> str:
  """Changes when any text may have: the library pins upstream's checksums."""
  return f"ir_datasets {importlib.metadata.version('ir_datasets')}"


def splits(name: str) -> dict[str, dict[str, str]]:
  """Split -> language -> id of ir_datasets', of what can be trained on.

  An `irds:` id is one whole, under the split "".

  Raises:
    UserError: an unknown id, one that has no relevance judgements, or one
      whose language cannot be told.
  """
  if name.startswith(PREFIX):
    dataset_id = name.removeprefix(PREFIX)
    return {"": {_language(dataset_id): dataset_id}}
  if name == "mmarco":
    return {
      split: {
        "en": f"msmarco-passage/{theirs}",
        **{_CLDR.get(c, c): f"mmarco/v2/{c}/{theirs}" for c in _MMARCO.split()},
      }
      for split, theirs in _MMARCO_SPLITS.items()
    }
  if name == "mr_tydi":
    return {
      split: {c: f"mr-tydi/{c}/{split}" for c in _MR_TYDI.split()}
      for split in ("train", "dev", "test")
    }
  return {
    "train": {c: f"miracl/{c}/train" for c in _MIRACL.split()},
    "dev": {c: f"miracl/{c}/dev" for c in _MIRACL_DEV.split()},
  }


def records(name: str, language: str, dataset_id: str) -> Iterator[Record]:
  """Yields the relevant pairs of one id of ir_datasets', query by query.

  mMARCO's records are "QUERY-PASSAGE", the same in every language, since its
  texts are translations. Elsewhere the language stands before that. A query's
  records are one group: none is another's negative.

  Raises:
    UserError: a failed download, or files that are not the released ones.
  """
  try:
    yield from _records(name, language, dataset_id)
  # ir_datasets tells of malformed files by RuntimeError and ValueError.
  except (OSError, EOFError, RuntimeError, ValueError, zlib.error) as e:
    raise UserError(
      f"{dataset_id}: cannot be read through ir_datasets"
      f" ({' '.join(str(e).split()) or type(e).__name__}); try again with a"
      " network, or set IR_DATASETS_HOME to a folder that has its files"
    ) from None


def _records(name: str, language: str, dataset_id: str) -> Iterator[Record]:
  dataset = _load(dataset_id)
  judged = _judged(dataset)
  queries = {
    query.query_id: _default_text(query)
    for query in dataset.queries_iter()
    if query.query_id in judged
  }
  texts = _passages(dataset, dataset_id, judged)
  parallel = "" if name == "mmarco" else f"{language}-"
  missing = 0
  for query_id, passages in judged.items():
    if query_id not in queries:
      missing += sum(passages.values())
      continue
    negatives = tuple(texts[p] for p in _negatives(passages) if p in texts)
    for passage_id in _positives(passages):
      if passage_id not in texts:
        missing += 1
        continue
      yield Record(
        id=f"{parallel}{query_id}-{passage_id}",
        language=language,
        query=queries[query_id],
        passage=texts[passage_id],
        where=f"{dataset_id}, query {query_id}, passage {passage_id}",
        negatives=negatives,
        group=f"{parallel}{query_id}",
      )
  if missing:
    tqdm.write(
      f"{dataset_id}: {missing} relevant pairs are left out, whose query or"
      " passage is not in the collection",
      file=sys.stderr,
    )


def _judged(dataset: Any) -> dict[str, dict[str, bool]]:
  """Query -> passage -> relevant; only queries that have a relevant one."""
  judged: dict[str, dict[str, bool]] = {}
  for qrel in dataset.qrels_iter():
    passages = judged.setdefault(qrel.query_id, {})
    relevant = qrel.relevance > 0 or passages.get(qrel.doc_id, False)
    passages[qrel.doc_id] = relevant
  return {query: p for query, p in judged.items() if any(p.values())}


def _positives(passages: Mapping[str, bool]) -> Iterator[str]:
  return (id for id, relevant in passages.items() if relevant)


def _negatives(passages: Mapping[str, bool]) -> Iterator[str]:
  others = (id for id, relevant in passages.items() if not relevant)
  return itertools.islice(others, _MOST_NEGATIVES)


def _passages(
  dataset: Any, dataset_id: str, judged: Mapping[str, Mapping[str, bool]]
) -> dict[str, str]:
  """The texts of the passages that records are made of, by id."""
  wanted = {
    id
    for passages in judged.values()
    for id in itertools.chain(_positives(passages), _negatives(passages))
  }
  texts: dict[str, str] = {}
  # Looking up a few would be faster by ir_datasets' store, but building that
  # takes a pass over the passages, too, and the room of a second copy.
  with tqdm(
    dataset.docs_iter(),
    desc=f"reading {dataset_id}",
    total=dataset.docs_metadata().get("count"),
    unit=" passages",
    leave=False,
  ) as bar:
    for passage in bar:
      if passage.doc_id in wanted:
        texts[passage.doc_id] = _passage_text(passage)
        if len(texts) == len(wanted):
          break
  return texts


def _passage_text(passage: Any) -> str:
  fields = passage._fields
  if "title" in fields and "text" in fields:
    return with_title(passage.title.strip(), passage.text.strip())
  return _default_text(passage)


def _default_text(entity: Any) -> str:
  """ir_datasets' choice of the fields; BRIGHT's queries come without one."""
  chosen = getattr(entity, "default_text", None)
  text: str = entity.text if chosen is None else chosen()
  return text.strip()


def _load(dataset_id: str) -> Any:
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
  for what in ("docs", "queries", "qrels"):
    if not dataset.has(what):
      raise UserError(
        f"data set '{PREFIX}{dataset_id}' has no {what}; expected an id with"
        " docs, queries and qrels, such as 'irds:mr-tydi/sw/train'"
      )
  return dataset


def _language(dataset_id: str) -> str:
  """A collection's one language: as its metadata says, else as its id does."""
  dataset = _load(dataset_id)
  said = {dataset.docs_lang(), dataset.queries_lang()} - {None}
  in_id = {part for part in dataset_id.split("/") if len(part) == 2}
  codes = {_CLDR.get(code, code) for code in said or in_id}
  found = sorted(code for code in codes if cldr.is_language(code))
  if len(found) != 1:
    raise UserError(
      f"data set '{PREFIX}{dataset_id}': its language cannot be told (it says"
      f" {', '.join(sorted(codes)) or 'nothing'}); expected one, of queries and"
      " passages alike"
    )
  return found[0]
