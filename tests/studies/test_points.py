import numpy as np
import pytest

from hybrid_ir.studies.points import Band, Points, joined, points


def line(**changed):
  made = {
    "label": "mono",
    "places": [2.0, 2.0, 4.0],
    "values": [0.2, 0.4, 0.5],
    "low": [0.1, 0.3, 0.4],
    "high": [0.3, 0.5, 0.6],
  }
  return Points(**{**made, **changed})


def test_a_line_goes_through_the_mean_of_points_at_one_place():
  places, means = joined(line())
  assert places == [2, 4]
  assert means == pytest.approx([0.3, 0.5])


def test_a_band_takes_the_place_of_the_line():
  places = np.linspace(2, 4, 5)
  band = Band(places, 0.1 * places, 0.09 * places, 0.11 * places)
  plain, fitted = (
    points([line(band=b)], across="x", along="y") for b in (None, band)
  )
  assert "FillBetween" not in plain
  assert "FillBetween" in fitted
