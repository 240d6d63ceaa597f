"""Freezing, LoRA, Matryoshka and a teacher, through the whole task."""

import json

import jax
import numpy as np
import pytest

from hybrid_ir.config import Encoder
from hybrid_ir.errors import UserError
from hybrid_ir.tasks.model import load_trained
from hybrid_ir.training import mesh as mesh_lib

LORA = {"adapt.lora_rank": 2, "adapt.lora_alpha": 4.0}
FROZEN = {"encoder.layers": 2, "adapt.freeze_layers": 1}
TAUGHT = {
  "loss.hard_negatives": 2,
  "loss.distillation": 0.5,
  "loss.matryoshka": (4, 8),
}


@pytest.fixture(scope="session")
def scored(data, tmp_path_factory):
  """The data set with hard negatives and, for half of it, scores of them."""
  path = tmp_path_factory.mktemp("scored") / "scored.jsonl"
  lines = data.read_text(encoding="utf-8").splitlines()
  records = [json.loads(line) for line in lines]
  for i, record in enumerate(records):
    record["negatives"] = [records[i - 3]["passage"], records[i - 6]["passage"]]
    if i % 2:
      record["scores"] = [3.0, i / 100, -1.0]
  path.write_text("".join(json.dumps(r) + "\n" for r in records))
  return path


@pytest.mark.parametrize("adapt", [LORA, FROZEN], ids=["lora", "frozen"])
def test_a_stopped_run_ends_as_one_that_was_not(
  run, tmp_path, assert_bitwise, scored, adapt
):
  changes = {**adapt, **TAUGHT, "data.train": (str(scored),)}
  run(tmp_path / "one", {**changes, "train.steps": 4})
  run(tmp_path / "two", {**changes, "train.steps": 2})
  run(tmp_path / "two", {**changes, "train.steps": 4})
  assert_bitwise(tmp_path / "one", tmp_path / "two", 4)


@pytest.fixture(scope="module")
def adapted(run, tmp_path_factory, data):
  """A workdir of four steps of LoRA, with a look at the dev set."""
  workdir = tmp_path_factory.mktemp("adapted")
  changes = {"evaluate.dev": str(data), "evaluate.every": 4}
  run(workdir, {**LORA, **changes, "train.steps": 4})
  return workdir


def test_a_run_with_lora_is_loaded_with_its_products(adapted, arrays_of):
  saved = arrays_of(adapted, 4)
  loaded = load_trained(adapted, Encoder(), mesh_lib.make_mesh(1)).params
  assert loaded.keys() == {"tokens", "embeddings", "layers"}
  prefix = "params/lora/layers/up"
  a = saved[f"{prefix}/a"][0, :, 0]
  b = saved[f"{prefix}/b"][0, 0]
  assert b.any()
  kernel = saved["params/encoder/layers/up/kernel"][0]
  np.testing.assert_allclose(
    loaded["layers"]["up"]["kernel"][0], kernel + 2 * a @ b, rtol=1e-5
  )
  np.testing.assert_array_equal(
    loaded["tokens"], saved["params/encoder/tokens"]
  )


def test_the_dev_set_sees_the_products(adapted, run, tmp_path, data, lines_of):
  """The loop's figures are those of a plain model of the merged weights."""
  dev = lines_of(adapted, "metrics.jsonl")[-1]["dev"]
  workdir = tmp_path / "plain"
  changes = {
    "train.warm_start": str(adapted),
    "evaluate.dev": str(data),
    "evaluate.every": 1,
    "train.steps": 1,
    "optimizer.learning_rate": 1e-30,
  }
  run(workdir, changes)
  assert lines_of(workdir, "metrics.jsonl")[-1]["dev"] == dev


def test_a_warm_start_from_lora_is_merged(adapted, run, tmp_path, arrays_of):
  run(tmp_path, {"train.warm_start": str(adapted), "train.steps": 0})
  ours = arrays_of(tmp_path, 0)
  assert not any("lora" in name for name in ours)
  loaded = load_trained(adapted, Encoder(), mesh_lib.make_mesh(1)).params
  for path, array in jax.tree_util.tree_flatten_with_path(loaded)[0]:
    name = jax.tree_util.keystr(path, simple=True, separator="/")
    np.testing.assert_array_equal(ours[f"params/encoder/{name}"], array)


def test_says_how_much_trains(run, tmp_path, capsys):
  run(tmp_path / "all", {"train.steps": 0})
  assert " of " not in capsys.readouterr().out.split("training  ")[1][:20]
  run(tmp_path / "lora", {**LORA, "train.steps": 0})
  # r (in + out) of queries, keys, values, output; of up and down.
  count = 2 * (4 * (16 + 16) + 2 * (16 + 24))
  assert f"training  {count} of " in capsys.readouterr().out


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    (
      {"adapt.freeze_layers": 1},
      r"'adapt.freeze_layers' is 1, but the encoder has 1 layers; expected few",
    ),
    (
      {"loss.distillation": 0.5},
      r"'loss.distillation' is 0.5, but 'loss.hard_negatives' is 0",
    ),
    (
      {"loss.matryoshka": (8, 16)},
      r"'loss.matryoshka' is \(8, 16\); expected dimensions below .* 16",
    ),
  ],
)
def test_what_cannot_work_is_refused_before_any_file(
  run, tmp_path, changes, message
):
  with pytest.raises(UserError, match=message):
    run(tmp_path, changes)
  assert {path.name for path in tmp_path.iterdir()} <= {".lock"}


def test_distillation_without_scores_is_refused(run, tmp_path, scored):
  path = tmp_path / "unscored.jsonl"
  records = [json.loads(line) for line in scored.read_text().splitlines()]
  for record in records:
    record.pop("scores", None)
  path.write_text("".join(json.dumps(r) + "\n" for r in records))
  message = r"'loss.distillation' is 0.5, but no record of .*unscored.jsonl has"
  with pytest.raises(UserError, match=message):
    run(tmp_path / "run", {**TAUGHT, "data.train": (str(path),)})
