"""A data set of 60 ids in three languages, and a config for its tiny model."""

import importlib
import itertools
import json
import os
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp

from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.config_keys import walk
from hybrid_ir.workdir import CHECKPOINTS, open_workdir

from ..free_ports import free_port
from .several import DEVICES, environment, place

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
def copy_data():
  """(path, change) -> the path, of the data set with each record changed."""

  def copy_data(path, change=lambda record: record):
    changed = (change(record) for record in records())
    lines = (json.dumps(r, ensure_ascii=False) + "\n" for r in changed)
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)

  return copy_data


@pytest.fixture(scope="session")
def data(copy_data, tmp_path_factory):
  """The path of the data set."""
  path = tmp_path_factory.mktemp("data") / "towns.jsonl"
  copy_data(path)
  return path


@pytest.fixture
def prefixed(data, copy_data, tmp_path):
  """Paths of three sets, and config keys that give prefixes to the first.

  It is `towns`; `written` has them in its texts, `bare` does without.
  """
  query, passage = "nach ", "es wächst "
  written = copy_data(
    tmp_path / "written.jsonl",
    lambda record: {
      **record,
      "query": query + record["query"],
      "passage": passage + record["passage"],
    },
  )
  bare = copy_data(tmp_path / "bare.jsonl")
  keys = {
    "data.prefixes": {str(data): (query, passage)},
    "checkpoint.allow_changes": True,
  }
  return (str(data), written, bare), keys


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


# A config file that sets what JSON says.
CONFIG = """
import json
from hybrid_ir.config import Config

def get_config():
  config = Config()
  for name, value in json.loads({changes!r}).items():
    *sections, key = name.split(".")
    node = config
    for section in sections:
      node = getattr(node, section)
    setattr(node, key, tuple(value) if isinstance(value, list) else value)
  return config
"""


@pytest.fixture(scope="session")
def write_config_file(make_config):
  """(changes, path) -> the path, a file for --config now."""

  def write_config_file(changes, path):
    values = {name: value for name, _, value in walk(make_config(changes))}
    path.write_text(CONFIG.format(changes=json.dumps(values)))
    return path

  return write_config_file


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
    path = workdir / CHECKPOINTS / str(step)
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    saved = ocp.checkpointables_metadata(path).metadata
    wanted = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here),
      {name: saved[name] for name in ("params", "optimizer")},
    )
    stored = ocp.load_checkpointables(path, wanted)
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


@pytest.fixture
def start(tmp_path, write_config_file):
  """(workdir, changes, count) -> the started processes, the first one first."""
  started = []

  def start(
    workdir,
    changes,
    count,
    own=lambda number: {},
    folder=lambda number: tmp_path,
  ):
    port = free_port()
    for number in range(count):
      path = tmp_path / f"{workdir.name}_{port}_{number}.py"
      config = write_config_file({**changes, **own(number)}, path)
      several = place(port, count, number) if count > 1 else {}
      started.append(
        subprocess.Popen(
          [
            *(sys.executable, "-m", "hybrid_ir.main"),
            *(f"--config={config}", f"--workdir={workdir}"),
          ],
          env={**environment(DEVICES), **several},
          cwd=folder(number),
          stdout=subprocess.PIPE,
          stderr=subprocess.PIPE,
          text=True,
        )
      )
    return started[-count:]

  yield start
  for process in started:
    process.kill()
    process.wait()


@pytest.fixture
def assert_close(arrays_of, lines_of):
  """Two workdirs have the same losses and parameters but for rounding."""

  def assert_close(one, other, step):
    losses = [
      np.array([line["loss"] for line in lines_of(path, "metrics.jsonl")])
      for path in (one, other)
    ]
    assert len(losses[0]) == step
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-5)
    ours, theirs = arrays_of(one, step), arrays_of(other, step)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
      norm = max(np.linalg.norm(array), 1e-3)
      assert np.linalg.norm(array - theirs[name]) < 1e-3 * norm, name

  return assert_close


@pytest.fixture
def stop_replacing(monkeypatch):
  """(folder, function) that it calls, and stops within the first change.

  As SIGTERM does: that of a folder is its first rename, or half its deletion.
  """

  def stop_replacing(folder, function):
    def rename(path, to, rename=os.rename):
      rename(path, to)
      if path == folder:
        patch.undo()
        raise SystemExit

    def rmtree(path, ignore_errors=False, rmtree=shutil.rmtree):
      if path == folder:
        for file in sorted(path.iterdir())[:-1]:
          file.unlink()
        raise SystemExit
      rmtree(path, ignore_errors)

    with monkeypatch.context() as patch:
      patch.setattr(os, "rename", rename)
      patch.setattr(shutil, "rmtree", rmtree)
      with pytest.raises(SystemExit):
        function()

  return stop_replacing
