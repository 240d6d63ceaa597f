import pathlib

import pytest

from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.errors import UserError
from hybrid_ir.studies.grid import (
  baselines,
  choices,
  first_kept,
  make_cells,
)

KIND = {"hybrid": {}, "X-X": {"mix.cross": 0.0}}
SIZE = {"8": {}, "16": {"train.batch_size": 16}, "32": {"train.batch_size": 32}}
WORKDIR = pathlib.Path("/study")


def study(axes, seeds=(0,), design="product", **keys):
  config = Config()
  config.train.batch_size = 8
  config.study.name = "paper"
  config.study.axes = axes
  config.study.seeds = seeds
  config.study.design = design
  for name, value in keys.items():
    section, key = name.split("__")
    setattr(getattr(config, section), key, value)
  check(config)
  return config


def cells_of(*args, **keys):
  return make_cells(study(*args, **keys), WORKDIR)


def refusal(axes, **keys):
  with pytest.raises(UserError) as caught:
    cells_of(axes, **keys)
  assert "\n" not in str(caught.value)
  return str(caught.value)


def test_a_product_has_every_variant_with_every_other():
  cells = cells_of({"kind": KIND, "size": SIZE}, seeds=(0, 7))
  seen = {
    (c.config.mix.cross, c.config.train.batch_size, c.config.seed)
    for c in cells
  }
  assert len(cells) == 12
  assert seen == {
    (cross, size, seed)
    for cross in (0.5, 0.0)
    for size in (8, 16, 32)
    for seed in (0, 7)
  }
  for cell in cells:
    assert cell.config.task == "train_and_evaluate"
    assert cell.folder == WORKDIR / "cells" / cell.key
    assert cell.config.study.axes == {}


def test_one_axis_at_a_time():
  cells = cells_of({"kind": KIND, "size": SIZE}, design="one_at_a_time")
  assert [tuple(cell.labels.values()) for cell in cells] == [
    *(("hybrid", "8"), ("X-X", "8"), ("hybrid", "16"), ("hybrid", "32")),
  ]


def test_only_some_variants():
  axes = {"kind": KIND, "size": SIZE}
  only = ("size=16", "size=32")
  config = study(axes, study__only=only)
  assert [tuple(labels.values()) for labels in choices(config)] == [
    *(("hybrid", "16"), ("hybrid", "32"), ("X-X", "16"), ("X-X", "32")),
  ]
  labels = {"kind": "X-X", "size": "32"}
  assert baselines(config, labels) == ({"kind": "hybrid", "size": "32"},)
  config = study(axes, study__only=only, design="one_at_a_time")
  assert baselines(config, labels) == ({"kind": "hybrid", "size": "16"},)
  assert first_kept(config) == {"kind": "hybrid", "size": "16"}
  # The runs are those that they were.
  everything = {cell.key for cell in cells_of(axes)}
  assert {cell.key for cell in cells_of(axes, study__only=only)} < everything


def test_an_unknown_variant_is_refused():
  said = refusal({"kind": KIND}, study__only=("kind=X-Z",))
  assert "'study.only' has 'kind=X-Z'" in said
  assert "kind=hybrid, kind=X-X" in said
  said = refusal({"kind": KIND}, study__against=("kind=XX",))
  assert said == (
    "config key 'study.against' has 'kind=XX' (did you mean 'kind=X-X'?);"
    " expected AXIS=VARIANT of 'study.axes': kind=hybrid, kind=X-X"
  )


def test_the_baseline():
  config = study({"kind": KIND, "size": SIZE})
  labels = {"kind": "X-X", "size": "32"}
  assert baselines(config, labels) == ({"kind": "hybrid", "size": "32"},)
  config = study({"kind": KIND, "size": SIZE}, design="one_at_a_time")
  assert baselines(config, labels) == ({"kind": "hybrid", "size": "8"},)
  assert baselines(config, choices(config)[0]) == ()


