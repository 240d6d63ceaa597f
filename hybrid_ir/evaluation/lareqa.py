"""LAReQA's paragraphs as benchmarks. From `data.lareqa`, to the catalog."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from hybrid_ir.data.judged import Texts
from hybrid_ir.evaluation.benchmarks import Benchmark, build, pairs
from hybrid_ir.evaluation.faults import Faults

if TYPE_CHECKING:
  from hybrid_ir.data.lareqa import Paragraph

# What follows the colon in a benchmark's name -> what a candidate is.
UNITS = {
  "": "sentence",
  "context": "sentence in context",
  "paragraph": "paragraph",
}


def from_paragraphs(
  name: str, unit: str, paragraphs: Mapping[str, Iterable["Paragraph"]]
) -> Benchmark:
  """LAReQA's task (Roy et al., EMNLP 2020, section 3).

  Every sentence of every paragraph is a candidate. A question's gold is the
  sentence that answers it, in each language that has the question's id. In
  context, the encoder reads the sentence and then its paragraph, with nothing
  between (as XTREME does, Hu et al., ICML 2020). Paragraphs as candidates are
  the same task one step coarser: the gold holds that sentence.

  Args:
    name: of the benchmark, in results.
    unit: a value of UNITS.
    paragraphs: by language.

  Raises:
    UserError: an id that stands twice.
  """
  ids: list[str] = []
  languages: list[str] = []
  texts: list[str] = []
  shown: list[str] = []
  places: list[str] = []
  questions: list[tuple[str, str, str, str]] = []  # id, language, text, place
  answers: dict[str, list[int]] = {}  # question id -> candidates
  for language, here in paragraphs.items():
    for paragraph in here:
      start = len(ids)
      if unit == UNITS["paragraph"]:
        candidates = [(paragraph.id, paragraph.context)]
      else:
        candidates = [(s.id, s.text) for s in paragraph.sentences]
      for id, text in candidates:
        ids.append(id)
        shown.append(text)
        in_context = unit == UNITS["context"]
        texts.append(text + paragraph.context if in_context else text)
      languages += [language] * len(candidates)
      places += [paragraph.where] * len(candidates)
      for question in paragraph.questions:
        gold = 0 if unit == UNITS["paragraph"] else question.gold_sentence
        answers.setdefault(question.id, []).append(start + gold)
        questions.append(
          (question.id, language, question.text, paragraph.where)
        )
  return build(
    name,
    unit,
    Texts(
      [f"{language}:{id}" for id, language, _, _ in questions],
      [language for _, language, _, _ in questions],
      [text for _, _, text, _ in questions],
      lambda i: questions[i][3],
    ),
    Texts(ids, languages, texts, lambda i: places[i]),
    pairs((q, c) for q, (id, *_) in enumerate(questions) for c in answers[id]),
    faults=Faults(),
    shown=shown if unit == UNITS["context"] else None,
  )
