"""Facts in every language's words. From `facts` and `frames/`, to records.

Every choice (split, wording) is a stable hash of names, so that a new fact, a
new language or a new wording leaves the others where they are.
"""

import functools
import hashlib
import re
import tomllib
from collections.abc import Iterator
from importlib import resources

from hybrid_ir.data import cldr
from hybrid_ir.data.records import Record
from hybrid_ir.data.world_facts.facts import Fact, facts

SPLITS = ("train", "dev", "test")

# A territory with fewer facts is for training only.
_MIN_FACTS_TO_SPLIT = 3

# Relation -> role ("query" or "passage") -> wordings.
Frames = dict[str, dict[str, list[str]]]


@functools.cache
def frames() -> dict[str, Frames]:
  """The hand-written wordings of every language, by its code, sorted."""
  files = resources.files(__package__).joinpath("frames").iterdir()
  texts = {
    file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
    for file in files
    if file.name.endswith(".toml")
  }
  return {code: tomllib.loads(texts[code]) for code in sorted(texts)}


def generate(split: str) -> Iterator[Record]:
  """The records of a split: fact by fact, each in every language."""
  for fact in split_facts()[split]:
    for language in frames():
      yield _record(fact, language)


@functools.cache
def split_facts() -> dict[str, list[Fact]]:
  """Each split's facts: about 70 % train, 10 % dev, 20 % test.

  A territory of dev or test keeps at least one other fact in train.
  """
  by_territory: dict[str, list[Fact]] = {}
  for fact in facts(tuple(frames())):
    by_territory.setdefault(fact.territory, []).append(fact)
  splits: dict[str, list[Fact]] = {split: [] for split in SPLITS}
  for known in by_territory.values():
    tenths = {fact: _hash(fact.key, "split") % 10 for fact in known}
    kept = min(known, key=tenths.__getitem__)
    for fact in known:
      if fact == kept or len(known) < _MIN_FACTS_TO_SPLIT or tenths[fact] < 7:
        splits["train"].append(fact)
      else:
        splits["dev" if tenths[fact] == 7 else "test"].append(fact)
  return splits


def _record(fact: Fact, language: str) -> Record:
  return Record(
    id=f"world_facts/{fact.key}",
    language=language,
    query=_text(fact, language, "query"),
    passage=_text(fact, language, "passage"),
    where=f"world_facts:{fact.key}",
  )


def _text(fact: Fact, language: str, role: str) -> str:
  """One of the role's wordings, filled in."""
  wordings = frames()[language][fact.relation][role]
  wording = wordings[_hash(fact.key, language, role) % len(wordings)]
  names = [name for name in fact.names(language) if name is not None]
  # "[script|scripts]" is the first form for one value, the second for more.
  form = r"\1" if len(names) == 1 else r"\2"
  text = re.sub(r"\[([^|\]]*)\|([^\]]*)\]", form, wording).format(
    territory=cldr.territory_name(fact.territory, language),
    region=fact.territory,
    value=cldr.join(names, language),
  )
  return text[0].upper() + text[1:]  # some names begin in lower case


def _hash(*names: str) -> int:
  """The same on every machine and in every run, unlike `hash`."""
  data = "/".join(names).encode()
  return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())
