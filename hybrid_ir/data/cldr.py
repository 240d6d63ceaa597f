"""The world as Unicode's CLDR knows it. From Babel, to readers and world_facts.

The only importer of `babel`. Codes are CLDR's: "de" or "zh-Hant" a language,
"DE" a territory, "EUR" a currency, "Latn" a script, "Europe/Berlin" a time
zone; a weekday is 0 (Monday) to 6 (Sunday). Names are nominative, and None
where CLDR has none in that language.
"""

import dataclasses
import datetime
import functools
import re

import babel
from babel import lists, localedata
from babel.core import get_global

VERSION: str = babel.__version__

# Two-letter codes that name a group of territories or none at all.
_NO_TERRITORY = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
# Codes for "undetermined", "several languages" and "no linguistic content".
_NO_LANGUAGE = {"mul", "und", "zxx"}


@dataclasses.dataclass(frozen=True, slots=True)
class Tender:
  """A currency that is or was legal tender in a territory."""

  currency: str
  since: datetime.date
  until: datetime.date | None  # None: today


@dataclasses.dataclass(frozen=True, slots=True)
class Week:
  """How a territory's calendars count the week, in weekdays 0 to 6."""

  first_day: int
  weekend: tuple[int, ...]  # in order, one or two days


# --- Languages ---


def is_language(code: str) -> bool:
  """Whether CLDR knows `code`: a language, a script and a region at most.

  The parts stand in this order, in BCP 47's usual case, joined by "-": "en",
  "fil", "zh-Hant", "pt-BR", "sr-Latn-RS".
  """
  return _parts(code) is not None


def language_name(code: str, in_language: str) -> str:
  """The name of a language, or the code where CLDR has no name (its own rule).

  Raises:
    ValueError: `is_language` does not know `code`, or CLDR has no names at all
      in `in_language`.
  """
  parts = _parts(code)
  if parts is None or not localedata.exists(in_language.replace("-", "_")):
    raise ValueError(f"CLDR cannot name {code!r} in {in_language!r}")
  language, script, territory = parts
  locale = _locale(in_language)
  whole = locale.languages.get(code.replace("-", "_"))
  if whole is not None:
    return str(whole)
  details = [
    locale.scripts.get(script, script),
    locale.territories.get(territory, territory),
  ]
  name = str(locale.languages.get(language, language))
  said = ", ".join(detail for detail in details if detail)
  return f"{name} ({said})" if said else name


def _parts(code: str) -> tuple[str, str, str] | None:
  """Language, script and territory ("" where absent); None if unknown."""
  match = re.fullmatch(
    r"([a-z]{2,3})(?:-([A-Z][a-z]{3}))?(?:-([A-Z]{2}|\d{3}))?", code
  )
  if match is None:
    return None
  language, script, territory = match.groups(default="")
  english = _locale("en")
  known = (
    language in english.languages
    and language not in _NO_LANGUAGE
    and (not script or script in english.scripts)
    and (not territory or territory in english.territories)
  )
  return (language, script, territory) if known else None


# --- Facts about territories ---


def territories() -> tuple[str, ...]:
  """Every territory with a two-letter code, sorted."""
  codes = _locale("en").territories
  return tuple(sorted({c for c in codes if len(c) == 2} - _NO_TERRITORY))


def tenders(territory: str) -> tuple[Tender, ...]:
  """The legal tenders of a territory, oldest first."""
  rows = get_global("territory_currencies").get(territory, ())
  found = [
    Tender(currency, datetime.date(*since), until and datetime.date(*until))
    for currency, since, until, tender in rows
    if tender and since
  ]
  return tuple(sorted(found, key=lambda tender: tender.since))


def official_languages(territory: str) -> tuple[str, ...]:
  """Its official languages, most spoken first; if none by law, de facto."""
  rows = get_global("territory_languages").get(territory, {})
  for status in ("official", "de_facto_official"):
    found = [
      (-float(row["population_percent"]), language)
      for language, row in rows.items()
      if row["official_status"] == status
    ]
    if found:
      return tuple(code.replace("_", "-") for _, code in sorted(found))
  return ()


def script(language: str, territory: str) -> str | None:
  """The script that a language is most likely written in in a territory."""
  likely = get_global("likely_subtags")
  tag = likely.get(f"{language}_{territory}") or likely.get(language)
  return None if tag is None else str(tag.split("_")[1])


