"""A part of an index, searched by ScaNN. From `index`, to task=search.

Where a corpus does not fit one host's ScaNN, each process has one of its own
shards; `index.read` merges what they find. What was built is kept beside the
index (`ann_store`) and opened the next time.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hybrid_ir.retrieval import ann, ann_parameters, ann_sample, ann_store
from hybrid_ir.retrieval.ann import Tool
from hybrid_ir.retrieval.ann_store import Source
from hybrid_ir.retrieval.ann_tuning import Tuned
from hybrid_ir.retrieval.blocks import Places, no_places
from hybrid_ir.retrieval.index import Index

FOLDER = "ann"  # of an index


@dataclasses.dataclass(frozen=True)
class Goal:
  """What ScaNN is tuned to; see `ann.build`."""

  target: float = ann.RECALL
  sample: int = ann.SAMPLE
  seed: int = 0


DEFAULT_GOAL = Goal()


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
  """A part's passages, C of them."""

  index: Index
  shards: NDArray[np.int32]  # [C]
  rows: NDArray[np.int32]  # [C] of their shards

  @property
  def width(self) -> int:
    return int(self.index.shards[0].embeddings.shape[1])

  def embeddings(self, doing: str) -> Iterator[NDArray[np.float32]]:
    """Each shard's, in order, as float32."""
    here = np.unique(self.shards).tolist()
    for number in tqdm(here, doing, unit=" shards", leave=False, disable=None):
      rows = self.rows[self.shards == number]
      shard = self.index.shards[number]
      yield np.asarray(shard.embeddings[rows], np.float32)

  def fingerprint(self) -> str:
    """Of the embeddings' bytes: of whichever shards, read to the end."""
    digest = hashlib.blake2b(digest_size=16)
    for embeddings in self.embeddings("looking at the embeddings"):
      digest.update(embeddings.data)
    return digest.hexdigest()

  def passages(self) -> NDArray[np.float32]:
    """[C, E]."""
    found = np.empty((len(self.rows), self.width), np.float32)
    start = 0
    for embeddings in self.embeddings("reading embeddings"):
      found[start : start + len(embeddings)] = embeddings
      start += len(embeddings)
    return found


def build(
  index: Index,
  k: int,
  languages: Sequence[str] = (),
  part: int = 0,
  parts: int = 1,
  *,
  goal: Goal = DEFAULT_GOAL,
  folder: pathlib.Path | None = None,
  note: Callable[[str], None] = lambda line: None,
) -> Callable[[NDArray[np.float32]], Places]:
  """Gives a search of a part's passages, which are held in memory as float32.

  Args:
    index: to search.
    k: how many a query.
    languages: only passages in these; empty: all.
    part: of `parts`; it has the shards number % parts == part.
    parts: that the index is shared out in.
    goal: what it is tuned to, on a sample of the passages.
    folder: where what is built is kept, and found again; None: nowhere.
    note: told what is done, a line each.

  Returns:
    [Q, E] queries -> [Q, K] places, as `index.best` gives them, but not
    exactly the best.

  Raises:
    UserError: a language that the index does not have; embeddings that are not
      finite, or of length 0; a folder that holds another index.
    AnnUnavailableError: where ScaNN is not installed.
  """
  k = min(k, len(index))
  here = _part(index, languages, part, parts)
  if not len(here.rows):
    return lambda queries: no_places(len(queries), k)
  parameters = ann_parameters.choose(len(here.rows))
  if parameters.brute_force or folder is None:
    tool = ann.build(
      here.passages(),
      k,
      target=goal.target,
      sample=goal.sample,
      seed=goal.seed,
    )
  else:
    source = Source(
      fingerprint=here.fingerprint(),
      passages=len(here.rows),
      width=here.width,
      part=part,
      parts=parts,
      languages=tuple(sorted(languages)),
    )
    only = f"only-{'-'.join(source.languages)}" if languages else "all"
    tool = _kept(here, source, folder / only / f"{part:05d}", k, goal, note)
  note(tool.line())

  def find(queries: NDArray[np.float32]) -> Places:
    if not len(queries):
      return no_places(0, k)
    places, scores = tool(queries)
    return Places(
      np.where(places >= 0, here.shards[places], 0),
      np.where(places >= 0, here.rows[places], 0),
      scores,
    )

  return find


def _kept(
  here: _Part,
  source: Source,
  folder: pathlib.Path,
  k: int,
  goal: Goal,
  note: Callable[[str], None],
) -> Tool:
  """Opens what stands in the folder, or builds it and keeps it there."""
  opened = ann_store.open_index(folder, source)
  if opened is None:
    note(f"{folder}: not there; ScaNN builds it, once")
    passages = here.passages()
    tool = ann.build(
      passages, k, target=goal.target, sample=goal.sample, seed=goal.seed
    )
    ann_store.save(folder, source, tool)
    note(f"{folder}: kept, and opened the next time")
    return tool
  searcher, build_s = opened
  tuned = ann_store.read_tuned(folder, k)
  if tuned is None or not _same_goal(tuned, goal):
    note(f"{folder}: opened; tuned anew, for the {k} best")
    sample = ann_sample.of_passages(here.passages(), k, goal.sample, goal.seed)
    tuned = searcher.tune(sample, goal.target)
    ann_store.write_tuned(folder, tuned)
  else:
    note(f"{folder}: opened")
  return Tool(searcher, build_s, k, tuned)


def _same_goal(tuned: Tuned, goal: Goal) -> bool:
  return (tuned.target, tuned.asked, tuned.seed) == (
    goal.target,
    goal.sample,
    goal.seed,
  )


def _part(
  index: Index, languages: Sequence[str], part: int, parts: int
) -> _Part:
  """A part's passages in some languages.

  Raises:
    UserError: a language that the index does not have.
  """
  codes = index.codes(languages)
  numbers = range(part, len(index.shards), parts)
  rows = [
    np.flatnonzero(np.isin(index.shards[number].languages, codes))
    for number in numbers
  ]
  nothing = np.zeros(0, np.int32)
  return _Part(
    index,
    np.repeat(np.array(numbers, np.int32), [len(r) for r in rows]),
    np.concatenate([nothing, *rows]).astype(np.int32),
  )
