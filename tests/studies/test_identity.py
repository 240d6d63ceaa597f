"""What is one run, whichever study runs it."""

import pathlib

from hybrid_ir.config_keys import walk
from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.identity import as_it_came

STUDIES = pathlib.Path("/studies")


def keys(make_study, **changed):
  """Of a trained run and of the encoder as it came."""
  axes = {"kind": {"hybrid": {}, "untrained": {"train.steps": 0}}}
  cells = make_cells(make_study(axes, seeds=(0,), **changed), STUDIES)
  return [cell.key for cell in cells]


def test_an_encoder_as_it_came_is_one_run_whatever_others_train_on(make_study):
  trained, came = keys(make_study)
  for changed in (
    {"data__train": ("mlqa_r",)},
    {"mix__mono": 1.0},
    {"loss__temperature": 0.05},
    {"train__batch_size": 32},
    {"adapt__trim_vocabulary": True},
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
  ):
    assert keys(make_study, **changed)[1] != came, changed


def test_its_config_says_nothing_of_training(make_study):
  """Its folder's config.json is compared with the next study's."""
  axes = {"kind": {"untrained": {"train.steps": 0}}}
  config = make_study(axes, seeds=(0,), data__train=("mlqa_r",), mix__mono=1.0)
  [cell] = make_cells(config, STUDIES)
  values = {name: value for name, _, value in walk(cell.config)}
  defaults = as_it_came()
  assert {"data.train", "mix.mono", "loss.temperature"} <= defaults.keys()
  assert {name: values[name] for name in defaults} == defaults
