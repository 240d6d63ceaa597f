"""LAReQA's two sets. Upstream's files in, to the corpus and the benchmarks.

LAReQA: Language-Agnostic Answer Retrieval from a Multilingual Pool (Roy et
al., EMNLP 2020, https://aclanthology.org/2020.emnlp-main.477).
"""

from hybrid_ir.data.lareqa.reading import (
  NAMES,
  Paragraph,
  Question,
  Sentence,
  fingerprint,
  languages,
  paragraphs,
  questions,
  records,
)

__all__ = [
  "NAMES",
  "Paragraph",
  "Question",
  "Sentence",
  "fingerprint",
  "languages",
  "paragraphs",
  "questions",
  "records",
]
