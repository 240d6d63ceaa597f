"""(seed, step) to the rows of a global batch: the hybrid batch lives here.

From corpora, to `batch`. A pure function: no iterator, no shuffle buffer, and
the same on every host. It never looks at lengths. Source of the mixture:
arXiv 2408.10536, section 3.

A step's batch is chosen in this order, each choice from a deck of its own:
  kind -> data set -> language (mono, instruct), or the pair (cross)
and its ids come in epochs of those that can serve that choice.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.config import Mix
from hybrid_ir.data.corpus import Corpus
from hybrid_ir.data.deck import Deck
from hybrid_ir.data.epochs import Epochs
from hybrid_ir.data.odds import LanguageOdds
from hybrid_ir.data.permutation import make_key, permute, uniform
from hybrid_ir.data.presence import Ids, Presence, look_up
from hybrid_ir.errors import UserError

Draw = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


@dataclasses.dataclass(frozen=True)
class PlannedBatch:
  """The pairs of one step: B ids and the two languages of each."""

  kind: str  # mono, cross, instruct; mixed where examples are interleaved
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
    limit: int = 0,
  ):
    """Sorts out what can serve which kind.

    Args:
      corpora: the data sets, no two of one name.
      weights: of each data set; None: its number of records that the kind can
        draw, in whatever pairs of languages.
      mix: weights of the kinds, how to draw languages.
      batch_size: B, pairs of a global batch.
      seed: of everything drawn.
      limit: ids of each data set to draw from, 0 for all; of one seed, those
        of a lower limit are among those of a higher.

    Raises:
      UserError: where a weighted data set keeps nothing for a weighted kind
        and no other can serve it, or a batch cannot be filled.
    """
    self._names = [corpus.name for corpus in corpora]
    self._corpora = corpora
    self._batch_size = batch_size
    self._seed = seed
    self.dropped: list[str] = []  # what cannot serve a kind, in words
    kinds = {"mono": mix.mono, "cross": mix.cross}
    kinds = {kind: weight for kind, weight in kinds.items() if weight}
    if kinds:
      self._example_kinds = self._deck(kinds, "example kinds")
    if mix.interleave == "example" and kinds:
      kinds = {"mixed": sum(kinds.values())}
    if mix.instruct:
      kinds["instruct"] = mix.instruct
    self._kinds = self._deck(kinds, "kinds")
    self._drawers: dict[tuple[str, str], Callable[[int], Draw]] = {}
    self._sets: dict[str, Deck] = {}
    presences = [
      look_up(corpus.row_of, self._keep(i, limit))
      for i, corpus in enumerate(corpora)
    ]
    for kind in kinds:
      sizes = {}
      for i, corpus in enumerate(corpora):
        if corpus.instructed != (kind == "instruct"):
          continue
        drawer, size = self._drawer(kind, i, presences[i], mix)
        if drawer is not None:
          self._drawers[kind, corpus.name] = drawer
          weight = weights[i]
          sizes[corpus.name] = float(size) if weight is None else weight
      if not sizes:
        raise UserError(self._nothing_for(kind))
      self._sets[kind] = self._deck(sizes, f"data sets of {kind}")
    for corpus in corpora:
      if not any(corpus.name in deck.counts for deck in self._sets.values()):
        if corpus.instructed and "instruct" not in kinds:
          raise UserError(
            f"the queries of data set '{corpus.name}' carry instructions, but"
            " config key 'mix.instruct' is 0; give such batches a weight"
          )
        raise UserError(
          f"data set '{corpus.name}' can serve none of the weighted kinds"
          f" ({', '.join(kinds)}) with batches of {batch_size}: "
          + "; ".join(self.dropped)
        )

  def __call__(self, step: int) -> PlannedBatch:
    """The batch of a step, 0 for the first."""
    kind, ordinal = self._kinds.draw(step)
    name, ordinal = self._sets[kind].draw(ordinal)
    draw = self._drawers[kind, name]
    return PlannedBatch(kind, self._names.index(name), *draw(ordinal))

  def kind(self, step: int) -> str:
    """The kind of a step's batch, for less work than the batch."""
    return self._kinds.draw(step)[0]

  def describe(self) -> list[str]:
    """The mixture that will be realised, a line a kind."""
    kinds = self._kinds.counts
    total = sum(kinds.values())
    lines = []
    for kind, count in kinds.items():
      sets = self._sets[kind].counts
      cards = sum(sets.values())
      shares = ", ".join(f"{name} {n / cards:.1%}" for name, n in sets.items())
      lines.append(f"{kind} {count / total:.1%} of the batches: {shares}")
    return lines

  def _drawer(
    self, kind: str, index: int, presence: Presence, mix: Mix
  ) -> tuple[Callable[[int], Draw] | None, int]:
    """How a data set serves a kind, and with how many records."""
    one_language = kind in ("mono", "instruct")
    if one_language or (kind == "cross" and mix.cross_pairs == "batch"):
      return self._by_batch(kind, index, presence, mix)
    return self._by_example(kind, index, presence, mix)

  def _by_batch(
    self, kind: str, index: int, presence: Presence, mix: Mix
  ) -> tuple[Callable[[int], Draw] | None, int]:
    """A batch has one language, or (cross) one ordered pair of two."""
    corpus = self._corpora[index]
    columns: dict[str, tuple[int, int]] = {}
    shares: dict[str, float] = {}
    members: dict[str, Ids] = {}
    epochs: dict[str, Epochs] = {}
    K = len(corpus.languages)
    together = np.zeros((K, K), bool)  # pairs of languages that are drawn
    for x, y in itertools.product(range(K), repeat=2):
      if (x == y) == (kind == "cross"):
        continue
      codes = corpus.languages[x], corpus.languages[y]
      name = codes[0] if x == y else "-".join(codes)
      ids = presence.in_all(x, y)
      if len(ids) < self._batch_size:
        self._drop(kind, corpus, f"{name}, {len(ids)} pairs under a batch")
        continue
      columns[name] = x, y
      shares[name] = float(len(ids)) ** _exponent(mix)
      members[name] = ids
      epochs[name] = self._epochs(ids, kind, index, name)
      together[x, y] = True
    if not columns:
      return None, 0
    choices = "language pairs" if kind == "cross" else "languages"
    deck = self._deck(shares, choices, index)

    def draw(ordinal: int) -> Draw:
      name, nth = deck.draw(ordinal)
      ids = members[name][epochs[name].batch(nth)]
      x, y = columns[name]
      return ids, np.full(len(ids), x), np.full(len(ids), y)

    patterns = presence.patterns
    usable = patterns & (patterns @ together)
    return draw, int(presence.counts @ usable.sum(axis=1))

  def _by_example(
    self, kind: str, index: int, presence: Presence, mix: Mix
  ) -> tuple[Callable[[int], Draw] | None, int]:
    """Languages are drawn for each example; with "mixed", its kind too."""
    corpus = self._corpora[index]
    drawn = [*self._example_kinds.counts] if kind == "mixed" else [kind]
    # Ids are dealt before kinds, so each must be able to serve them all.
    least = 2 if "cross" in drawn else 1
    members = presence.in_some(least)
    if alone := presence.ids - len(members):
      self._drop(kind, corpus, f"{alone} ids of one language")
    if len(members) < self._batch_size:
      self._drop(kind, corpus, f"{len(members)} ids under a batch")
      return None, 0
    epochs = self._epochs(members, kind, index)
    key = self._key("languages", kind, index)
    serve = presence.patterns.sum(axis=1) >= least
    patterns, counts = presence.patterns[serve], presence.counts[serve]
    # Of what is drawn alone: ids of one language have no odds of two.
    odds = {
      k: LanguageOdds(patterns, counts, _exponent(mix), different=k == "cross")
      for k in drawn
    }

    def draw(ordinal: int) -> Draw:
      ids = members[epochs.batch(ordinal)]
      has = corpus.row_of[ids] >= 0  # [B, K]
      counters = ordinal * len(ids) + np.arange(len(ids))
      draws = uniform(key, counters)
      x, y = odds[drawn[-1]].draw(has, draws)  # of mono and cross: cross
      if len(drawn) > 1:
        kinds = self._example_kinds.draw_range(counters[0], counters[-1] + 1)
        one, _ = odds["mono"].draw(has, draws)
        x, y = (np.where(kinds == "mono", one, z) for z in (x, y))
      return ids, x, y

    return draw, int(counts @ patterns.sum(axis=1))

  def _keep(self, index: int, limit: int) -> NDArray[np.bool_] | None:
    """Which ids of a data set are drawn from: [I], None for all."""
    count = len(self._corpora[index].ids)
    if not 0 < limit < count:
      return None
    places = permute(self._key("limit", index), np.arange(count), count)
    return places < limit

  def _epochs(self, ids: Ids, *names: int | str) -> Epochs:
    return Epochs(len(ids), self._batch_size, self._key("epochs", *names))

  def _deck(
    self, weights: dict[str, float], name: str, index: int | None = None
  ) -> Deck:
    """A deck of the whole plan, or of the data set at `index`."""
    of = "" if index is None else f" of {index}"
    try:
      return Deck(weights, self._key("deck", name + of))
    except ValueError as error:
      where, mend = "", "raise its weight ('mix' and 'data.train' set them)"
      if index is not None:
        where = f" of {self._names[index]}"
        mend = (
          "draw languages more alike ('mix.languages', 'mix.exponent') or leave"
          " some out ('data.languages')"
        )
      raise UserError(
        f"the weights of {name}{where} are too far apart: {error}; {mend}"
      ) from None

  def _key(self, *names: int | str) -> int:
    return make_key(self._seed, *names)

  def _drop(self, kind: str, corpus: Corpus, what: str) -> None:
    self.dropped.append(f"{kind}: {corpus.name}: {what}")

  def _nothing_for(self, kind: str) -> str:
    names = ", ".join(corpus.name for corpus in self._corpora)
    instruct = kind == "instruct"
    if all(corpus.instructed != instruct for corpus in self._corpora):
      mend = "set mix.instruct=0"
      if not instruct:
        mend = "for these alone set mix.instruct=1, mix.mono=0 and mix.cross=0"
      return (
        f"the config weighs {kind} batches ('mix.*'), but the"
        f" queries of {'no' if instruct else 'every'} data set of"
        f" 'data.train' ({names}) carry instructions; {mend}"
      )
    most = max(len(corpus.ids) for corpus in self._corpora)
    if most < self._batch_size:
      return (
        f"config key 'train.batch_size' is {self._batch_size}, more than the"
        f" {most} ids that {names} has; a batch holds an id once"
      )
    kinds = [*self._example_kinds.counts] if kind == "mixed" else [kind]
    mend = f"set mix.{kinds[-1]}=0"  # of mono and cross: cross
    if "cross" in kinds:
      mend += ", or give translations of one another one id"
    return (
      f"no data set of 'data.train' ({names}) can serve {kind} batches of"
      f" {self._batch_size}: {'; '.join(self.dropped)}; {mend}"
    )


def _exponent(mix: Mix) -> float:
  """How a language's share depends on its number of pairs."""
  named = {"uniform": 0.0, "proportional": 1.0, "temperature": mix.exponent}
  return named[mix.languages]