def named_pairs(config):
  """Every arm and its baselines, as their variants."""
  return {
    tuple(labels.values()): [
      tuple(base.values()) for base in baselines(config, labels)
    ]
    for labels in choices(config)
  }


def test_baselines_that_are_named():
  axes = {"size": SIZE, "kind": KIND}
  against = ("size=16", "size=8", "kind=X-X", "size=8")
  assert named_pairs(study(axes, study__against=against)) == {
    ("8", "hybrid"): [("16", "hybrid"), ("8", "X-X")],
    ("8", "X-X"): [("16", "X-X")],  # hybrid is tested against it
    ("16", "hybrid"): [("16", "X-X")],  # 8 is tested against it
    ("16", "X-X"): [],
    ("32", "hybrid"): [("16", "hybrid"), ("8", "hybrid"), ("32", "X-X")],
    ("32", "X-X"): [("16", "X-X"), ("8", "X-X")],
  }


def test_no_pair_is_tested_twice():
  names = [f"size={size}" for size in SIZE]
  found = named_pairs(study({"size": SIZE}, study__against=names))
  pairs = [frozenset((arm, b)) for arm, bases in found.items() for b in bases]
  assert len(pairs) == len(set(pairs)) == 3


def test_named_baselines_of_one_axis_at_a_time():
  axes = {"kind": KIND, "size": SIZE}
  config = study(
    axes, design="one_at_a_time", study__against=("kind=X-X", "size=16")
  )
  assert named_pairs(config) == {
    ("hybrid", "8"): [("X-X", "8"), ("hybrid", "16")],
    ("X-X", "8"): [],  # X-X of size 16 is none of the study's choices
    ("hybrid", "16"): [],
    ("hybrid", "32"): [("hybrid", "16")],
  }


def test_alike_runs_of_two_studies_are_one():
  [mine] = cells_of({"kind": {"X-X": {"mix.cross": 0.0}}})
  others = cells_of({"ratio": {"1:0": {"mix.cross": 0.0}, "1:1": {}}})
  assert [cell.key == mine.key for cell in others] == [True, False]
  # What is no part of a run's identity does not tell runs apart.
  [again] = cells_of(
    {"kind": {"X-X": {"mix.cross": 0}}}, train__log_every=1, checkpoint__keep=5
  )
  assert again.key == mine.key
  [seed] = cells_of({"kind": {"X-X": {"mix.cross": 0.0}}}, seeds=(1,))
  assert seed.key != mine.key


def test_an_encoder_as_it_came_is_one_run():
  axes = {"training": {"some": {}, "none": {"train.steps": 0}}}
  cells = cells_of(axes, seeds=(3, 4, 5), encoder__path="/encoder")
  seeds = [c.seed for c in cells if c.labels["training"] == "none"]
  assert seeds == [3]
  assert [c.is_trained for c in cells].count(True) == 3
  # From scratch there is one a seed.
  assert len(cells_of(axes, seeds=(3, 4, 5))) == 6


def test_a_run_starts_from_another_of_its_seed():
  axes = {
    "order": {
      "then Y": {"train.warm_start": "@order=X", "mix.mono": 0.0},
      "X": {"mix.cross": 0.0},
    },
    "size": SIZE,
  }
  cells = cells_of(axes, seeds=(0, 1))
  assert len(cells) == 12
  place = {id(cell): i for i, cell in enumerate(cells)}
  for cell in cells:
    before = cell.starts_from
    if cell.labels["order"] == "X":
      assert before is None
      continue
    assert place[id(before)] < place[id(cell)]
    assert before.labels == {**cell.labels, "order": "X"}
    assert before.seed == cell.seed
    assert cell.config.train.warm_start == str(before.folder)


def test_what_a_run_starts_from_makes_its_name_and_no_path_does():
  def keys(folder, rate):
    axes = {
      "order": {
        "first": {"optimizer.learning_rate": rate},
        "second": {"train.warm_start": "@order=first"},
      }
    }
    cells = make_cells(study(axes), pathlib.Path(folder))
    return [cell.key for cell in cells]

  assert keys("/a", 1e-3) == keys("/b", 1e-3)
  assert keys("/a", 1e-3)[1] != keys("/a", 1e-4)[1]


