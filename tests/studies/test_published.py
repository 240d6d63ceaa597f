import pytest

from hybrid_ir.config import SETTINGS
from hybrid_ir.studies import published
from hybrid_ir.studies.published import FIGURES, value

ENCODERS = ("XLM-R", "LaBSE")


def test_every_figure_is_there_once():
  keys = {
    (f.encoder, f.batches, f.benchmark, f.setting, f.measure) for f in FIGURES
  }
  assert len(keys) == len(FIGURES) == 2 * 3 * 10
  assert {figure.setting for figure in FIGURES} <= set(SETTINGS)


@pytest.mark.parametrize(
  ("asked", "figure"),
  [
    (("XLM-R", "X-X", "xquad_r", "mono", "map"), 0.7918),
    (("XLM-R", "X-Y", "mlqa_r", "cross", "map"), 0.6200),
    (("XLM-R", "hybrid", "xquad_r", "multi", "rank_distance"), 286.6),
    (("LaBSE", "X-X", "miracl", "mono", "ndcg@10"), 0.4551),
    (("LaBSE", "X-Y", "mlqa_r", "multi", "rank_distance"), 198.3),
    (("LaBSE", "hybrid", "mlqa_r", "multi", "map"), 0.5785),
    (("LaBSE", "hybrid", "miracl", "mono", "recall@100"), 0.7954),
    (("LaBSE", "hybrid", "miracl", "multi", "map"), None),
    (("mBERT", "hybrid", "xquad_r", "mono", "map"), None),
  ],
)
def test_value(asked, figure):
  assert value(*asked) == figure


def test_shares_are_shares_and_distances_are_ranks():
  for figure in FIGURES:
    if figure.measure == "rank_distance":
      assert 100 < figure.value < 13_014
    else:
      assert 0 < figure.value < 1


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("benchmark", ["xquad_r", "mlqa_r"])
def test_what_the_paper_says_of_its_table(encoder, benchmark):
  """A pool costs the most, and hybrid batches are best but for one figure."""
  for batches in ("X-X", "X-Y", "hybrid"):
    *apart, pooled = (
      value(encoder, batches, benchmark, setting, "map") for setting in SETTINGS
    )
    assert min(apart) > pooled
  for setting in SETTINGS:
    by_batches = {
      batches: value(encoder, batches, benchmark, setting, "map")
      for batches in ("X-X", "X-Y", "hybrid")
    }
    best = max(by_batches, key=by_batches.get)
    exception = (encoder, benchmark, setting) == ("XLM-R", "xquad_r", "multi")
    assert best == ("X-Y" if exception else "hybrid")


def test_the_source_names_the_paper():
  assert "2408.10536" in published.SOURCE
