"""Queries and what they retrieved, in which language. Feeds write."""

import collections
from collections.abc import Sequence

from hybrid_ir.evaluation.examples import Example
from hybrid_ir.evaluation.report.load import Details
from hybrid_ir.evaluation.report.page import (
  ExampleCard,
  HitList,
  Section,
  slug,
)


def example_sections(benchmarks: Sequence[Details]) -> list[Section]:
  """A section a benchmark, its queries in the order of the file."""
  sections = [
    Section(
      slug("examples", details.benchmark),
      f"Example queries: {details.benchmark}",
      notes=(
        "Each query's first passages in the pool of all languages, at step "
        f"{details.step:,}.",
        *([details.licence_note] if details.licence_note else []),
      ),
      cards=tuple(
        ExampleCard(
          example.query, example.query_language, (hit_list("", example),)
        )
        for example in details.examples
      ),
    )
    for details in benchmarks
    if details.examples
  ]
  absent = "No examples: details/ holds no file with retrieved passages."
  return sections or [Section("examples", "Example queries", notes=(absent,))]


def hit_list(system: str, example: Example) -> HitList:
  """What a system retrieved for a query, and how it is spread."""
  hits = example.hits
  relevant = sum(hit.relevant for hit in hits)
  languages = collections.Counter(hit.language for hit in hits).most_common()
  filled = ", ".join(f"{code} {number}" for code, number in languages)
  summary = f"{relevant} of {len(hits)} relevant. By language: {filled}."
  return HitList(system, summary, hits)
