import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.data import cldr


@pytest.mark.parametrize(
  "code", ["en", "zh", "fil", "zh-Hant", "pt-BR", "sr-Latn-RS", "es-419"]
)
def test_known_languages(code):
  assert cldr.is_language(code)


@pytest.mark.parametrize(
  "code",
  [
    *("", "EN", "jp", "eng", "english", "zh_Hant", "zh-hant", "en-XY", "e n"),
    *("und", "mul", "zxx", "zh-Abcd", "en-", "-en", "en-US-POSIX", "en\n"),
  ],
)
def test_unknown_languages(code):
  assert not cldr.is_language(code)


@given(st.text(max_size=12))
def test_is_language_answers_for_any_text(code):
  if cldr.is_language(code):
    assert cldr.language_name(code, "en")


@pytest.mark.parametrize(
  ("code", "in_language", "name"),
  [
    ("fr", "de", "Französisch"),
    ("el", "el", "Ελληνικά"),
    ("zh-Hant", "en", "Traditional Chinese"),
    ("pt-BR", "en", "Brazilian Portuguese"),
    ("sr-Latn-RS", "de", "Serbisch (Lateinisch, Serbien)"),
    ("de-IT", "en", "German (Italy)"),
    ("hif", "el", "hif"),  # CLDR has no Greek name
  ],
)
def test_language_name(code, in_language, name):
  assert cldr.language_name(code, in_language) == name


@pytest.mark.parametrize(("code", "in_language"), [("jp", "en"), ("en", "jp")])
def test_language_name_of_no_language(code, in_language):
  with pytest.raises(ValueError, match="jp"):
    cldr.language_name(code, in_language)


def test_territories_are_territories():
  codes = cldr.territories()
  assert list(codes) == sorted(set(codes))
  assert {"DE", "US", "XK"} <= set(codes)
  assert not {"EU", "UN", "ZZ", "001"} & set(codes)


def test_tenders_of_germany():
  mark, euro = cldr.tenders("DE")
  assert mark.currency == "DEM"
  assert mark.until == datetime.date(2002, 2, 28)
  assert euro == cldr.Tender("EUR", datetime.date(1999, 1, 1), None)


def test_tenders_are_tender_only():
  # Switzerland's CHE and CHW are accounting units, Haiti has two tenders.
  assert [tender.currency for tender in cldr.tenders("CH")] == ["CHF"]
  assert {
    tender.currency for tender in cldr.tenders("HT") if tender.until is None
  } == {"HTG", "USD"}


def test_official_languages():
  assert cldr.official_languages("CH") == ("de", "fr", "it")
  assert cldr.official_languages("US") == ("en",)  # de facto, not by law
  assert "sr-Latn" in cldr.official_languages("BA")
  assert cldr.official_languages("AQ") == ()


def test_script_depends_on_the_territory():
  assert cldr.script("el", "GR") == "Grek"
  assert cldr.script("zh", "CN") == "Hans"
  assert cldr.script("zh", "TW") == "Hant"
  assert cldr.script("xx", "DE") is None


@pytest.mark.parametrize(
  ("territory", "first_day", "weekend"),
  [
    ("DE", 0, (5, 6)),
    ("JP", 6, (5, 6)),
    ("SA", 6, (4, 5)),
    ("IR", 5, (4,)),
    ("IN", 6, (6,)),
    ("AO", 0, (5, 6)),  # not Portugal's Sunday
    ("PT", 6, (5, 6)),
  ],
)
def test_week(territory, first_day, weekend):
  assert cldr.week(territory) == cldr.Week(first_day, weekend)


def test_week_unknown():
  assert cldr.week("AQ") is None


def test_zones():
  assert cldr.zones("DE") == ("Europe/Berlin", "Europe/Busingen")
  assert cldr.zones("JP") == ("Asia/Tokyo",)
  assert cldr.zones("EU") == ()


def test_names():
  assert cldr.territory_name("CH", "de") == "Schweiz"
  assert cldr.currency_name("CHF", "de") == "Schweizer Franken"
  assert cldr.script_name("Cyrl", "ru") == "кириллица"
  assert cldr.day_name(0, "es") == "lunes"
  assert cldr.day_name(6, "el") == "Κυριακή"
  assert cldr.currency_name("XCG", "hi") is None
  assert cldr.territory_name("CQ", "en") == "Sark"
  assert cldr.script_name("Abcd", "en") is None


def test_zone_names():
  name = cldr.standard_time_name("Europe/Berlin", "de")
  assert name == "Mitteleuropäische Normalzeit"
  # Babel files these two under their older names.
  assert cldr.standard_time_name("Asia/Kolkata", "en") == "India Standard Time"
  assert cldr.zone_place_name("Asia/Kolkata", "hi") == "कोलकाता"
  assert cldr.zone_place_name("Africa/Cairo", "de") == "Kairo"
  # English and German say nothing here; Greek must not fall back on Latin.
  assert cldr.zone_place_name("America/New_York", "en") == "New York"
  assert cldr.zone_place_name("No/Such_Place", "el") is None
  assert cldr.standard_time_name("Europe/Istanbul", "en") is None


@pytest.mark.parametrize(
  ("names", "language", "text"),
  [
    (["a"], "en", "a"),
    (["a", "b"], "de", "a und b"),
    (["a", "b", "c"], "en", "a, b, and c"),
    (["甲", "乙", "丙"], "zh", "甲、乙和丙"),
    (["francés", "italiano"], "es", "francés e italiano"),
    (["alemán", "francés", "inglés"], "es", "alemán, francés e inglés"),
    (["hierro", "hielo"], "es", "hierro y hielo"),
    (["urdu", "hindi"], "es", "urdu e hindi"),
  ],
)
def test_join(names, language, text):
  assert cldr.join(names, language) == text
