"""What a data set holds, in figures. From the survey, to its printed lines.

N rows of I parallel ids in K languages.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.components import components

PERCENTS = (50, 90, 95, 99, 100)
_BLOCK = 1 << 16  # ids looked at together


@dataclasses.dataclass(frozen=True)
class Repeats:
  """Texts that stand more than once in a language."""

  texts: int
  rows: int  # that have one of these
  most: int  # rows of the most frequent one
  where: str  # its first row


@dataclasses.dataclass(frozen=True)
class Lengths:
  """How long texts are."""

  percentiles: tuple[int, ...]  # at PERCENTS: so many are no longer
  limit: int | None  # what is kept of a text; None: not known
  cut: float  # share of the texts that are longer


@dataclasses.dataclass(frozen=True)
class Findings:
  """All figures of a data set."""

  rows: int
  ids: int
  languages: dict[str, int]  # rows of each, by code
  splits: dict[str, int]
  shared: NDArray[np.int64]  # [K, K] ids that two languages have
  ids_by_languages: dict[int, int]  # number of languages -> ids
  group_sizes: dict[int, int]  # number of ids -> groups
  groups_across: int  # with rows in more than one split
  query_repeats: Repeats
  passage_repeats: Repeats
  query_lengths: Lengths
  passage_lengths: Lengths
  with_negatives: int  # rows
  negatives: int
  with_scores: int  # rows
  with_instruction: int  # rows


def counted(names: list[str], number: NDArray[np.int64]) -> dict[str, int]:
  """How often each name's number is in [N]."""
  counts = np.bincount(number, minlength=len(names)).tolist()
  return dict(zip(names, counts, strict=True))


def histogram(sizes: NDArray[np.int64]) -> dict[int, int]:
  """Each size, ascending, and how often it comes."""
  values, counts = np.unique(sizes, return_counts=True)
  return dict(zip(values.tolist(), counts.tolist(), strict=True))


def alignment(
  id_of: NDArray[np.int64],
  language: NDArray[np.int64],
  ids: int,
  languages: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
  """Which languages have the same ids.

  Args:
    id_of: id of each row [N], 0 to I - 1.
    language: of each row [N], 0 to K - 1.
    ids: I.
    languages: K.

  Returns:
    ids that two languages share [K, K] and the languages of each id [I].
  """
  cells = np.unique(id_of * languages + language)
  shared = np.zeros((languages, languages), np.int64)
  for start in range(0, ids, _BLOCK):
    low, high = np.searchsorted(
      cells, [start * languages, (start + _BLOCK) * languages]
    )
    has = np.zeros((_BLOCK, languages))
    has.flat[cells[low:high] - start * languages] = 1
    shared += (has.T @ has).astype(np.int64)  # exact: below 2 ** 53
  return shared, np.bincount(cells // languages, minlength=ids)


def groups(
  id_of: NDArray[np.int64], passage: NDArray[np.int64], group: NDArray[np.int64]
) -> NDArray[np.int64]:
  """What is never each other's negative, as the corpus has it.

  Args:
    id_of: id of each row [N], 0 to I - 1.
    passage: hash of its passage's text [N].
    group: hash of its `group` [N]; 0: none.

  Returns:
    group of each id [I]: ids hang together that share a passage or a group.
  """
  ids = int(id_of.max()) + 1
  _, passages = np.unique(passage, return_inverse=True)
  named = np.flatnonzero(group)
  _, names = np.unique(group[named], return_inverse=True)
  first_name = ids + int(passages.max()) + 1
  left = np.concatenate([id_of, id_of[named]])
  right = np.concatenate([ids + passages, first_name + names])
  every = components(left, right, first_name + len(named))
  return every[:ids].astype(np.int64)


def count_across(group: NDArray[np.int64], split: NDArray[np.int64]) -> int:
  """Groups with rows in more than one split; both [N]."""
  splits = int(split.max()) + 1
  cells = np.unique(group * splits + split)
  _, counts = np.unique(cells // splits, return_counts=True)
  return int((counts > 1).sum())


def measure(lengths: NDArray[np.uint32], limit: int | None) -> Lengths:
  """The figures of texts' lengths [N]."""
  percentiles = np.percentile(lengths, PERCENTS, method="inverted_cdf")
  cut = 0.0 if limit is None else float((lengths > limit).mean())
  return Lengths(tuple(map(int, percentiles)), limit, cut)
