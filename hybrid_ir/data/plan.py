"""(seed, step) to the rows of a global batch: the hybrid batch lives here.

From corpora, to `batch`. A pure function: no iterator, no shuffle buffer, and
the same on every host. It never looks at lengths. Source of the mixture:
arXiv 2408.10536, section 3.

A step's batch is chosen in this order, each choice from a deck of its own:
  kind (mono, cross) -> data set -> language (mono), or the pair (cross)
and its ids come in epochs of those that can serve that choice.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.config import Mix
from hybrid_ir.data.corpus import Corpus
from hybrid_ir.data.deck import Deck
from hybrid_ir.data.epochs import Epochs
from hybrid_ir.data.permutation import make_key, uniform
from hybrid_ir.errors import UserError

Draw = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


@dataclasses.dataclass(frozen=True)
class PlannedBatch:
  """The pairs of one step: B ids and the two languages of each."""

  kind: str  # "mono", "cross", or "mixed" where examples are interleaved
  corpus: int  # which of the corpora
  ids: NDArray[np.int64]  # [B] parallel ids, all different
  query_language: NDArray[np.int64]  # [B] columns of the corpus' `row_of`
  passage_language: NDArray[np.int64]  # [B]


class Plan:
  """Which pairs a step trains on."""

  def __init__(
    self,
    corpora: Sequence[Corpus],
    weights: Sequence[float | None],
    mix: Mix,
    batch_size: int,
    seed: int,
  ):
    """Sorts out what can serve which kind.

    Args:
      corpora: the data sets.
      weights: of each data set; None: its number of usable pairs.
      mix: weights of the kinds, how to draw languages.
      batch_size: B, pairs of a global batch.
      seed: of everything drawn.

    Raises:
      UserError: where a weighted data set keeps nothing for a weighted kind
        and no other can serve it, or a batch cannot be filled.
    """
    self._corpora = corpora
    self._batch_size = batch_size
    self._seed = seed
    self.dropped: list[str] = []  # what cannot serve a kind, in words
    kinds = {"mono": mix.mono, "cross": mix.cross}
    kinds = {kind: weight for kind, weight in kinds.items() if weight}
    self._example_kinds = self._deck(kinds, "example kinds")
    if mix.interleave == "example":
      kinds = {"mixed": 1.0}
    self._kinds = self._deck(kinds, "kinds")
    self._drawers: dict[tuple[str, str], Callable[[int], Draw]] = {}
    self._sets: dict[str, Deck] = {}
    for kind in kinds:
      sizes = {}
      for i, corpus in enumerate(corpora):
        drawer, size = self._drawer(kind, i, corpus, mix)
        if drawer is not None:
          self._drawers[kind, str(i)] = drawer
          sizes[str(i)] = float(size) if weights[i] is None else weights[i]
      if not sizes:
        raise UserError(self._nothing_for(kind))
      self._sets[kind] = self._deck(
        {i: w for i, w in sizes.items() if w}, f"data sets of {kind}"
      )
    for i, corpus in enumerate(corpora):
      if not any(str(i) in deck.counts for deck in self._sets.values()):
        raise UserError(
          f"data set '{corpus.name}' can serve none of the weighted kinds"
          f" ({', '.join(kinds)}) with batches of {batch_size}: "
          + "; ".join(self.dropped)
        )

  def __call__(self, step: int) -> PlannedBatch:
    """The batch of a step, 0 for the first."""
    kind, ordinal = self._kinds.draw(step)
    corpus, ordinal = self._sets[kind].draw(ordinal)
    ids, query_language, passage_language = self._drawers[kind, corpus](ordinal)
    return PlannedBatch(
      kind, int(corpus), ids, query_language, passage_language
    )

  def describe(self) -> list[str]:
    """The mixture that will be realised, a line a kind."""
    kinds = self._kinds.counts
    total = sum(kinds.values())
    lines = []
    for kind, count in kinds.items():
      sets = self._sets[kind].counts
      cards = sum(sets.values())
      shares = ", ".join(
        f"{self._corpora[int(i)].name} {n / cards:.1%}" for i, n in sets.items()
      )
      lines.append(f"{kind} {count / total:.1%} of the batches: {shares}")
    return lines

  def _drawer(
    self, kind: str, index: int, corpus: Corpus, mix: Mix
  ) -> tuple[Callable[[int], Draw] | None, int]:
    """How a data set serves a kind, and with how many pairs."""
    if kind == "mono":
      return self._mono(index, corpus, mix)
    if kind == "cross" and mix.cross_pairs == "batch":
      return self._cross_by_batch(index, corpus, mix)
    return self._by_example(kind, index, corpus, mix)

  def _mono(
    self, index: int, corpus: Corpus, mix: Mix
  ) -> tuple[Callable[[int], Draw] | None, int]:
    """Every batch has one language."""
    has = corpus.row_of[:] >= 0  # [I, K]
    counts = has.sum(axis=0)
    epochs: dict[str, Epochs] = {}
    for column, count in enumerate(counts):
      if count < self._batch_size:
        self._drop("mono", corpus, corpus.languages[column], int(count))
        continue
      epochs[str(column)] = self._epochs(
        np.flatnonzero(has[:, column]), "mono", index, corpus.languages[column]
      )
    if not epochs:
      return None, 0
    weights = _language_weights(counts, mix)
    languages = self._deck(
      {c: float(weights[int(c)]) for c in epochs}, f"languages of {index}"
    )

    def draw(ordinal: int) -> Draw:
      column, nth = languages.draw(ordinal)
      ids = epochs[column].batch(nth)
      language = np.full(len(ids), int(column))
      return ids, language, language

    return draw, int(sum(counts[int(c)] for c in epochs))

  def _cross_by_batch(
    self, index: int, corpus: Corpus, mix: Mix
  ) -> tuple[Callable[[int], Draw] | None, int]:
    """Every batch has one ordered pair of different languages."""
    has = corpus.row_of[:] >= 0
    weights = _language_weights(has.sum(axis=0), mix)
    epochs: dict[str, Epochs] = {}
    shares: dict[str, float] = {}
    pairs = 0
    for x, query_language in enumerate(corpus.languages):
      for y, passage_language in enumerate(corpus.languages):
        both = np.flatnonzero(has[:, x] & has[:, y])
        name = f"{query_language}-{passage_language}"
        if x == y:
          continue
        if len(both) < self._batch_size:
          self._drop("cross", corpus, name, len(both))
          continue
        epochs[f"{x} {y}"] = self._epochs(both, "cross", index, name)
        shares[f"{x} {y}"] = float(weights[x] * weights[y])
        pairs += len(both)
    if not epochs:
      return None, 0
    deck = self._deck(shares, f"language pairs of {index}")

    def draw(ordinal: int) -> Draw:
      pair, nth = deck.draw(ordinal)
      ids = epochs[pair].batch(nth)
      x, y = map(int, pair.split())
      return ids, np.full(len(ids), x), np.full(len(ids), y)

    return draw, pairs

  def _by_example(
    self, kind: str, index: int, corpus: Corpus, mix: Mix
  ) -> tuple[Callable[[int], Draw] | None, int]:
    """Languages are drawn for each example; with "mixed", its kind too."""
    has = corpus.row_of[:] >= 0
    cross = kind == "cross" or mix.cross > 0
    members = np.flatnonzero(has.sum(axis=1) >= (2 if cross else 1))
    if len(members) < len(has):
      self._drop(kind, corpus, "ids of one language", len(has) - len(members))
    if len(members) < self._batch_size:
      self._drop(kind, corpus, "the rest", len(members))
      return None, 0
    epochs = self._epochs(members, kind, index)
    weights = _language_weights(has.sum(axis=0), mix)
    query_key = self._key("query language", kind, index)
    passage_key = self._key("passage language", kind, index)

    def draw(ordinal: int) -> Draw:
      ids = epochs.batch(ordinal)
      counters = ordinal * len(ids) + np.arange(len(ids))
      odds = has[ids] * weights  # [B, K]
      x = _choose(odds, uniform(query_key, counters))
      odds[np.arange(len(ids)), x] = 0
      y = x
      if cross:
        y = _choose(odds, uniform(passage_key, counters))
      if kind == "mixed":
        kinds = self._example_kinds.draw_range(counters[0], counters[-1] + 1)
        y = np.where(kinds == "mono", x, y)
      return ids, x, y

    return draw, int(has[members].sum())

  def _epochs(self, ids: NDArray[np.int64], *names: int | str) -> Epochs:
    return Epochs(ids, self._batch_size, self._key("epochs", *names))

  def _deck(self, weights: dict[str, float], name: str) -> Deck:
    try:
      return Deck(weights, self._key("deck", name))
    except ValueError as error:
      raise UserError(
        f"the weights of {name} are too far apart: {error}; raise the weight"
      ) from None

  def _key(self, *names: int | str) -> int:
    return make_key(self._seed, *names)

  def _drop(self, kind: str, corpus: Corpus, what: str, count: int) -> None:
    self.dropped.append(
      f"{kind}: {corpus.name} {what} ({count} pairs; a batch takes"
      f" {self._batch_size})"
    )

  def _nothing_for(self, kind: str) -> str:
    names = ", ".join(corpus.name for corpus in self._corpora)
    most = max(len(corpus.ids) for corpus in self._corpora)
    if most < self._batch_size:
      return (
        f"config key 'train.batch_size' is {self._batch_size}, more than the"
        f" {most} ids that {names} has; a batch holds an id once"
      )
    return (
      f"no data set of 'data.train' ({names}) can serve {kind} batches of"
      f" {self._batch_size}: " + "; ".join(self.dropped)
    )


def _language_weights(
  counts: NDArray[np.int64], mix: Mix
) -> NDArray[np.float64]:
  """The weight of each language [K] from its number of pairs [K]."""
  exponent = {
    "uniform": 0.0,
    "proportional": 1.0,
    "temperature": mix.exponent,
  }[mix.languages]
  return np.asarray(counts, np.float64) ** exponent * (counts > 0)


def _choose(
  odds: NDArray[np.float64], draws: NDArray[np.float64]
) -> NDArray[np.int64]:
  """A column for each row of `odds` [B, K] by a number in [0, 1) [B]."""
  edges = np.cumsum(odds, axis=1)
  chosen = (draws[:, None] * edges[:, -1:] >= edges).sum(axis=1)
  # A product rounded up to the last edge would fall off it, onto a language
  # without odds: the last one with odds is meant.
  last = odds.shape[1] - 1 - (odds[:, ::-1] > 0).argmax(axis=1)
  return np.minimum(chosen, last).astype(np.int64)
