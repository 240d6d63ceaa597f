from hybrid_ir.studies.ratio import extra
from hybrid_ir.studies.tables import benchmark_tables

MONO = ("mono", "map")
RATIOS = {
  "1:1": {"mix.mono": 0.5, "mix.cross": 0.5},
  "1:0": {"mix.mono": 1.0, "mix.cross": 0.0},
}
MIXED = {
  "batch": {"mix.interleave": "batch"},
  "example": {"mix.interleave": "example"},
}
NOTE = "are then not the paper's X-X"


def captions(make_study, make_outcome, mixed):
  config = make_study({"ratio": RATIOS, "mixed by": mixed})
  scores = {
    f"{ratio} {how}": {MONO: (0.5, 0.51)} for ratio in RATIOS for how in mixed
  }
  outcome = make_outcome(config, scores)
  [plot] = extra(outcome).plots
  means, *_ = benchmark_tables(outcome, outcome.benchmarks[0])
  return plot.caption, means.caption


def test_what_mixing_examples_is(make_study, make_outcome):
  for caption in captions(make_study, make_outcome, MIXED):
    assert NOTE in caption


def test_batches_alone_need_no_note(make_study, make_outcome):
  alone = {"batch": MIXED["batch"]}
  for caption in captions(make_study, make_outcome, alone):
    assert NOTE not in caption


def test_more_than_two_ways_have_a_picture_each(make_study, make_outcome):
  sizes = {f"{n}": {"train.batch_size": n} for n in (8, 16, 32)}
  names = ["alpha-xquad-r-map", "alpha-8-xquad-r-map", "alpha-16-xquad-r-map"]
  for kept, found in ((("8", "16"), names[:1]), (("8", "16", "32"), None)):
    config = make_study(
      {"ratio": RATIOS, "size": {size: sizes[size] for size in kept}}
    )
    arms = [f"{ratio} {size}" for ratio in RATIOS for size in kept]
    scores = {arm: {MONO: (0.5, 0.51)} for arm in arms}
    plots = extra(make_outcome(config, scores)).plots
    assert [plot.name for plot in plots] == (
      found or [*names[1:], "alpha-32-xquad-r-map"]
    )
  assert plots[0].caption.startswith("8: xquad_r: MAP over share")
