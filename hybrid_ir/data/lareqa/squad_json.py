"""LAReQA's files, checked. From SQuAD's JSON layout, to the TFDS builders.

The layout is SQuAD 1.1's, with `sentences` and `sentence_breaks` ([start, end)
character offsets into `context`) a paragraph, and one answer a question.
"""

import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any, TypedDict

from hybrid_ir.data.brief import brief
from hybrid_ir.errors import UserError


class QuestionExample(TypedDict):
  """A question of a paragraph."""

  id: str  # the same in every language
  question: str
  answer: str
  answer_start: int  # characters into the context
  gold_sentence: int  # index of the sentence that holds `answer_start`


class ParagraphExample(TypedDict):
  """A paragraph: what TFDS stores."""

  id: str  # "012-03": the 4th paragraph of the 13th article
  title: str
  context: str
  sentences: list[str]
  sentence_breaks: list[list[int]]  # [start, end) into the context, a sentence
  questions: list[QuestionExample]


def read(path: str | os.PathLike[str]) -> Iterator[ParagraphExample]:
  """Yields the paragraphs of a file, in its order.

  Raises:
    UserError: not UTF-8, malformed JSON, a missing or wrong field, an
      `answer_start` outside its paragraph or in none of its sentences.
  """
  file = _Node(_parse(path), f"{path}")
  for a, article in enumerate(file.children("data")):
    title = article.text("title")
    for p, paragraph in enumerate(article.children("paragraphs")):
      yield _paragraph(f"{a:03d}-{p:02d}", title, paragraph)


def _parse(path: str | os.PathLike[str]) -> object:
  try:
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
  except UnicodeDecodeError as e:
    raise UserError(
      f"{path}: not UTF-8 at byte {e.start}; expected LAReQA's file as it was"
      " released"
    ) from None
  except json.JSONDecodeError as e:
    raise UserError(
      f"{path}:{e.lineno}: malformed JSON at column {e.colno} ({e.msg});"
      " expected LAReQA's file as it was released"
    ) from None
  except (ValueError, RecursionError) as e:  # too long a number, too deep
    raise UserError(
      f"{path}: malformed JSON ({e}); expected LAReQA's file as it was released"
    ) from None


class _Node:
  """A JSON object and where it stands, for reading checked fields."""

  def __init__(self, value: object, where: str):
    if not isinstance(value, dict):
      raise UserError(f"{where}: expected a JSON object, got {brief(value)}")
    self._fields = value
    self.where = where

  def _get(self, name: str, kind: type, expected: str) -> Any:
    value = self._fields.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
      got = brief(value) if name in self._fields else "no such field"
      raise UserError(f"{self.where}: {name}: expected {expected}, got {got}")
    return value

  def text(self, name: str) -> str:
    text: str = self._get(name, str, "a text")
    if not text.strip():
      raise UserError(
        f"{self.where}: {name}: expected a text, got an empty one"
      )
    return text

  def integer(self, name: str) -> int:
    number: int = self._get(name, int, "an integer")
    return number

  def list(self, name: str) -> list[Any]:
    values: list[Any] = self._get(name, list, "a list")
    return values

  def children(self, name: str) -> Iterator["_Node"]:
    for i, value in enumerate(self.list(name)):
      yield _Node(value, f"{self.where}, {name}[{i}]")


def _paragraph(id: str, title: str, node: _Node) -> ParagraphExample:
  context = node.text("context")
  sentences = node.list("sentences")
  for i, sentence in enumerate(sentences):
    if not isinstance(sentence, str) or not sentence.strip():
      raise UserError(
        f"{node.where}: sentences[{i}]: expected a text, got {brief(sentence)}"
      )
  breaks = _breaks(node, len(sentences), len(context))
  return {
    "id": id,
    "title": title,
    "context": context,
    "sentences": sentences,
    "sentence_breaks": breaks,
    "questions": [
      _question(question, context, breaks) for question in node.children("qas")
    ],
  }


def _breaks(node: _Node, sentences: int, characters: int) -> list[list[int]]:
  """The sentences' [start, end), in order and inside of the paragraph."""
  breaks = node.list("sentence_breaks")
  if len(breaks) != sentences:
    raise UserError(
      f"{node.where}: sentence_breaks: expected {sentences} pairs, one a"
      f" sentence, got {len(breaks)}"
    )
  reached = 0
  for i, pair in enumerate(breaks):
    match pair:
      case [int(start), int(end)] if reached <= start < end <= characters:
        reached = end
      case _:
        raise UserError(
          f"{node.where}: sentence_breaks[{i}]: expected [start, end] with"
          f" {reached} <= start < end <= {characters}, got {brief(pair)}"
        )
  return breaks


def _question(
  node: _Node, context: str, breaks: list[list[int]]
) -> QuestionExample:
  id = node.text("id")
  here = f"{node.where}, question {id}"
  answers = list(node.children("answers"))
  if len(answers) != 1:
    raise UserError(f"{here}: expected one answer, got {len(answers)}")
  start = answers[0].integer("answer_start")
  if not 0 <= start < len(context):
    raise UserError(
      f"{here}: answer_start {start} is outside of its paragraph; expected 0"
      f" to {len(context) - 1}"
    )
  gold = [i for i, (first, end) in enumerate(breaks) if first <= start < end]
  if not gold:
    raise UserError(
      f"{here}: answer_start {start} is in none of the paragraph's sentences;"
      " expected it inside of one of `sentence_breaks`"
    )
  return {
    "id": id,
    "question": node.text("question"),
    "answer": answers[0].text("text"),
    "answer_start": start,
    "gold_sentence": gold[0],
  }
