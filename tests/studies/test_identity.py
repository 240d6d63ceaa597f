"""What is one run, whichever study runs it."""

import pathlib

from hybrid_ir.config_keys import walk
from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.identity import as_it_came

STUDIES = pathlib.Path("/studies")


def keys(make_study, **changed):
  """Of a trained run and of the encoder as it came."""
  axes = {"kind": {"hybrid": {}, "untrained": {"train.steps": 0}}}
  cells = make_cells(make_study(axes, **{"seeds": (0,), **changed}), STUDIES)
  return [
    next(cell.key for cell in cells if cell.is_trained == trained)
    for trained in (True, False)
  ]


def test_an_encoder_as_it_came_is_one_run_whatever_others_train_on(make_study):
  trained, came = keys(make_study)
  for changed in (
    {"data__train": ("mlqa_r",)},
    {"mix__mono": 1.0},
    {"loss__temperature": 0.05},
    {"train__batch_size": 32},
    {"adapt__trim_vocabulary": True},
    {"encoder__dropout": 0.2},
    {"seeds": (4, 5)},
  ):
    other, same = keys(make_study, **changed)
    assert same == came, changed
    assert other != trained, changed


def test_what_its_scores_depend_on_makes_it_another(make_study):
  _, came = keys(make_study)
  for changed in (
    {"encoder__pooling": "cls"},
    {"encoder__dtype": "bfloat16"},
    {"text__query_prefix": "query: "},
    {"text__passage_length": 32},
    {"layout__row_lengths": (64, 256)},
    {"data__prefixes": {"a.jsonl": ("q: ", "p: ")}},
    {"encoder__dimensions": 64},
    {"evaluate__by": "bm25"},
    {"evaluate__by": "embeddings", "evaluate__path": "vectors"},
  ):
    assert keys(make_study, **changed)[1] != came, changed


def test_fewer_dimensions_are_other_figures(make_study):
  axes = {"size": {"all": {}, "64": {"encoder.dimensions": 64}}}
  whole, fewer = make_cells(make_study(axes, seeds=(0,)), STUDIES)
  assert whole.key != fewer.key
  # All of them, the default, is no change to runs of earlier versions.
  [alone] = make_cells(make_study({"kind": {"any": {}}}, seeds=(0,)), STUDIES)
  assert whole.key == alone.key


def test_the_figures_of_another_system_are_no_models(make_study):
  trained, came = keys(make_study)
  others = keys(make_study, evaluate__by="bm25")
  assert not {trained, came} & {*others}


def test_its_config_says_nothing_of_training(make_study):
  """Its folder's config.json is compared with the next study's."""
  axes = {"kind": {"untrained": {"train.steps": 0}}}
  config = make_study(axes, seeds=(0,), data__train=("mlqa_r",), mix__mono=1.0)
  [cell] = make_cells(config, STUDIES)
  values = {name: value for name, _, value in walk(cell.config)}
  defaults = as_it_came()
  assert {"data.train", "mix.mono", "loss.temperature"} <= defaults.keys()
  assert {name: values[name] for name in defaults} == defaults
