"""What is searched and what is right. From records, to exact and evaluate."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError

if TYPE_CHECKING:
  from hybrid_ir.data.lareqa import Paragraph


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
  passage_texts: tuple[str, ...]  # [C]
  passage_languages: np.ndarray  # [C] int32, into `languages`
  gold_offsets: np.ndarray  # [Q + 1] int64: query q's gold is the slice
  gold_passages: np.ndarray  # [G] int32, into the passages; of any language

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
    return np.array([index[text] for text in self.passage_texts], np.int32)


def from_paragraphs(
  name: str, unit: str, paragraphs: Mapping[str, Iterable["Paragraph"]]
) -> Benchmark:
  """LAReQA's task (Roy et al., EMNLP 2020, section 3).

  Every sentence of every paragraph is a candidate. A question's gold is the
  sentence that answers it, in each language that has the question's id.

  Args:
    name: of the benchmark, in results.
    unit: "sentence".
    paragraphs: by language.

  Raises:
    UserError: an id that stands twice.
  """
  passages, queries = [], []
  answers: dict[str, list[str]] = {}
  for language, here in paragraphs.items():
    for paragraph in here:
      where = paragraph.where
      for sentence in paragraph.sentences:
        passages.append(_Text(sentence.id, language, sentence.text, where))
      for question in paragraph.questions:
        queries.append(_Text(question.id, language, question.text, where))
        gold = paragraph.sentences[question.gold_sentence].id
        answers.setdefault(question.id, []).append(gold)
  return _build(name, unit, queries, passages, answers)


def from_records(
  name: str, queries: Iterable[Record], pool: Iterable[Record]
) -> Benchmark:
  """A task from pairs: find the passage of the record that has the query's id.

  The distinct (language, passage text) of the pool are the candidates; their
  ids are "LANGUAGE:ID" of the first record with that text. A query's gold is,
  in each language, the passage of the pool's record with the query's id.

  Raises:
    UserError: an id that stands twice in a language, an id with white space, a
      query whose id no record of the pool has.
  """
  first: dict[tuple[str, str], str] = {}  # (language, text) -> passage id
  passages: list[_Text] = []
  answers: dict[str, list[str]] = {}
  for record in _each_once(pool):
    passage_id = f"{record.language}:{record.id}"
    text = record.language, record.passage
    if text not in first:
      first[text] = passage_id
      passages.append(
        _Text(passage_id, record.language, record.passage, record.where)
      )
    answers.setdefault(record.id, []).append(first[text])
  asked = [_Text(r.id, r.language, r.query, r.where) for r in queries]
  return _build(name, "passage", asked, passages, answers)


@dataclasses.dataclass(frozen=True, slots=True)
class _Text:
  """A query or a candidate, before it has a place in the arrays."""

  id: str
  language: str
  text: str
  where: str


def _each_once(records: Iterable[Record]) -> Iterator[Record]:
  seen: dict[tuple[str, str], str] = {}
  for record in records:
    key = record.language, record.id
    if key in seen:
      raise UserError(
        f"{record.where}: id {record.id!r} stands twice in language"
        f" {record.language!r}, first at {seen[key]}; rename or drop one"
      )
    seen[key] = record.where
    yield record


def _build(
  name: str,
  unit: str,
  queries: list[_Text],
  passages: list[_Text],
  answers: Mapping[str, list[str]],
) -> Benchmark:
  """Orders and indexes. `answers`: query id -> ids of its gold passages."""
  if not queries:
    raise UserError(f"benchmark {name!r} has no queries; expected at least one")
  # Code points sort as UTF-8 bytes do, which is how trec_eval compares ids.
  passages = sorted(passages, key=lambda passage: passage.id, reverse=True)
  place = _index(passages)
  languages = sorted({text.language for text in (*queries, *passages)})
  code = {language: i for i, language in enumerate(languages)}
  gold = []
  for query in queries:
    if query.id not in answers:
      raise UserError(
        f"{query.where}: query {query.id!r} has no gold passage in benchmark"
        f" {name!r}; add a passage of the same id or drop the query"
      )
    gold.append(sorted({place[answer] for answer in answers[query.id]}))
  query_ids = _index(
    dataclasses.replace(query, id=f"{query.language}:{query.id}")
    for query in queries
  )
  return Benchmark(
    name=name,
    unit=unit,
    languages=tuple(languages),
    query_ids=tuple(query_ids),
    query_texts=tuple(query.text for query in queries),
    query_languages=np.array([code[q.language] for q in queries], np.int32),
    passage_ids=tuple(place),
    passage_texts=tuple(passage.text for passage in passages),
    passage_languages=np.array([code[p.language] for p in passages], np.int32),
    gold_offsets=np.cumsum([0, *map(len, gold)], dtype=np.int64),
    gold_passages=np.concatenate(gold).astype(np.int32),
  )


def _index(texts: Iterable[_Text]) -> dict[str, int]:
  """Place by id; refuses an id that stands twice or breaks a TREC file."""
  places: dict[str, int] = {}
  for i, text in enumerate(texts):
    if text.id in places:
      raise UserError(
        f"{text.where}: id {text.id!r} stands twice in its benchmark; rename or"
        " drop one"
      )
    if text.id.split() != [text.id]:
      raise UserError(
        f"{text.where}: id {text.id!r} holds white space, which TREC run files"
        " cannot; rename it"
      )
    places[text.id] = i
  return places
