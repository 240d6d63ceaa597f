"""Judged collections as records. From ir_datasets, to the sources.

A record is a query and a passage judged relevant to it; passages judged not
relevant are its hard negatives. A language costs one pass over its passages,
of which only the judged ones are kept: under 1 GB for mMARCO, where 500,000
queries have 530,000 relevant passages, and a tenth of it for the others.
"""

import itertools
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from tqdm import tqdm

from hybrid_ir.data.ir_library import (
  CLDR,
  PREFIX,
  default_text,
  fingerprint,
  load,
  one_language,
  passage_files,
  passage_text,
  readable,
)
from hybrid_ir.data.records import Record

__all__ = [
  "MMARCO_PAIRS",
  "NAMES",
  "PREFIX",
  "fingerprint",
  "is_ir",
  "passage_language",
  "passage_parts",
  "passages",
  "records",
  "splits",
]
NAMES = ("mmarco", "mr_tydi", "miracl")

_MMARCO = "ar de dt es fr hi id it ja pt ru vi zh"  # v2's, beside English
MMARCO_PAIRS = 532_761  # a language, of split train
_MMARCO_SPLITS = {"train": "train", "dev": "dev/small"}  # the 6,980 in use
_MR_TYDI = "ar bn en fi id ja ko ru sw te th"
_MIRACL = "ar bn en es fa fi fr hi id ja ko ru sw te th zh"
_MIRACL_DEV = f"{_MIRACL} de yo"
_MOST_NEGATIVES = 100  # of a query; TREC's pools have thousands


def is_ir(name: str) -> bool:
  """Whether a data set's name is one of this reader's."""
  return name in NAMES or name.startswith(PREFIX)


def splits(name: str) -> dict[str, dict[str, str]]:
  """Split -> language -> id of ir_datasets', of what can be trained on.

  An `ir_datasets:` id is one whole, under the split "".

  Raises:
    UserError: an unknown id, one that has no relevance judgements, or one
      whose language cannot be told.
  """
  if name.startswith(PREFIX):
    dataset_id = name.removeprefix(PREFIX)
    return {"": {one_language(dataset_id): dataset_id}}
  if name == "mmarco":
    return {
      split: {
        "en": f"msmarco-passage/{theirs}",
        **{CLDR.get(c, c): f"mmarco/v2/{c}/{theirs}" for c in _MMARCO.split()},
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
  with readable(dataset_id):
    yield from _records(name, language, dataset_id)


def passage_parts(dataset_id: str) -> int:
  """How many files a collection's passages stand in.

  Raises:
    UserError: an unknown id, or one without passages.
  """
  return len(passage_files(load(dataset_id, ("docs",))))


def passage_language(dataset_id: str) -> str:
  """The language of a collection's passages.

  Raises:
    UserError: as `passage_parts`, or it cannot be told.
  """
  return one_language(dataset_id, ("docs",))


def passages(dataset_id: str, part: int) -> Iterator[tuple[str, str]]:
  """Yields the ids and texts of one of a collection's files.

  Raises:
    UserError: a failed download, or a file that is not the released one.
  """
  with readable(dataset_id):
    docs = passage_files(load(dataset_id, ("docs",)))[part]
    for passage in docs.docs_iter():
      yield passage.doc_id, passage_text(passage)


def _records(name: str, language: str, dataset_id: str) -> Iterator[Record]:
  dataset = load(dataset_id)
  judged = _judged(dataset)
  queries = {
    query.query_id: default_text(query)
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
        texts[passage.doc_id] = passage_text(passage)
        if len(texts) == len(wanted):
          break
  return texts
