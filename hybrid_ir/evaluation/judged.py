"""Judged collections as benchmarks. From ir_judged and beir, to the catalog."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from hybrid_ir.data.brief import brief
from hybrid_ir.data.judged import Collection, Texts
from hybrid_ir.evaluation.benchmarks import Benchmark, Gold, build
from hybrid_ir.evaluation.faults import Faults


def from_collections(
  name: str, collections: Sequence[Collection], allow_faults: bool = False
) -> Benchmark:
  """One pool of all the collections' passages; what is judged above 0 is gold.

  A passage keeps its id where there is one collection. Of several, it is
  "LANGUAGE:ID", since they number their passages alike. A query's is always.

  Args:
    name: of the benchmark, in results.
    collections: of distinct languages, if there are several.
    allow_faults: leave out what is wrong, in place of stopping.

  Raises:
    UserError: an id that stands twice in a collection, be it in two languages;
      judgements of passages or queries that are not there, two of one pair
      that differ, and what `benchmarks.build` refuses.
  """
  faults = Faults()
  collections = [
    dataclasses.replace(
      collection,
      queries=_once(collection.queries, "queries", faults),
      passages=_once(collection.passages, "passages", faults),
    )
    for collection in collections
  ]
  queries = _joined([c.queries for c in collections], prefixed=True)
  passages = _joined(
    [c.passages for c in collections], prefixed=len(collections) > 1
  )
  golds: list[tuple[int, int, int]] = []
  query_start = passage_start = 0
  for collection in collections:
    golds += [
      (query_start + query, passage_start + passage, grade)
      for query, passage, grade in _relevant(collection, faults)
    ]
    query_start += len(collection.queries)
    passage_start += len(collection.passages)
  gold = np.array(golds, np.int64).reshape(-1, 3)
  return build(
    name,
    "passage",
    queries,
    passages,
    Gold(gold[:, 0], gold[:, 1], gold[:, 2].astype(np.int32)),
    faults=faults,
    allow_faults=allow_faults,
  )


def _once(texts: Texts, kind: str, faults: Faults) -> Texts:
  """The texts without those whose id stands before, in whichever language.

  Judgements name the id alone. Once it is "LANGUAGE:ID", what stands in two
  languages would pass for two queries, of which one is not judged.
  """
  if len(set(texts.ids)) == len(texts):
    return texts
  first: dict[str, int] = {}
  for i, id in enumerate(texts.ids):
    before = first.setdefault(id, i)
    if before != i:
      faults.add(
        f"{kind} whose id stands twice",
        f"{texts.where(i)} {brief(id)} in {texts.languages[i]} after"
        f" {texts.where(before)} in {texts.languages[before]}",
      )
  kept = list(first.values())
  return Texts(
    [texts.ids[i] for i in kept],
    [texts.languages[i] for i in kept],
    [texts.texts[i] for i in kept],
    lambda i: texts.where(kept[i]),
  )


def _joined(parts: Sequence[Texts], prefixed: bool) -> Texts:
  """The parts' texts, one after the other."""
  starts = np.cumsum([0, *map(len, parts)])

  def where(i: int) -> str:
    part = int(np.searchsorted(starts, i, side="right")) - 1
    return parts[part].where(i - int(starts[part]))

  return Texts(
    [
      f"{language}:{id}" if prefixed else id
      for part in parts
      for id, language in zip(part.ids, part.languages, strict=True)
    ],
    [language for part in parts for language in part.languages],
    [text for part in parts for text in part.texts],
    where,
  )


def _relevant(
  collection: Collection, faults: Faults
) -> list[tuple[int, int, int]]:
  """The (query, passage, grade) above 0; the first judgement of a pair."""
  queries = _places(
    collection.queries, {j.query for j in collection.judgements}
  )
  passages = _places(
    collection.passages, {j.passage for j in collection.judgements}
  )
  grades: dict[tuple[int, int], int] = {}
  for judgement in collection.judgements:
    query = queries.get(judgement.query, -1)
    passage = passages.get(judgement.passage, -1)
    if query < 0:
      faults.add(
        "judgements of unknown queries",
        f"{judgement.where} {brief(judgement.query)}",
      )
    elif passage < 0:
      faults.add(
        "judgements of unknown passages",
        f"{judgement.where} {brief(judgement.passage)}",
      )
    elif (
      grades.setdefault((query, passage), judgement.grade) != judgement.grade
    ):
      faults.add(
        "judgements that differ from an earlier one of their query and passage",
        f"{judgement.where} {brief(judgement.passage)}",
      )
  return [(q, p, grade) for (q, p), grade in grades.items() if grade > 0]


def _places(texts: Texts, wanted: set[str]) -> dict[str, int]:
  """The number of each wanted id; each stands once."""
  return {id: i for i, id in enumerate(texts.ids) if id in wanted}
