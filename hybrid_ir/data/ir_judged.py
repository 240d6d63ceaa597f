"""Judged collections of ir_datasets', whole. To `evaluation.judged`.

MIRACL, Mr. TyDi, mMARCO, NeuCLIR: every passage is read, judged or not.
"""

from typing import Any

from tqdm import tqdm

from hybrid_ir.data.ir_library import (
  PREFIX,
  counts,
  default_text,
  load,
  passage_languages,
  passage_text,
  query_language,
  readable,
)
from hybrid_ir.data.judged import Collection, Judgement, Texts
from hybrid_ir.errors import UserError


def collection(dataset_id: str) -> Collection:
  """Reads an id's queries, passages and judgements.

  Args:
    dataset_id: as ir_datasets names it, "miracl/sw/dev".

  Raises:
    UserError: an unknown id, one that lacks any of the three or whose language
      cannot be told, a failed download, or counts that are not the published
      ones.
  """
  dataset = load(dataset_id)
  language = query_language(dataset_id)
  with readable(dataset_id):
    queries = _queries(dataset_id, dataset, language)
    judgements = [
      Judgement(
        qrel.query_id,
        qrel.doc_id,
        qrel.relevance,
        f"{dataset_id}, judgement of query {qrel.query_id}",
      )
      for qrel in dataset.qrels_iter()
    ]
    passages = _passages(dataset_id, counts(dataset).get("docs"))
  found = {
    "docs": len(passages),
    "queries": len(queries),
    "qrels": len(judgements),
  }
  for what, expected in counts(dataset).items():
    if found[what] != expected:
      raise UserError(
        f"{PREFIX}{dataset_id}: {found[what]} {what}, expected {expected} as"
        " published; remove its files from IR_DATASETS_HOME (~/.ir_datasets)"
        " and run again"
      )
  return Collection(queries, passages, judgements)


def _queries(dataset_id: str, dataset: Any, language: str) -> Texts:
  ids, texts = [], []
  for query in dataset.queries_iter():
    ids.append(query.query_id)
    texts.append(default_text(query))
  return Texts(
    ids, [language] * len(ids), texts, lambda i: f"{dataset_id}, query {ids[i]}"
  )


def _passages(dataset_id: str, total: int | None) -> Texts:
  ids: list[str] = []
  languages: list[str] = []
  texts: list[str] = []
  with tqdm(
    desc=f"reading {dataset_id}", total=total, unit=" passages", leave=False
  ) as bar:
    for member, language in passage_languages(dataset_id).items():
      for passage in load(member, ("docs",)).docs_iter():
        ids.append(passage.doc_id)
        languages.append(language)
        texts.append(passage_text(passage))
        bar.update()
  return Texts(
    ids, languages, texts, lambda i: f"{dataset_id}, passage {ids[i]}"
  )
