"""A run that starts from a folder in Hugging Face's layout."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hybrid_ir.data.tokenizer import train_unigram
from hybrid_ir.errors import UserError
from hybrid_ir.model.weights import read_architecture, read_params
from hybrid_ir.tasks.model import load_trained
from hybrid_ir.training.checkpoint import Checkpoints
from hybrid_ir.training.mesh import make_mesh

TINY = (
  pathlib.Path(__file__).parents[1] / "model" / "fixtures" / "tiny_bert"
)  # 61 pieces, 20 positions


@pytest.fixture
def folder(tmp_path):
  """The tiny model with a tokenizer of its own."""
  folder = tmp_path / "bert"
  shutil.copytree(TINY, folder)
  write_tokenizer(folder, "abcdefghijklmnopqrstuvwxyz")
  return folder


def write_tokenizer(folder, letters):
  tokenizer = train_unigram([" ".join(letters)], vocab_size=500)
  (folder / "tokenizer.json").write_text(tokenizer.serialized, "utf-8")
  return tokenizer


def starting_from(folder, **changes):
  return {
    "encoder.path": str(folder),
    "text.query_length": 20,
    "text.passage_length": 20,
    "train.steps": 0,
    **changes,
  }


def test_training_starts_from_its_weights(run, folder, tmp_path, arrays_of):
  workdir = tmp_path / "run"
  run(workdir, starting_from(folder))
  expected = read_params(folder, read_architecture(folder))
  stored = arrays_of(workdir, 0)
  for part, name in (("up", "kernel"), ("qkv", "bias")):
    ours = stored[f"params/encoder/layers/{part}/{name}"]
    assert ours.tobytes() == expected["layers"][part][name].tobytes()
  kept = (workdir / "tokenizer.json").read_bytes()
  assert kept == (folder / "tokenizer.json").read_bytes()


def test_it_can_be_evaluated_untuned(run, folder, tmp_path, lines_of):
  workdir = tmp_path / "run"
  run(workdir, starting_from(folder, task="evaluate"))
  lines = lines_of(workdir, "results.jsonl")
  assert {line["step"] for line in lines} == {0}
  assert (workdir / "config.json").exists()
  assert not (workdir / "checkpoints").exists()


def test_a_vocabulary_below_the_tokenizers_is_refused(run, folder, tmp_path):
  letters = [chr(code) for code in range(0x4E00, 0x4E50)]
  size = write_tokenizer(folder, letters).size
  assert size > 61
  message = (
    rf"bert: its tokenizer \(tokenizer.json\) has {size} pieces, but"
    r" vocab_size in its config.json is 61; put the tokenizer there"
  )
  with pytest.raises(UserError, match=message):
    run(tmp_path / "run", starting_from(folder))


def test_another_tokenizer_than_the_runs_is_refused(run, folder, tmp_path):
  workdir = tmp_path / "run"
  run(workdir, starting_from(folder))
  write_tokenizer(folder, "abcdef")
  message = (
    r"bert/tokenizer.json .* is not the tokenizer that .*run was trained"
  )
  with pytest.raises(UserError, match=message):
    run(workdir, starting_from(folder))


def test_what_was_trained_needs_its_origin_no_more(
  run, folder, tmp_path, lines_of
):
  workdir = tmp_path / "run"
  run(workdir, starting_from(folder))
  shutil.rmtree(folder)
  run(workdir, starting_from(folder, task="evaluate"))
  assert lines_of(workdir, "results.jsonl")


def test_a_changed_tokenizer_in_the_workdir_is_refused(run, folder, tmp_path):
  workdir = tmp_path / "run"
  run(workdir, starting_from(folder))
  write_tokenizer(workdir, "abcdef")
  message = r"run/tokenizer.json: is not the tokenizer that this run was"
  with pytest.raises(UserError, match=message):
    run(workdir, starting_from(folder, task="evaluate"))


def write_modules(folder, size=8):
  """Makes it a sentence-transformers folder: cls, dense layer, prompts."""
  kinds = ("Transformer", ""), ("Pooling", "1"), ("Dense", "2")
  files = {
    "modules.json": [{"type": f"x.{kind}", "path": p} for kind, p in kinds],
    "1/config.json": {"pooling_mode": "cls"},
    "2/config.json": {"in_features": 16, "out_features": size},
    "config_sentence_transformers.json": {
      "prompts": {"query": "q ", "passage": "p "},
      "similarity_fn_name": "dot",
    },
    "sentence_bert_config.json": {"max_seq_length": 12},
  }
  for name, content in files.items():
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))
  weight = np.random.default_rng(0).normal(size=(size, 16))
  save_file(
    {
      "linear.weight": weight.astype(np.float32),
      "linear.bias": np.ones(size, np.float32),
    },
    folder / "2" / "model.safetensors",
  )


def test_a_folder_of_modules_is_trained_as_it_says(
  run, folder, tmp_path, arrays_of, make_config
):
  write_modules(folder)
  changes = starting_from(folder)
  changes |= {"text.query_length": None, "text.passage_length": None}
  workdir = tmp_path / "run"
  run(workdir, {**changes, "train.steps": 2})
  after = arrays_of(workdir, 2)["params/encoder/dense/0/kernel"]
  assert after.shape == (16, 8)
  loaded = load_trained(workdir, make_config().encoder, make_mesh(1))
  contract = loaded.model.contract
  assert (contract.pooling, contract.normalize) == ("cls", False)
  assert (contract.query_prefix, contract.passage_prefix) == ("q ", "p ")
  assert (contract.query_length, contract.passage_length) == (12, 12)
  assert contract.embedding_size == 8
  before = load_file(folder / "2" / "model.safetensors")["linear.weight"].T
  assert np.abs(after - before).max() > 1e-4  # it was trained


def test_a_warm_start_may_change_the_temperature(run, folder, tmp_path):
  run(tmp_path / "first", starting_from(folder))
  changes = starting_from(folder, **{"loss.temperature": 0.5})
  warm = {**changes, "train.warm_start": str(tmp_path / "first")}
  run(tmp_path / "second", warm)
  with pytest.raises(UserError, match="query_prefix is '' there, 'Q' here"):
    run(tmp_path / "third", {**warm, "text.query_prefix": "Q"})


def test_a_warm_start_from_a_relative_path(
  run, folder, tmp_path, arrays_of, monkeypatch
):
  # A step away from the folder's weights, which the second one names, too.
  run(tmp_path / "first", starting_from(folder, **{"train.steps": 1}))
  monkeypatch.chdir(tmp_path)
  changes = starting_from(folder, **{"train.warm_start": "first", "seed": 3})
  run(tmp_path / "second", changes)
  ours = arrays_of(tmp_path / "second", 0)
  for name, array in arrays_of(tmp_path / "first", 1).items():
    if name.startswith("params/"):
      assert array.tobytes() == ours[name].tobytes(), name


def test_a_warm_start_from_nowhere(run, folder, tmp_path):
  changes = {"train.steps": 0, "train.warm_start": str(tmp_path / "none")}
  message = r"'train.warm_start' is '.*none': no checkpoints/ there; name the w"
  with pytest.raises(UserError, match=message):
    run(tmp_path / "run", changes)
  with pytest.raises(UserError, match=message):
    run(tmp_path / "run", starting_from(folder, **changes))


def test_more_dimensions_than_there_are_are_refused(run, folder, tmp_path):
  changes = starting_from(folder, task="evaluate")
  with pytest.raises(
    UserError, match=r"'encoder.dimensions' is 17, .* have 16"
  ):
    run(tmp_path / "run", {**changes, "encoder.dimensions": 17})


def test_rows_below_its_lengths_are_refused(run, trained):
  changes = {
    "task": "evaluate",
    "layout.row_lengths": (8,),
    # Not those of the config, whose own rows are checked as it is read.
    **dict.fromkeys(("text.query_length", "text.passage_length")),
    "checkpoint.allow_changes": True,
  }
  message = r"'layout.row_lengths' is \(8,\), but the model .* of \d+ tokens"
  with pytest.raises(UserError, match=message):
    run(trained, {**changes, "train.steps": 6})


def test_a_length_over_its_positions_is_refused(run, folder, tmp_path):
  message = r"'text.passage_length' is 21, but the encoder has 20 positions"
  with pytest.raises(UserError, match=message):
    run(tmp_path / "run", starting_from(folder, **{"text.passage_length": 21}))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_folder_that_lacks_a_file_is_refused(run, folder, tmp_path, name):
  (folder / name).unlink()
  with pytest.raises(
    UserError, match=rf"bert/{name}: no .* there|no such file"
  ):
    run(tmp_path / "run", starting_from(folder))


def test_cut_weights_leave_nothing_behind(run, folder, tmp_path):
  weights = folder / "model.safetensors"
  weights.write_bytes(weights.read_bytes()[:-100])
  workdir = tmp_path / "run"
  with pytest.raises(UserError, match=r"model.safetensors: not a safetensors"):
    run(workdir, starting_from(folder))
  assert [path.name for path in workdir.iterdir()] == [".lock"]


@pytest.fixture(scope="module")
def best_before_newest(run, tmp_path_factory):
  """A workdir whose best checkpoint is of step 2, and whose newest of 4."""
  workdir = tmp_path_factory.mktemp("best")
  run(workdir, {"train.steps": 4, "checkpoint.every": 2, "checkpoint.keep": 2})
  return workdir


@pytest.mark.parametrize("gone", [False, True])
def test_without_its_best_the_newest_can_be_taken(
  run, best_before_newest, tmp_path, monkeypatch, lines_of, gone
):
  workdir = tmp_path / "run"
  shutil.copytree(best_before_newest, workdir)
  metadata = Checkpoints.metadata

  def of_a_dev_set(checkpoints, step):
    stored, progress = metadata(checkpoints, step)
    return stored, dataclasses.replace(progress, best_step=2)

  monkeypatch.setattr(Checkpoints, "metadata", of_a_dev_set)
  evaluate = {"task": "evaluate", "train.steps": 4}
  run(workdir, evaluate)
  assert {x["step"] for x in lines_of(workdir, "results.jsonl")} == {2}
  (workdir / "results.jsonl").unlink()
  best = workdir / "checkpoints" / "2"
  if gone:
    shutil.rmtree(best)
  else:
    (best / "params" / "_METADATA").unlink()
  with pytest.raises(UserError) as caught:
    run(workdir, evaluate)
  message = str(caught.value)
  assert "/2: the" in message
  assert "delete" not in message
  way = "--config.checkpoint.read=newest to take the newest, of step 4"
  assert message.endswith(way)
  warm = {"train.warm_start": str(workdir), "train.steps": 0}
  with pytest.raises(UserError, match=r"task=export .*'encoder.path' the new"):
    run(tmp_path / "warm", warm)
  run(workdir, {**evaluate, "checkpoint.read": "newest"})
  assert {x["step"] for x in lines_of(workdir, "results.jsonl")} == {4}
