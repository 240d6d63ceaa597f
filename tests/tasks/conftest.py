"""A data set of 60 ids in three languages, and a config for its tiny model."""

import importlib
import itertools
import json
import warnings

import jax
import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp

from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.workdir import CHECKPOINTS, open_workdir

# What is asked and what is said of a town, in three languages; all invented.
FRAMES = {
  "de": ("was wächst in {}", "in {} wächst viel {}"),
  "en": ("what grows in {}", "much {1} is grown in {0}"),
  "tr": ("{} nerede ne yetişir", "{} şehrinde {} yetişir"),
}
TOWNS = ["".join(p) for p in itertools.product("bdkl", "aeiou", "mnr")]
PLANTS = ["hafer", "lein", "mohn", "rübe", "senf"]


def records():
  """Ids 0 to 47 to train on, to 53 for dev, to 59 to test on."""
  for i, town in enumerate(TOWNS):
    for language, (query, passage) in FRAMES.items():
      yield {
        "id": f"t{i}",
        "language": language,
        "query": query.format(town),
        "passage": passage.format(town, PLANTS[i % 5]),
        "split": "train" if i < 48 else "dev" if i < 54 else "test",
      }


@pytest.fixture(scope="session")
def data(tmp_path_factory):
  """The path of the data set."""
  path = tmp_path_factory.mktemp("data") / "towns.jsonl"
  lines = (json.dumps(r, ensure_ascii=False) + "\n" for r in records())
  path.write_text("".join(lines), encoding="utf-8")
  return path


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
  return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def make_config(data, cache_dir):
  """{"section.key": value} -> Config, of a run of seconds."""
  base = {
    "task": "train",
    "cache_dir": str(cache_dir),
    "encoder.vocab_size": 80,
    "encoder.hidden_size": 16,
    "encoder.layers": 1,
    "encoder.heads": 2,
    "encoder.intermediate_size": 24,
    "encoder.max_positions": 64,
    "encoder.dropout": 0.1,
    "text.query_length": 32,
    "text.passage_length": 64,
    "data.train": (str(data),),
    "data.workers": 1,
    "layout.row_lengths": (64,),
    "loss.temperature": 0.1,
    "optimizer.learning_rate": 0.01,
    "optimizer.schedule": "constant",
    "optimizer.warmup": 0.0,
    "train.batch_size": 8,
    "train.steps": 3,
    "train.log_every": 1,
    "mesh.data": 1,
    "evaluate.benchmarks": (str(data),),
    "evaluate.ann": False,
  }

  def make_config(changes=()):
    config = Config()
    for name, value in {**base, **dict(changes)}.items():
      *sections, key = name.split(".")
      node = config
      for section in sections:
        node = getattr(node, section)
      setattr(node, key, value)
    check(config)
    return config

  return make_config


@pytest.fixture(scope="session")
def run(make_config):
  """(workdir, changes) -> runs the task, as the command does."""

  def run(workdir, changes=()):
    config = make_config(changes)
    task = importlib.import_module(f"hybrid_ir.tasks.{config.task}")
    with open_workdir(str(workdir), config) as opened:
      task.run(config, opened)

  return run


@pytest.fixture(scope="session")
def steps_of():
  """Workdir -> the steps that it has checkpoints of."""

  def steps_of(workdir):
    folders = (workdir / CHECKPOINTS).iterdir()
    return sorted(int(folder.name) for folder in folders)

  return steps_of


@pytest.fixture(scope="session")
def arrays_of():
  """(workdir, step) -> every array of a checkpoint, by its path."""

  def arrays_of(workdir, step):
    with warnings.catch_warnings():
      warnings.simplefilter("ignore")  # of no sharding: it is of no concern
      stored = ocp.load_checkpointables(workdir / CHECKPOINTS / str(step))
    leaves, _ = jax.tree_util.tree_flatten_with_path(stored)
    return {
      jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf)
      for path, leaf in leaves
    }

  return arrays_of


@pytest.fixture(scope="session")
def assert_bitwise(arrays_of):
  """Two workdirs hold the same parameters and optimizer at a step."""

  def assert_bitwise(one, other, step):
    ours, theirs = arrays_of(one, step), arrays_of(other, step)
    assert ours.keys() == theirs.keys()
    assert any(name.startswith("optimizer/") for name in ours)
    for name, array in ours.items():
      assert array.tobytes() == theirs[name].tobytes(), name

  return assert_bitwise


@pytest.fixture(scope="session")
def lines_of():
  """(workdir, file) -> its lines of JSON."""

  def lines_of(workdir, name):
    text = (workdir / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]

  return lines_of


@pytest.fixture(scope="session")
def trained(run, tmp_path_factory):
  """A workdir of 6 steps without a stop."""
  workdir = tmp_path_factory.mktemp("trained")
  run(workdir, {"train.steps": 6})
  return workdir
