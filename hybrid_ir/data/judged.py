"""Judged collections, in columns. From `ir_judged` and `beir`, to benchmarks.

Columns, since an object a passage would take more room than most passages.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple


@dataclasses.dataclass(frozen=True, eq=False)
class Texts:
  """Queries or passages, as they were read: nothing of them is checked yet."""

  ids: Sequence[str]  # [T]
  languages: Sequence[str]  # [T] codes of CLDR's
  texts: Sequence[str]  # [T]
  where: Callable[[int], str]  # number -> file and line, for error messages

  def __len__(self) -> int:
    return len(self.ids)


class Judgement(NamedTuple):
  """How relevant a passage is to a query; above 0: relevant."""

  query: str  # id
  passage: str  # id
  grade: int
  where: str  # for error messages


@dataclasses.dataclass(frozen=True, eq=False)
class Collection:
  """Queries, all passages, and what was judged of them."""

  queries: Texts
  passages: Texts
  judgements: Sequence[Judgement]
