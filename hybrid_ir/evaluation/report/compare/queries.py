"""Queries that one system wins, with texts where there are any. To the page."""

from collections.abc import Mapping, Sequence

from hybrid_ir.evaluation.comparison import cells
from hybrid_ir.evaluation.comparison.figures import (
  Comparison,
  Difference,
  QueryDifference,
)
from hybrid_ir.evaluation.examples import Example
from hybrid_ir.evaluation.report.compare.view import lead
from hybrid_ir.evaluation.report.examples import hit_list
from hybrid_ir.evaluation.report.page import (
  Cell,
  ExampleCard,
  Fold,
  Section,
  Table,
)

# benchmark -> system -> its example queries, with what it retrieved
Examples = Mapping[str, Mapping[str, Sequence[Example]]]
# benchmark -> system -> id of a query that a system wins -> the same of it
Retrieved = Mapping[str, Mapping[str, Mapping[str, Example]]]


def query_section(comparison: Comparison, retrieved: Retrieved) -> Section:
  """A fold a pair of systems and setting: those won and lost by the most."""
  folds = [
    _fold(one.benchmark, item, retrieved.get(one.benchmark, {}))
    for one in comparison.benchmarks
    for item in one.differences
    if item.measure == lead(one) and (item.won or item.lost)
  ]
  note = (
    "The queries on which two systems differ most, with the value of each; in "
    "cross, a query's value is its mean over the other languages' passages. "
    "Below them, what each system's first run has at the top of the pool of "
    "all languages. Other measures' queries are in comparison.json."
  )
  absent = "No queries: no per-query values, or no query that differs."
  return Section(
    "queries",
    "Queries won and lost",
    notes=(note,) if folds else (absent,),
    folds=tuple(folds),
  )


def _fold(
  benchmark: str,
  item: Difference,
  retrieved: Mapping[str, Mapping[str, Example]],
) -> Fold:
  measure = cells.title(item.measure)
  pair = {name: retrieved.get(name, {}) for name in (item.system, item.against)}
  texts = {
    query_id: example
    for found in pair.values()
    for query_id, example in found.items()
  }
  tables = tuple(
    _table(f"{winner} is better, {measure}", item, queries, texts)
    for winner, queries in (
      (item.system, item.won),
      (item.against, item.lost),
    )
    if queries
  )
  cards = [
    _card({name: found[query.query_id] for name, found in pair.items()})
    for query in (*item.won, *item.lost)
    if all(query.query_id in found for found in pair.values())
  ]
  return Fold(
    f"{benchmark}, {item.setting}: {item.system} against {item.against}"
    f" ({item.wins:,} won, {item.ties:,} tied, {item.losses:,} lost)",
    tables,
    tuple(cards),
  )


def _table(
  title: str,
  item: Difference,
  queries: Sequence[QueryDifference],
  texts: Mapping[str, Example],
) -> Table:
  with_text = any(query.query_id in texts for query in queries)
  rows = []
  for query in queries:
    language = query.query_id.partition(":")[0]
    example = texts.get(query.query_id)
    text = Cell(example.query, language=language) if example else Cell("")
    rows.append(
      (
        Cell(query.query_id),
        Cell(language),
        *((text,) if with_text else ()),
        *(
          Cell(cells.number(item.measure, value), value)
          for value in (query.value, query.against)
        ),
        Cell(
          cells.signed(item.measure, query.value - query.against),
          query.value - query.against,
        ),
      )
    )
  columns = (
    *("Query", "Language", *(("Text",) if with_text else ())),
    *(item.system, item.against, "Difference"),
  )
  return Table(title, columns, tuple(rows), names=2 + with_text)


def example_section(comparison: Comparison, examples: Examples) -> Section:
  """Queries that several systems have as examples, with each one's hits."""
  folds = []
  for one in comparison.benchmarks:
    there = examples.get(one.benchmark, {})
    by_query: dict[str, dict[str, Example]] = {}
    for name in one.systems:
      for example in there.get(name, ()):
        by_query.setdefault(example.query_id, {})[name] = example
    cards = tuple(_card(found) for found in by_query.values() if len(found) > 1)
    if cards:
      number = "1 query" if len(cards) == 1 else f"{len(cards)} queries"
      title = f"{one.benchmark}: {number}"
      folds.append(Fold(title, cards=cards))
  note = "The first passages of each system in the pool of all languages."
  absent = "No examples that two systems have in common in their details/."
  return Section(
    "examples",
    "Example queries, side by side",
    notes=(note,) if folds else (absent,),
    folds=tuple(folds),
  )


def _card(found: Mapping[str, Example]) -> ExampleCard:
  first = next(iter(found.values()))
  return ExampleCard(
    first.query,
    first.query_language,
    tuple(hit_list(name, example) for name, example in found.items()),
  )
