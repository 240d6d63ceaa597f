"""Findings as lines of text. From `findings`, to task=check_data."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hybrid_ir.data.findings import PERCENTS, Findings, Lengths, Repeats

_LABEL = 14  # characters of the first column
_WIDTH = 100  # of a matrix, at most; more languages stand below


def describe(found: Findings, unit: str) -> Iterator[str]:
  """The lines that a user reads.

  Args:
    found: the figures.
    unit: of the lengths, with what they are made of.
  """
  yield _line("rows", f"{found.rows:,}")
  yield _line("ids", f"{found.ids:,}, by their number of languages:")
  yield _line("", _pairs(found.ids_by_languages))
  yield _line("languages", f"{len(found.languages)}, rows of each:")
  shares = [
    f"{code} {count:,} ({count / found.rows:.1%})"
    for code, count in found.languages.items()
  ]
  for start in range(0, len(shares), 4):
    yield _line("", "  ".join(shares[start : start + 4]))
  if len(found.languages) > 1:
    yield _line("aligned", "ids that two languages share:")
    yield from _matrix(found)
  yield _line("splits", _pairs(found.splits))
  yield from _groups(found)
  yield _line("lengths", f"in {unit}:")
  yield from _lengths(found)
  yield _line("repeated", _repeats("queries", found.query_repeats))
  yield _line("", _repeats("passages", found.passage_repeats))
  yield _line(
    "beside",
    f"rows with negatives: {found.with_negatives:,} ({found.negatives:,}"
    f" negatives)  scores: {found.with_scores:,}  instruction:"
    f" {found.with_instruction:,}",
  )


def _line(label: str, text: str) -> str:
  return f"  {label:{_LABEL}}{text}".rstrip()


def _pairs(counts: Mapping[str, int] | Mapping[int, int]) -> str:
  return "  ".join(f"{name}: {count:,}" for name, count in counts.items())


def _matrix(found: Findings) -> Iterator[str]:
  """The square, in strips of languages that a screen can hold."""
  codes = list(found.languages)
  cells = [[f"{count:,}" for count in row] for row in found.shared.tolist()]
  wide = max(len(text) for row in (codes, *cells) for text in row)
  columns = (_WIDTH - _LABEL) // (wide + 2) - 1  # beside the codes
  for start in range(0, len(codes), columns):
    strip = slice(start, start + columns)
    yield _line("", _cells([""], codes[strip], wide))
    for code, row in zip(codes, cells, strict=True):
      yield _line("", _cells([code], row[strip], wide))


def _cells(head: Sequence[str], texts: Sequence[str], wide: int) -> str:
  return "  ".join(f"{text:>{wide}}" for text in (*head, *texts))


def _groups(found: Findings) -> Iterator[str]:
  count = sum(found.group_sizes.values())
  largest = max(found.group_sizes)
  yield _line(
    "groups", f"{count:,}, the largest of {largest:,} ids; by their ids:"
  )
  by_range: Counter[str] = Counter()
  for size, groups in found.group_sizes.items():
    by_range[_range(size)] += groups
  yield _line("", _pairs(by_range))
  if found.groups_across:
    yield _line("", f"{found.groups_across:,} have rows in more than one split")


def _range(size: int) -> str:
  """1, 2, 3-4, 5-8, 9-16, ... : the one that holds a size."""
  high = 1 << math.ceil(math.log2(size))
  low = high // 2 + 1
  return f"{low:,}-{high:,}" if low < high else f"{high}"


def _lengths(found: Findings) -> Iterator[str]:
  heads = [*(f"{percent}%" for percent in PERCENTS[:-1]), "longest"]
  rows = (
    ("queries", found.query_lengths),
    ("passages", found.passage_lengths),
  )
  yield _line("", _columns("", [*heads, *_cut_heads(found.query_lengths)]))
  for name, lengths in rows:
    figures = [f"{value:,}" for value in lengths.percentiles]
    if lengths.limit is not None:
      figures += [f"{lengths.limit:,}", f"{lengths.cut:.1%}"]
    yield _line("", _columns(name, figures))


def _cut_heads(lengths: Lengths) -> list[str]:
  return [] if lengths.limit is None else ["kept", "cut"]


def _columns(name: str, texts: Sequence[str]) -> str:
  return f"{name:8}" + "".join(f"{text:>9}" for text in texts)


def _repeats(name: str, repeats: Repeats) -> str:
  if not repeats.texts:
    return f"{name}: none"
  return (
    f"{name}: {repeats.texts:,} in {repeats.rows:,} rows of a language; most"
    f" often {repeats.most:,} times, first at {repeats.where}"
  )
