"""Figures alone: empty cells, labels that look like markup, one colour."""

import re
import xml.etree.ElementTree as ET

import numpy as np

from hybrid_ir.evaluation.report import figures, svg

TEXT = "{http://www.w3.org/2000/svg}text"


def texts(figure):
  return ["".join(text.itertext()) for text in ET.fromstring(figure).iter(TEXT)]


def test_a_cell_that_was_not_measured_stays_empty():
  values = np.array([[0.5, np.nan], [np.nan, 1.0]])
  figure = figures.heat_map(
    values, ["ar", "en"], ["ar", "en"], ramp="blue", limits=(0.5, 1.0)
  )
  assert [text for text in texts(figure) if text.isdigit()] == ["50", "100"]
  darkest, lightest = "#0b3d6b", "#eaf1f8"
  assert figure.index(lightest) < figure.index(darkest)


def test_one_value_alone_needs_no_range_of_colours():
  figure = figures.heat_map(
    np.array([[0.25]]), ["en"], ["en"], ramp="orange", limits=(0.25, 0.25)
  )
  assert "25" in texts(figure)


def test_labels_are_text_whatever_they_hold():
  labels = ["$x^2$ <b>", "a & b --> c"]
  lines = [figures.Line(label, [1, 2], [0.5, float("nan")]) for label in labels]
  assert set(labels) <= set(texts(figures.curves(lines, axis="loss")))


def test_ink_follows_the_page_and_the_file_has_its_own():
  figure = figures.curves([figures.Line("a", [1, 2], [3, 4])], axis="loss")
  assert "currentColor" in figure
  assert "#ffffff" not in figure
  assert "background: #ffffff" in svg.standalone(figure)


def test_two_figures_share_no_id_in_one_page():
  figure = figures.curves([figures.Line("a", [1, 2], [3, 4])], axis="loss")
  ids = [
    set(re.findall(r'\bid="([^"]+)"', svg.inline(figure, name)))
    for name in ("one", "two")
  ]
  assert ids[0]
  assert not ids[0] & ids[1]
  assert 'width="' not in svg.inline(figure, "one").split(">")[0]
