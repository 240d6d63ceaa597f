"""Figures alone: empty cells, labels that look like markup, one colour."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from hybrid_ir.evaluation.report import canvas, figures, svg
from hybrid_ir.evaluation.report.heat_map import difference_map, heat_map

TEXT = "{http://www.w3.org/2000/svg}text"


def texts(figure):
  root = ET.fromstring(figure.svg)
  return ["".join(text.itertext()) for text in root.iter(TEXT)]


def test_a_cell_that_was_not_measured_stays_empty():
  values = np.array([[0.5, np.nan], [np.nan, 1.0]])
  figure = heat_map(
    values, ["ar", "en"], ["ar", "en"], ramp="blue", limits=(0.5, 1.0)
  )
  assert [text for text in texts(figure) if text.isdigit()] == ["50", "100"]
  darkest, lightest = "#0b3d6b", "#eaf1f8"
  assert figure.svg.index(lightest) < figure.svg.index(darkest)


def test_one_value_alone_needs_no_range_of_colours():
  figure = heat_map(
    np.array([[0.25]]), ["en"], ["en"], ramp="orange", limits=(0.25, 0.25)
  )
  assert "25" in texts(figure)


def test_labels_are_text_whatever_they_hold():
  labels = ["$x^2$ <b>", "a & b --> c"]
  lines = [figures.Line(label, [1, 2], [0.5, float("nan")]) for label in labels]
  assert set(labels) <= set(texts(figures.curves(lines, axis="loss")))


def test_ink_follows_the_page_and_the_file_has_its_own():
  figure = figures.curves([figures.Line("a", [1, 2], [3, 4])], axis="loss")
  assert "currentColor" in figure.svg
  assert "#ffffff" not in figure.svg
  assert "background: #ffffff" in svg.standalone(figure.svg)


def test_two_figures_share_no_id_in_one_page():
  figure = figures.curves([figures.Line("a", [1, 2], [3, 4])], axis="loss")
  ids = [
    set(re.findall(r'\bid="([^"]+)"', svg.inline(figure.svg, name)))
    for name in ("one", "two")
  ]
  assert ids[0]
  assert not ids[0] & ids[1]
  assert 'width="' not in svg.inline(figure.svg, "one").split(">")[0]


def test_a_difference_map_has_signs_and_two_hues():
  values = np.array([[0.0, 0.034], [-0.217, np.nan]])
  figure = difference_map(values, ["ar", "en"], 0.217)
  shown = [text for text in texts(figure) if text[-1].isdigit()]
  assert shown == ["0.0", "+3.4", "\N{MINUS SIGN}22"]
  neutral, most_orange = "#f1f1ef", "#7d3200"
  assert figure.svg.index(neutral) < figure.svg.index(most_orange)
  # 0.034 / 0.217 of the way from the neutral to the first blue stop, which is
  # at half: red goes from 241 to 143.
  red = round(241 + (143 - 241) * 2 * 0.034 / 0.217)
  assert f"fill: #{red:02x}" in figure.svg


def test_where_nothing_differs_all_is_neutral():
  svg = difference_map(np.zeros((2, 2)), ["ar", "en"], 0.0).svg
  assert svg.count("fill: #f1f1ef") == 4
  assert "#7d3200" not in svg


@pytest.mark.parametrize("value", [-0.0004, 0.0, 0.0004])
def test_a_difference_that_rounds_to_nothing_has_no_sign(value):
  assert "0.0" in texts(difference_map(np.array([[value]]), ["en"], 1.0))


def test_a_png_is_one_and_the_same_each_time():
  drawn = [
    figures.dots(["ar"], [figures.Dots("a", np.array([0.5]))], axis="share")
    for _ in range(2)
  ]
  assert drawn[0] == drawn[1]
  assert drawn[0].png.startswith(b"\x89PNG\r\n")


def test_only_names_that_the_font_has_are_drawn():
  assert canvas.shown("hybrid_é Ω Ж", 2) == "hybrid_é Ω Ж"
  assert canvas.shown("نظام", 2) == "#2"


def test_an_interval_that_is_not_significant_is_hollow():
  figure = figures.intervals(
    ["mono", "multi"],
    [
      figures.Interval(0, "hybrid", 1, 0.1, 0.05, 0.15, filled=True),
      figures.Interval(1, "hybrid", 1, 0.0, -0.1, 0.1, filled=False),
    ],
    axis="difference",
  )
  assert {"mono", "multi", "hybrid", "difference"} <= set(texts(figure))
  hollow = [line for line in figure.svg.split("<") if "fill: none" in line]
  assert hollow
