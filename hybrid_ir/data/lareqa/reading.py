"""The sets as paragraphs and as records. From the builders, to everyone."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterator

from hybrid_ir.data.lareqa import builders
from hybrid_ir.data.lareqa.sets import DATA_VERSION, SETS
from hybrid_ir.data.lareqa.squad_json import ParagraphExample
from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError

NAMES = tuple(SETS)


@dataclasses.dataclass(frozen=True, slots=True)
class Sentence:
  """A candidate."""

  id: str  # "en/012-03-07": the 8th sentence of its paragraph
  text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
  """A query with the one sentence that answers it in its own language."""

  id: str  # the same in every language
  text: str
  gold_sentence: int  # index into the paragraph's sentences


@dataclasses.dataclass(frozen=True, slots=True)
class Paragraph:
  """A paragraph, all of whose sentences are candidates."""

  id: str  # "en/012-03": the 4th paragraph of the 13th article
  language: str
  title: str  # of the article
  context: str  # the whole paragraph
  sentences: tuple[Sentence, ...]
  questions: tuple[Question, ...]
  where: str  # for error messages


def languages(name: str) -> tuple[str, ...]:
  """The languages of a set, sorted."""
  return SETS[name].languages


def questions(name: str) -> int:
  """How many questions a set has, translations of one counted once.

  English has all that another language has.
  """
  return SETS[name].questions["en"]


def fingerprint(name: str) -> str:
  """Changes when any record of the set changes."""
  digest = hashlib.sha256(DATA_VERSION.encode())
  for language in languages(name):
    digest.update(builders.sha256(name, language).encode())
  return digest.hexdigest()


def paragraphs(
  name: str, language: str, *, cache_dir: pathlib.Path, lareqa_dir: str
) -> Iterator[Paragraph]:
  """Yields a language's paragraphs in upstream's order.

  Args:
    name: one of `NAMES`.
    language: one of `languages(name)`.
    cache_dir: local folder where the data is built once.
    lareqa_dir: folder with upstream's xquad-r/ and mlqa-r/; empty: download.

  Raises:
    UserError: files that are missing or not as they were released, no network,
      or counts that are not the published ones.
  """
  candidates = questions = count = 0
  for example in builders.examples(
    name, language, cache_dir=cache_dir, lareqa_dir=lareqa_dir
  ):
    candidates += len(example["sentences"])
    questions += len(example["questions"])
    count += 1
    yield _paragraph(name, language, example)
  published = SETS[name]
  expected = (
    published.candidates[language],
    published.questions[language],
    published.paragraphs[language],
  )
  if (candidates, questions, count) != expected:
    raise UserError(
      f"{name}/{language}: {candidates} candidates, {questions} questions and"
      f" {count} paragraphs, expected {expected[0]}, {expected[1]} and"
      f" {expected[2]}; remove {cache_dir / 'tfds' / name / language} and run"
      " again"
    )


def records(
  name: str, language: str, *, cache_dir: pathlib.Path, lareqa_dir: str
) -> Iterator[Record]:
  """Yields a training pair a question: the question and its gold sentence.

  Args:
    name: one of `NAMES`.
    language: one of `languages(name)`.
    cache_dir: as `paragraphs` takes it.
    lareqa_dir: as `paragraphs` takes it.

  Raises:
    UserError: as `paragraphs`.
  """
  for paragraph in paragraphs(
    name, language, cache_dir=cache_dir, lareqa_dir=lareqa_dir
  ):
    for question in paragraph.questions:
      yield Record(
        id=question.id,
        language=language,
        query=question.text,
        passage=paragraph.sentences[question.gold_sentence].text,
        where=f"{paragraph.where}, question {question.id}",
      )


def _paragraph(
  name: str, language: str, example: ParagraphExample
) -> Paragraph:
  id = f"{language}/{example['id']}"
  return Paragraph(
    id=id,
    language=language,
    title=example["title"],
    context=example["context"],
    sentences=tuple(
      Sentence(f"{id}-{i:02d}", text)
      for i, text in enumerate(example["sentences"])
    ),
    questions=tuple(
      Question(q["id"], q["question"], q["gold_sentence"])
      for q in example["questions"]
    ),
    where=f"{name}, paragraph {id}",
  )