def likely_script(code: str) -> str | None:
  """The script in a language's code, or else its most likely one.

  Raises:
    ValueError: `is_language` does not know `code`.
  """
  parts = _parts(code)
  if parts is None:
    raise ValueError(f"CLDR does not know the language {code!r}")
  language, in_code, territory = parts
  return in_code or script(language, territory)


def zones(territory: str) -> tuple[str, ...]:
  """Its time zones in the tz database."""
  return tuple(get_global("territory_zones").get(territory, ()))


def week(territory: str) -> Week | None:
  """Its week, or None where CLDR does not say or its locales disagree."""
  found = _weeks().get(territory, set())
  return next(iter(found)) if len(found) == 1 else None


@functools.cache
def _weeks() -> dict[str, set[Week]]:
  parents = get_global("parent_exceptions")
  weeks: dict[str, set[Week]] = {}
  for identifier in localedata.locale_identifiers():
    territory = _territory(identifier)
    # A locale whose parent is another territory's shows that one's week: in
    # Babel pt_AO has Portugal's Sunday, where CLDR has Monday.
    if not territory or _territory(parents.get(identifier, "")):
      continue
    locale = babel.Locale.parse(identifier)
    first, last = locale.weekend_start, locale.weekend_end
    weekend = tuple(range(first, last + 1))
    weeks.setdefault(territory, set()).add(Week(locale.first_week_day, weekend))
  return weeks


def _territory(identifier: str) -> str:
  """The two-letter territory of a locale's identifier, or ""."""
  match = re.search(r"_([A-Z]{2})(?:_|$)", identifier)
  return match.group(1) if match else ""


# --- Names ---


def territory_name(territory: str, language: str) -> str | None:
  """Like "Schweiz" for ("CH", "de")."""
  return _known(_locale(language).territories, territory)


def currency_name(currency: str, language: str) -> str | None:
  """Like "Schweizer Franken" for ("CHF", "de")."""
  return _known(_locale(language).currencies, currency)


def script_name(code: str, language: str) -> str | None:
  """Like "Kyrillisch" for ("Cyrl", "de")."""
  return _known(_locale(language).scripts, code)


def day_name(day: int, language: str) -> str:
  """Like "Montag" for (0, "de"): as it stands alone, not in a date."""
  return str(_locale(language).days["stand-alone"]["wide"][day])


def standard_time_name(zone: str, language: str) -> str | None:
  """Like "Mitteleuropäische Normalzeit" for ("Europe/Berlin", "de")."""
  metazones = get_global("meta_zones")
  for name in _zone_names(zone):
    if name in metazones:
      entry = _locale(language).meta_zones.get(metazones[name], {})
      return _known(entry.get("long", {}), "standard")
  return None


def zone_place_name(zone: str, language: str) -> str | None:
  """Like "Kairo" for ("Africa/Cairo", "de"): the zone's exemplar city.

  In a language of Latin script the last part of the zone's own name stands
  in for a missing one (UTS #35, Time Zone Format Terminology).
  """
  entries = _locale(language).time_zones
  for name in _zone_names(zone):
    if name in entries and "city" in entries[name]:
      return str(entries[name]["city"]).replace("\u00ad", "")  # soft hyphen
  if script(language, "") != "Latn":
    return None
  return zone.rpartition("/")[2].replace("_", " ")


def join(names: list[str], language: str) -> str:
  """Names as a list in running text: "Deutsch, Französisch und Italienisch"."""
  joined = str(lists.format_list(names, locale=_locale(language)))
  if language == "es":  # "y" is "e" before the sound of i; Babel leaves it out
    return re.sub(r" y (?=[ií]|hi(?!e))", " e ", joined)
  return joined


def _zone_names(zone: str) -> list[str]:
  """A zone's name and its older ones, under which Babel may file it."""
  aliases = get_global("zone_aliases").items()
  return [zone, *(old for old, new in aliases if new == zone)]


def _known(names: dict[str, str], code: str) -> str | None:
  name = names.get(code)
  return None if name is None else str(name)


@functools.cache
def _locale(language: str) -> babel.Locale:
  return babel.Locale.parse(language, sep="-")
