"""Scores by language, by script and by family: means computed by hand."""

import numpy as np
import pytest

from hybrid_ir.evaluation.report import groups

CODES = ("ar", "de", "en", "xx")
MATRIX = np.array(
  [
    [0.9, 0.1, 0.2, 0.3],
    [0.4, 0.8, 0.6, np.nan],
    [0.3, 0.5, 0.7, 0.2],
    [0.1, np.nan, 0.1, np.nan],
  ]
)
POOLED = np.array([0.5, 0.25, 0.75, np.nan])


def test_groups_are_named_and_a_code_of_ones_own_is_not_known():
  assert groups.by_script(CODES) == {
    "Latn": ("de", "en"),
    "Arab": ("ar",),
    "not known": ("xx",),
  }
  assert groups.by_family(CODES) == {
    "Indo-European": ("de", "en"),
    "Afro-Asiatic": ("ar",),
    "not known": ("xx",),
  }


def test_means_over_a_groups_cells():
  found = groups.means(groups.by_script(CODES), CODES, MATRIX, POOLED)
  assert dict(zip(groups.FIELDS, found["Latn"], strict=True)) == pytest.approx(
    {
      "mono": (0.8 + 0.7) / 2,
      "cross within": (0.6 + 0.5) / 2,
      "cross to others": (0.4 + 0.3 + 0.2) / 3,
      "cross from others": (0.1 + 0.2 + 0.1) / 3,
      "multi": 0.5,
    }
  )
  alone = dict(zip(groups.FIELDS, found["Arab"], strict=True))
  assert np.isnan(alone["cross within"])
  assert alone["mono"] == 0.9
  unknown = dict(zip(groups.FIELDS, found["not known"], strict=True))
  assert np.isnan(unknown["mono"])
  assert np.isnan(unknown["multi"])


def test_a_languages_row_holds_its_means_at_the_latest_step(page):
  [rows] = page.section("languages").tables()
  assert [row["Language"][0] for row in rows] == ["ar", "en", "th"]
  assert [row["mono"][0] for row in rows] == ["0.7100", "0.8200", "0.6800"]
  assert [row["cross, as query"][0] for row in rows] == ["0.5750", "–", "–"]
  assert [row["cross, as passage"][0] for row in rows] == ["–", "0.5950", "–"]
  assert [row["multi"][0] for row in rows] == ["–", "–", "0.3300"]


def test_scripts_and_families_have_their_tables(page):
  [rows] = page.section("scripts").tables()
  assert [(row["Script"][0], row["Languages"][0]) for row in rows] == [
    ("Arab", "ar"),
    ("Latn", "en"),
    ("Thai", "th"),
  ]
  # AFTER: from ar .62 and .53; to ar .64 and .46.
  assert rows[0]["cross to others"][0] == "0.5750"
  assert rows[0]["cross from others"][0] == "0.5500"
  assert rows[0]["cross within"][0] == "–"
  assert rows[2]["multi"][0] == "0.3300"
  [families] = page.section("families").tables()
  assert [row["Family"][0] for row in families] == [
    "Afro-Asiatic",
    "Indo-European",
    "Tai-Kadai",
  ]
