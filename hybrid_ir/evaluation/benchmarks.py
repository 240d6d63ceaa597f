"""What is searched and what is right. From records, to exact and evaluate."""

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hybrid_ir.config import SETTINGS
from hybrid_ir.data.brief import brief
from hybrid_ir.data.judged import Texts
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.faults import Faults
from hybrid_ir.evaluation.same_query import SameQuery


@dataclasses.dataclass(frozen=True, eq=False)
class Benchmark:
  """Queries, candidate passages and the gold, all languages together.

  Passages stand by id, descending (as bytes): equal scores are ranked in that
  order (trec_eval's rule), so between equal scores the lower index is ahead.
  """

  name: str
  unit: str  # what a candidate is: "sentence", "passage"
  languages: tuple[str, ...]  # L codes, sorted
  query_ids: tuple[str, ...]  # [Q] "LANGUAGE:ID"
  query_texts: tuple[str, ...]  # [Q]
  query_languages: np.ndarray  # [Q] int32, into `languages`
  passage_ids: tuple[str, ...]  # [C]
  passage_texts: tuple[str, ...]  # [C] what the encoder reads
  passage_shown: tuple[str, ...]  # [C] what a candidate is, for people
  passage_languages: np.ndarray  # [C] int32, into `languages`
  gold_offsets: np.ndarray  # [Q + 1] int64: query q's gold is the slice
  gold_passages: np.ndarray  # [G] int32, into the passages; of any language
  gold_grades: np.ndarray  # [G] int32, from 1: how relevant
  faults: tuple[str, ...] = ()  # what was left out of the data, a line a kind
  settings: tuple[str, ...] = SETTINGS  # those in which it has a meaning
  query_instructions: tuple[str, ...] = ()  # [Q], where queries carry them
  source: str = ""  # what `data.prefixes` or else the config calls it

  @functools.cached_property
  def fingerprint(self) -> str:
    """Changes when any id, text, language or gold does."""
    digest = hashlib.sha256("\n".join((self.name, *self.languages)).encode())
    for texts in (
      *(self.query_ids, self.query_texts, self.query_instructions),
      *(self.passage_ids, self.passage_texts),
    ):
      digest.update(f"{len(texts)}\n".encode())
      for text in texts:
        encoded = text.encode()
        digest.update(f"{len(encoded)}\n".encode() + encoded)
    for array in (
      *(self.query_languages, self.passage_languages),
      *(self.gold_offsets, self.gold_passages, self.gold_grades),
    ):
      digest.update(array.tobytes())
    return digest.hexdigest()

  @functools.cached_property
  def gold_queries(self) -> np.ndarray:
    """The query of each gold. [G] int64."""
    return np.repeat(np.arange(len(self.query_ids)), np.diff(self.gold_offsets))

  @functools.cached_property
  def distinct_texts(self) -> tuple[str, ...]:
    """The passage texts to encode, each once. [U], U <= C."""
    return tuple(dict.fromkeys(self.passage_texts))

  @functools.cached_property
  def distinct_index(self) -> np.ndarray:
    """Each passage's text in `distinct_texts`. [C] int32."""
    index = {text: i for i, text in enumerate(self.distinct_texts)}
    return np.fromiter((index[text] for text in self.passage_texts), np.int32)


@dataclasses.dataclass(frozen=True, eq=False)
class Gold:
  """Relevant pairs, in any order; the highest grade of a pair counts."""

  queries: np.ndarray  # [G] int, into the queries as they were read
  passages: np.ndarray  # [G] int, into the passages as they were read
  grades: np.ndarray  # [G] int32, from 1


def pairs(gold: Iterable[tuple[int, int]]) -> Gold:
  """Gold of grade 1 from (query, passage)."""
  both = np.array(list(gold), np.int64).reshape(-1, 2)
  return Gold(both[:, 0], both[:, 1], np.ones(len(both), np.int32))


