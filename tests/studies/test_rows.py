import re

from hybrid_ir.studies.rows import Mark, in_rows, rows_svg

MULTI, MONO = ("multi", "map"), ("mono", "map")


def test_every_measure_that_was_scored_has_a_plot(make_study, make_outcome):
  config = make_study(
    {"training": {"hybrid": {}, "untrained": {"train.steps": 0}}},
    study__measures=("map", "rank_distance"),
  )
  scores = {
    "hybrid": {MONO: (0.5, 0.7), MULTI: (0.3, 0.4)},
    "untrained": {MONO: (0.2,)},
  }
  [plot] = in_rows(make_outcome(config, scores))
  assert plot.name == "arms-xquad-r-map"
  assert plot.caption.startswith("xquad_r: MAP by arm")
  for text in ("hybrid", "untrained", "mono", "multi", "MAP"):
    assert f">{text}<" in plot.svg


def test_a_row_an_arm_and_no_line_at_0():
  marks = [
    Mark("one", "mono", 10.0, 9.0, 11.0),
    Mark("two", "mono", 30.0, 30.0, 30.0),
  ]
  svg = rows_svg(("one", "two"), marks, axis="rank distance")
  ticks = set(re.findall(r">([\d.]+)<", svg))
  assert "10" in ticks
  assert "0" not in ticks