@pytest.mark.parametrize(
  ("axes", "message"),
  [
    ({}, "'study.axes' is empty; take one of configs/studies/"),
    (
      {"a": {"b": {"train.stesp": 3}}},
      "'study.axes', a=b: unknown config key 'train.stesp': did you mean"
      " 'train.steps'?",
    ),
    (
      {"a": {"b": {"train.steps": "many"}}},
      "a=b: config key 'train.steps' is 'many'; expected a whole number",
    ),
    (
      {"a": {"b": {"mix.mono": -1.0}}},
      "a=b: config key 'mix.mono' is -1.0; expected at least 0",
    ),
    ({"a": {"b": {"train": 3}}}, "a=b: unknown config key 'train'"),
    ({"a": {"b": {"seed": 3}}}, "a=b: 'seed' is not what a study varies"),
    (
      {"a": {"b": {"study.dry_run": True}}},
      "a=b: 'study.dry_run' is not what a study varies",
    ),
    (
      {"a": {"b": {"mix.mono": 0.0}}, "c": {"d": {"mix.cross": 0.0}}},
      "a=b c=d: config keys 'mix.mono', 'mix.cross' and 'mix.instruct' are all",
    ),
    (
      {"a": {"b": {"train.steps": 1}}, "c": {"d": {"train.steps": 2}}},
      "c=d: another axis of a=b c=d sets 'train.steps', too",
    ),
    (
      {"a": {"b": {"train.warm_start": "@a=c"}}},
      "a=b: 'train.warm_start' is '@a=c'; expected @AXIS=VARIANT of one of"
      " the study's (a=b)",
    ),
    (
      {"a": {"b": {"train.warm_start": "@here"}}},
      "'train.warm_start' is '@here'; expected @AXIS=VARIANT",
    ),
    (
      {
        "a": {
          "b": {"train.warm_start": "@a=c"},
          "c": {"train.warm_start": "@a=b"},
        }
      },
      "start from each other: a=b <- a=c <- a=b",
    ),
    (
      {
        "a": {
          "b": {"encoder.path": "/x", "train.steps": 0},
          "c": {"train.warm_start": "@a=b"},
        }
      },
      "a=c: 'train.warm_start' is '@a=b', which is not trained",
    ),
  ],
)
def test_what_cannot_be_varied_is_refused(axes, message):
  assert message in refusal(axes)


def test_a_key_that_is_no_part_of_a_run_is_no_axis():
  said = refusal({"log": {"often": {}, "rarely": {"train.log_every": 99}}})
  assert "log=often and log=rarely differ in 'train.log_every' (10 and 99)" in (
    said
  )
  # What is scored may differ: the run is one.
  axes = {"on": {"a": {}, "b": {"evaluate.benchmarks": ("xquad_r",)}}}
  one, other = cells_of(axes)
  assert one.key == other.key


@pytest.mark.parametrize("axes", [{"a, b": {"c": {}}}, {"a": {"b, c": {}}}])
def test_a_comma_in_a_name_is_refused(axes):
  assert "expected a name without a comma" in refusal(axes)


@pytest.mark.parametrize("design", ["product", "one_at_a_time"])
def test_what_a_chosen_run_starts_from_is_run_too(design):
  axes = {
    "order": {"X": {}, "then Y": {"train.warm_start": "@order=X"}},
    "size": SIZE,
  }
  first, second = cells_of(
    axes, design=design, study__only=("order=then Y", "size=16")
  )
  assert first.labels == {"order": "X", "size": "16"}
  assert second.starts_from is first


def test_no_seeds_are_refused():
  assert "'study.seeds' is empty" in refusal({"kind": KIND}, seeds=())


def test_the_config_stays_as_it_was():
  config = study({"kind": KIND})
  make_cells(config, WORKDIR)
  assert config.task == "train_and_evaluate"
  assert config.mix.cross == 0.5
  assert config.seed == 0