def from_records(
  name: str,
  queries: Iterable[Record],
  pool: Iterable[Record],
  allow_faults: bool = False,
) -> Benchmark:
  """A task from pairs: find the passage of the record that has the query's id.

  The distinct (language, passage text) of the pool are the candidates; their
  ids are "LANGUAGE:ID" of the first record with that text. A query's gold is,
  in each language, the passage of the pool's record with the query's id. Ids
  of one group with one query are one query with the passages of all of them;
  its id is that of the first.

  Args:
    name: of the benchmark, in results.
    queries: the records whose queries are asked.
    pool: the records whose passages are searched.
    allow_faults: leave out what is wrong, in place of stopping.

  Raises:
    UserError: an id that stands twice in a language, an id with white space, a
      query whose id no record of the pool has.
  """
  faults = Faults()
  asked = list(queries)
  same_query = SameQuery(asked)
  first: dict[tuple[str, str], int] = {}  # (language, text) -> candidate
  answers: dict[str, list[int]] = {}  # record id -> candidates
  seen: set[tuple[str, str]] = set()
  ids: list[str] = []
  languages: list[str] = []
  texts: list[str] = []
  places: list[str] = []
  for record in pool:
    if (record.language, record.id) in seen:
      faults.add(
        "records whose id stands twice in their language",
        f"{record.where} {brief(record.id)}",
      )
      continue
    seen.add((record.language, record.id))
    candidate = first.setdefault((record.language, record.passage), len(ids))
    if candidate == len(ids):
      ids.append(f"{record.language}:{record.id}")
      languages.append(record.language)
      texts.append(record.passage)
      places.append(record.where)
    answers.setdefault(record.id, []).append(candidate)
    same_query.add(record)
  first_ids = same_query.first_ids()
  for id, first_id in first_ids.items():
    if id != first_id:
      answers.setdefault(first_id, []).extend(answers.get(id, ()))
  asked = _once(asked, first_ids)
  benchmark = build(
    name,
    "passage",
    Texts(
      [f"{r.language}:{r.id}" for r in asked],
      [r.language for r in asked],
      [r.query for r in asked],
      lambda i: asked[i].where,
    ),
    Texts(ids, languages, texts, lambda i: places[i]),
    pairs((q, c) for q, r in enumerate(asked) for c in answers.get(r.id, ())),
    faults=faults,
    allow_faults=allow_faults,
  )
  told = {f"{r.language}:{r.id}": r.instruction for r in asked}
  if not any(told.values()):
    return benchmark
  return dataclasses.replace(
    benchmark,
    query_instructions=tuple(told[id] for id in benchmark.query_ids),
  )


def _once(
  asked: Iterable[Record], first_ids: Mapping[str, str]
) -> list[Record]:
  """Queries that are asked by several ids once in a language, by the first."""
  kept: dict[tuple[str, str], str] = {}  # language, first id -> id of a record
  found = []
  for record in asked:
    id = first_ids.get(record.id, record.id)
    # An id that stands twice stays: it is a fault.
    if kept.setdefault((record.language, id), record.id) == record.id:
      same = id == record.id
      found.append(record if same else dataclasses.replace(record, id=id))
  return found


