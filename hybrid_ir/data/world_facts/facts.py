"""Facts about the world's territories. From `cldr`, to `generate`.

A fact is a territory, a relation and its values as CLDR's codes. To add a
relation: a line in `RELATIONS` and its frames in every language.
"""

import dataclasses
from collections.abc import Callable

from hybrid_ir.data import cldr

# Babel names these by an adjective whose noun ("Han") it leaves out.
_NAMELESS_SCRIPTS = {"Hans", "Hant"}


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
  """What one relation says about one territory, in no language yet."""

  territory: str
  relation: str
  values: tuple[str, ...]  # CLDR's codes, at least one

  @property
  def key(self) -> str:
    """Like "DE/currency"; no other fact has it."""
    return f"{self.territory}/{self.relation}"

  def names(self, language: str) -> tuple[str | None, ...]:
    """The values' names; None for one that the language lacks."""
    name = RELATIONS[self.relation].name
    return tuple(name(value, language) for value in self.values)


@dataclasses.dataclass(frozen=True)
class Relation:
  """Where a relation's values come from, and what they are called."""

  values: Callable[[str], tuple[str, ...]]  # () where missing or ambiguous
  name: Callable[[str, str], str | None]  # (value, language) -> its name


def facts(languages: tuple[str, ...]) -> list[Fact]:
  """Every fact that can be told in all the languages, by territory."""
  found = [
    Fact(territory, name, relation.values(territory))
    for territory in cldr.territories()
    for name, relation in RELATIONS.items()
  ]
  return [
    fact
    for fact in found
    if fact.values and all(_can_be_told(fact, code) for code in languages)
  ]


def _can_be_told(fact: Fact, language: str) -> bool:
  """Whether all names are there and none of them is in the question."""
  names = {cldr.territory_name(fact.territory, language), *fact.names(language)}
  return None not in names and not _is_given_away(fact, language)


def _is_given_away(fact: Fact, language: str) -> bool:
  """A lira before the lira, or Singapore as the place of Singapore's zone."""
  if fact.relation == "former_currency":
    present = _currency(fact.territory)
    asked = {cldr.currency_name(code, language) for code in present}
  elif fact.relation in ("time_zone", "time_zone_place"):
    asked = {cldr.territory_name(fact.territory, language)}
  else:
    return False
  return not asked.isdisjoint(fact.names(language))


# --- Values, a function a relation ---


def _currency(territory: str) -> tuple[str, ...]:
  present = [
    tender.currency
    for tender in cldr.tenders(territory)
    if tender.until is None
  ]
  return tuple(present) if len(present) == 1 else ()


def _former_currency(territory: str) -> tuple[str, ...]:
  """The one currency that the present one followed."""
  tenders = cldr.tenders(territory)
  present = [tender for tender in tenders if tender.until is None]
  ends = [tender.until for tender in tenders if tender.until is not None]
  if len(present) != 1 or not ends:
    return ()
  last = [
    tender.currency
    for tender in tenders
    if tender.until is not None
    and tender.until.year == max(ends).year
    and tender.since <= present[0].since
  ]
  return tuple(last) if len(last) == 1 else ()


def _official_language(territory: str) -> tuple[str, ...]:
  codes = cldr.official_languages(territory)
  written_twice = any("-" in code for code in codes)  # "sr" and "sr-Latn"
  return () if written_twice else codes


def _script(territory: str) -> tuple[str, ...]:
  codes = _official_language(territory)
  scripts = {cldr.script(code, territory): None for code in codes}  # in order
  known = tuple(script for script in scripts if script is not None)
  if len(known) < len(scripts) or not _NAMELESS_SCRIPTS.isdisjoint(known):
    return ()
  return known


def _only_zone(territory: str) -> tuple[str, ...]:
  zones = cldr.zones(territory)
  return zones if len(zones) == 1 else ()


def _first_day(territory: str) -> tuple[str, ...]:
  week = cldr.week(territory)
  return (str(week.first_day),) if week else ()


def _weekend(territory: str) -> tuple[str, ...]:
  week = cldr.week(territory)
  return tuple(str(day) for day in week.weekend) if week else ()


# --- Names, where `cldr` has no function of this form ---


def _language_name(code: str, language: str) -> str | None:
  if not cldr.is_language(code):
    return None
  name = cldr.language_name(code, language)
  return None if name == code else name


def _day_name(day: str, language: str) -> str:
  return cldr.day_name(int(day), language)


RELATIONS = {
  "currency": Relation(_currency, cldr.currency_name),
  "former_currency": Relation(_former_currency, cldr.currency_name),
  "official_language": Relation(_official_language, _language_name),
  "script": Relation(_script, cldr.script_name),
  "time_zone": Relation(_only_zone, cldr.standard_time_name),
  "time_zone_place": Relation(_only_zone, cldr.zone_place_name),
  "first_day": Relation(_first_day, _day_name),
  "weekend": Relation(_weekend, _day_name),
}
