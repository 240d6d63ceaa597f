"""The training curves: one a quantity, from the log lines."""


def test_training_curves_are_drawn_from_the_log(page):
  training = page.section("training")
  captions = {
    figure.attributes["id"]: figure.caption for figure in training.all("figure")
  }
  assert " ".join(captions) == "loss learning-rate speed dev dev-rank-distance"
  assert "peaks at 0.001 at step 10" in captions["learning-rate"]
  assert "100.0 pairs and 5,000 tokens" in captions["speed"]
  assert "map 0.2 to 0.4" in captions["dev"]
  # Odd steps are mono: 4 / 1 and 4 / 3, then 4 / 37 and 4 / 39, two by two.
  assert (
    "cross from 1.500 to 0.103, mono from 2.667 to 0.105" in (captions["loss"])
  )
  legend = [text.text.strip() for text in next(training.all("svg")).all("text")]
  assert {"mono", "cross"} <= set(legend)