def build(
  name: str,
  unit: str,
  queries: Texts,
  passages: Texts,
  gold: Gold,
  *,
  faults: Faults,
  allow_faults: bool = False,
  shown: Sequence[str] | None = None,
  settings: tuple[str, ...] = SETTINGS,
  gold_needed: bool = True,
) -> Benchmark:
  """Checks, orders and indexes.

  Args:
    name: of the benchmark, in results and the names of files.
    unit: what a candidate is.
    queries: [Q'] with ids of the form "LANGUAGE:ID".
    passages: [C'].
    gold: what answers what.
    faults: those that were found already.
    allow_faults: leave out what is at fault, in place of stopping.
    shown: [C'] what the passages are, where the encoder reads more.
    settings: those in which the benchmark has a meaning.
    gold_needed: a query without gold is a fault; else it is kept, and counted
      as dropped in the results.

  Raises:
    UserError: ids that stand twice or break a TREC file, empty texts, queries
      without gold, where faults are not allowed; nothing to search or to ask.
  """
  asked = np.sort(_usable(queries, "queries", faults))
  pool = _usable(passages, "passages", faults)[::-1]
  place = np.full(len(passages), -1, np.int64)
  place[pool] = np.arange(len(pool))
  golds = np.bincount(
    gold.queries[place[gold.passages] >= 0], minlength=len(queries)
  )
  if gold_needed:
    for i in asked[golds[asked] == 0].tolist():
      faults.add("queries without a relevant passage", _named(queries, i))
    asked = asked[golds[asked] > 0]
  lines = faults.settle(name, allow_faults)
  if not len(asked) or not len(pool):
    raise UserError(
      f"benchmark {name!r} has no {'passages' if len(asked) else 'queries'};"
      " expected at least one"
    )
  query_languages = [queries.languages[i] for i in asked.tolist()]
  passage_languages = [passages.languages[i] for i in pool.tolist()]
  languages = sorted({*query_languages, *passage_languages})
  code = {language: i for i, language in enumerate(languages)}
  texts = tuple(passages.texts[i] for i in pool.tolist())
  offsets, gold_passages, grades = _gold(gold, asked, place, len(queries))
  return Benchmark(
    name=name,
    unit=unit,
    languages=tuple(languages),
    query_ids=tuple(queries.ids[i] for i in asked.tolist()),
    query_texts=tuple(queries.texts[i] for i in asked.tolist()),
    query_languages=np.fromiter((code[c] for c in query_languages), np.int32),
    passage_ids=tuple(passages.ids[i] for i in pool.tolist()),
    passage_texts=texts,
    passage_shown=(
      texts if shown is None else tuple(shown[i] for i in pool.tolist())
    ),
    passage_languages=np.fromiter(
      (code[c] for c in passage_languages), np.int32
    ),
    gold_offsets=offsets,
    gold_passages=gold_passages,
    gold_grades=grades,
    faults=lines,
    settings=settings,
  )


def _usable(texts: Texts, kind: str, faults: Faults) -> np.ndarray:
  """The numbers of the texts without a fault, by id ascending. [<= T] int64."""
  ids = texts.ids
  # Code points sort as UTF-8 bytes do, which is how trec_eval compares ids.
  order = sorted(range(len(ids)), key=ids.__getitem__)
  kept = []
  before = None
  for i in order:
    if ids[i] == before:
      faults.add(f"{kind} whose id stands twice", _named(texts, i))
    elif ids[i].split() != [ids[i]]:
      faults.add(
        f"{kind} whose id is empty or holds white space, which TREC's files"
        " cannot",
        _named(texts, i),
      )
    elif not texts.texts[i].strip():
      faults.add(f"{kind} without a text", _named(texts, i))
    else:
      kept.append(i)
    before = ids[i]
  return np.array(kept, np.int64)


def _named(texts: Texts, i: int) -> str:
  return f"{texts.where(i)} {brief(texts.ids[i])}"


def _gold(
  gold: Gold, asked: np.ndarray, place: np.ndarray, queries: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Gold of the kept, each once: offsets [Q + 1], passages [G], grades [G].

  Args:
    gold: as it was read.
    asked: [Q] the kept queries.
    place: [C'] of each passage among the kept, or -1.
    queries: Q', before any was left out.
  """
  row = np.full(queries, -1, np.int64)
  row[asked] = np.arange(len(asked))
  rows, places, grades = row[gold.queries], place[gold.passages], gold.grades
  order = np.lexsort((-grades, places, rows))
  rows, places, grades = rows[order], places[order], grades[order]
  first = np.ones(len(rows), bool)
  first[1:] = (rows[1:] != rows[:-1]) | (places[1:] != places[:-1])
  kept = first & (rows >= 0) & (places >= 0)
  counts = np.bincount(rows[kept], minlength=len(asked))
  return (
    np.append(0, np.cumsum(counts)).astype(np.int64),
    places[kept].astype(np.int32),
    grades[kept].astype(np.int32),
  )
