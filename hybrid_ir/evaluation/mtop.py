"""MTOP as two benchmarks. From `data.mtop`, to the catalog."""

import collections

from hybrid_ir.config import SETTINGS
from hybrid_ir.data import mtop
from hybrid_ir.data.judged import Texts
from hybrid_ir.evaluation.benchmarks import Benchmark, build, pairs
from hybrid_ir.evaluation.faults import Faults

RELATIONS = ("utterance", "intent")


def from_mtop(
  relation: str, mtop_dir: str, allow_faults: bool = False
) -> Benchmark:
  """Queries are the utterances of the test split, in every language.

  `utterance`: the candidates are the same utterances, and a query's gold is
  its translations, those of its id in other languages. So it is a cross task
  alone: in a pool with the query's own language the query finds itself.

  `intent`: the candidates are those of the split `eval`, and gold is what has
  the query's intent, in any language. A query whose intent no candidate of a
  pool has is dropped there.

  Args:
    relation: of RELATIONS.
    mtop_dir: as `data.mtop.utterances` takes it.
    allow_faults: leave out what is wrong, in place of stopping.

  Raises:
    UserError: as `data.mtop.utterances` and `benchmarks.build`.
  """
  queries = list(mtop.utterances(mtop_dir, "test"))
  by_intent = relation == "intent"
  pool = list(mtop.utterances(mtop_dir, "eval")) if by_intent else queries
  answers = collections.defaultdict(list)
  for i, one in enumerate(pool):
    answers[one.intent if by_intent else one.id].append(i)
  return build(
    f"mtop_{relation}",
    "utterance",
    _texts(queries),
    _texts(pool),
    pairs(
      (q, c)
      for q, query in enumerate(queries)
      for c in answers[query.intent if by_intent else query.id]
      if by_intent or pool[c].language != query.language
    ),
    faults=Faults(),
    allow_faults=allow_faults,
    settings=SETTINGS if by_intent else ("cross",),
    gold_needed=False,
  )


def _texts(utterances: list[mtop.Utterance]) -> Texts:
  return Texts(
    [f"{one.language}:{one.id}" for one in utterances],
    [one.language for one in utterances],
    [one.text for one in utterances],
    lambda i: utterances[i].where,
  )
