"""Languages that arms trained on, and those that none did. To `scaling`."""

from collections.abc import Callable, Iterable, Sequence

from hybrid_ir.data import families, scripts
from hybrid_ir.data.families import Similarity
from hybrid_ir.data.sources import parse_weights
from hybrid_ir.data.trained_on import languages_of
from hybrid_ir.studies.outcome import Arm

ZERO_SHOT = "not trained on"
UNPLACED = "not known"  # families.tsv lacks a language
SOURCES = (
  "Scripts are CLDR's likely ones of a language, families Glottolog's, branches"
  " those of hybrid_ir/data/families.tsv."
)
TIES = {
  Similarity.SAME_LANGUAGE: "trained on",
  Similarity.SAME_BRANCH: "branch trained on",
  Similarity.SAME_FAMILY: "family trained on",
  Similarity.SAME_SCRIPT: "script trained on",
  Similarity.NONE: "none of these",
}

# (arm, query language) -> the name of its group; "": in none.
Grouping = Callable[[Arm, str], str]


def languages_seen(arm: Arm) -> frozenset[str] | None:
  """What it and the runs that it starts from trained on; None: not known.

  What the encoder itself was pretrained on does not count.
  """
  found: set[str] = set()
  for cell in arm.cells[0].line():
    config = cell.config
    if config.train.warm_start and not cell.starts_from:
      return None  # of a run that is none of the study's
    if cell.is_trained:
      for name in parse_weights(config.data.train)[0]:
        languages = languages_of(config.data, name)
        if not languages:
          return None
        found.update(languages)
  return frozenset(found)


def zero_shot(arm: Arm, language: str) -> str:
  """ZERO_SHOT, or "": trained on, or nobody knows."""
  seen = languages_seen(arm)
  if seen is None or _plain(language) in map(_plain, seen):
    return ""
  return ZERO_SHOT


def script(arm: Arm, language: str) -> str:
  """The script of a language that it did not train on."""
  if not zero_shot(arm, language):
    return ""
  return scripts.script_of_language(language)


def tie(arm: Arm, language: str) -> str:
  """The closest tie of a language to those trained on."""
  seen = languages_seen(arm)
  if seen is None:
    return ""
  if _plain(language) in map(_plain, seen):
    return TIES[Similarity.SAME_LANGUAGE]
  if not all(map(families.is_placed, (language, *seen))):
    return UNPLACED
  return TIES[families.similarity(language, seen)]


def fixed(
  arms: Sequence[Arm], languages: Iterable[str], grouping: Grouping
) -> dict[str, tuple[str, ...]]:
  """Group -> the languages that are in it in every arm, sorted.

  A mean over these is one of the same queries in all arms; a language that is
  in one group here and in another there is in none.
  """
  found: dict[str, list[str]] = {}
  for language in sorted(languages):
    names = {grouping(arm, language) for arm in arms}
    if len(names) == 1 and "" not in names:
      found.setdefault(names.pop(), []).append(language)
  return {name: tuple(found[name]) for name in sorted(found, key=_order)}


def _order(name: str) -> tuple[int, str]:
  """Ties from the closest on, other names by letter."""
  ties = [*TIES.values()]
  return (ties.index(name) if name in ties else len(ties), name)


def _plain(code: str) -> str:
  """Without script and territory."""
  return code.partition("-")[0]
