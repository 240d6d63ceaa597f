"""The record: one query-passage pair in one language. Feeds the corpus.

Every reader (`own_files`, `ir_sets`, `tfds_sets`, `lareqa`, `world_facts`)
yields these, and nothing later in the flow knows which reader it was.
"""

import dataclasses
from collections.abc import Callable, Iterator


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
  """One query and its relevant passage, in one language.

  Records of one `id` are translations of each other: the cross-lingual pairs
  (X-Y) are made of them.
  """

  id: str  # names the same pair in every language
  language: str  # a code of CLDR's, see `cldr.is_language`
  query: str
  passage: str
  where: str  # file and line (or data set and index), for error messages
  negatives: tuple[str, ...] = ()  # hard negatives, of any language
  group: str = ""  # records of one group are never each other's negatives
  scores: tuple[float, ...] = ()  # a teacher's: of the passage, each negative
  instruction: str = ""  # what the query is for; such sets are a kind apart


def with_title(title: str, text: str) -> str:
  """A passage as it is encoded, where its text has a title (MIRACL's way)."""
  return f"{title}\n\n{text}" if title else text


@dataclasses.dataclass(frozen=True)
class Source:
  """A named, finite stream of records that can be read again."""

  name: str  # as in `data.train`
  fingerprint: str  # changes when any record changes
  read: Callable[[], Iterator[Record]]
