"""Vocabulary trimming, through the tasks: none of them sees a trimmed table."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hybrid_ir.config import Encoder
from hybrid_ir.data.tokenizer import load, train_unigram
from hybrid_ir.errors import UserError
from hybrid_ir.tasks.model import load_trained
from hybrid_ir.training.mesh import make_mesh

from .several import ALIKE, DEVICES, finish

TINY = pathlib.Path(__file__).parents[1] / "model" / "fixtures" / "tiny_bert"
ROWS = 300  # more than a table is padded to
TABLE = "params/encoder/tokens"
NO_DEV = {"evaluate.dev": "", "evaluate.every": 0}
LETTERS = "abcdefghijklmnopqrstuvwxyzäöüşğıβδ"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """The tiny model with a larger table, and a tokenizer of letters."""
  folder = tmp_path_factory.mktemp("encoder") / "bert"
  shutil.copytree(TINY, folder)
  config = json.loads((folder / "config.json").read_text())
  config["vocab_size"] = ROWS
  (folder / "config.json").write_text(json.dumps(config))
  path = folder / "model.safetensors"
  tensors = load_file(path)
  (name,) = [name for name in tensors if "word_embeddings" in name]
  shape = ROWS, tensors[name].shape[1]
  drawn = np.random.default_rng(0).normal(size=shape)
  tensors[name] = drawn.astype(np.float32)
  save_file(tensors, path)
  tokenizer = train_unigram([" ".join(LETTERS)], vocab_size=500)
  (folder / "tokenizer.json").write_text(tokenizer.serialized, "utf-8")
  roles = {"pad_token": "<pad>"}
  (folder / "tokenizer_config.json").write_text(json.dumps(roles))
  return folder


@pytest.fixture(scope="module")
def towns(data, tmp_path_factory):
  """The data set, with letters in the dev split that training has not."""
  path = tmp_path_factory.mktemp("towns") / "towns.jsonl"
  lines = []
  for line in data.read_text(encoding="utf-8").splitlines():
    record = json.loads(line)
    if record["split"] == "dev":
      record["query"] += " β"
    lines.append(json.dumps(record, ensure_ascii=False) + "\n")
  path.write_text("".join(lines), encoding="utf-8")
  return path


@pytest.fixture(scope="module")
def settings(folder, towns):
  """Trimming or not -> changes of the config."""

  def settings(trim, **changes):
    return {
      "encoder.path": str(folder),
      "adapt.trim_vocabulary": trim,
      "optimizer.embeddings": "lazy",  # else rows that do not occur decay
      "text.query_length": 20,
      "text.passage_length": 20,
      "data.train": (str(towns),),
      "evaluate.dev": str(towns),
      "evaluate.every": 3,
      **changes,
    }

  return settings


@pytest.fixture(scope="module")
def workdirs(run, settings, tmp_path_factory):
  """Three steps with the table trimmed and whole."""
  parent = tmp_path_factory.mktemp("runs")
  for name in ("trimmed", "whole"):
    run(parent / name, settings(name == "trimmed"))
  return parent


def params_of(workdir):
  return load_trained(workdir, Encoder(), make_mesh(1)).params


def assert_near(ours, theirs):
  np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


def test_a_trimmed_table_trains_as_the_whole(workdirs, arrays_of, lines_of):
  trimmed, whole = (
    arrays_of(workdirs / name, 3) for name in ("trimmed", "whole")
  )
  assert trimmed[TABLE].shape[0] == 128
  assert whole[TABLE].shape[0] == 384
  moments = [name for name in trimmed if name.endswith("encoder/tokens")]
  assert len(moments) == 3
  assert all(len(trimmed[name]) == 128 for name in moments)
  ours, theirs = (params_of(workdirs / name) for name in ("trimmed", "whole"))
  assert_near(ours["tokens"], theirs["tokens"])
  assert_near(ours["layers"]["up"]["kernel"], theirs["layers"]["up"]["kernel"])
  losses = [
    [line["loss"] for line in lines_of(workdirs / name, "metrics.jsonl")]
    for name in ("trimmed", "whole")
  ]
  assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_what_training_lacks_stays_as_it_was(workdirs, folder):
  table = np.asarray(params_of(workdirs / "trimmed")["tokens"])
  kept = np.load(workdirs / "trimmed" / "vocabulary" / "kept.npy")
  stored = load_file(folder / "model.safetensors")
  (base,) = [x for name, x in stored.items() if "word_embeddings" in name]
  left = np.setdiff1d(np.arange(ROWS), kept)
  assert len(left) > 200
  assert table[left].tobytes() == base[left].tobytes()
  # Special tokens are in every text; some letters in none of the batches.
  assert (table[kept] != base[kept]).any(axis=1).sum() > 10


def test_the_dev_set_sees_the_whole_table(workdirs, folder, lines_of):
  *_, letter, _ = load(folder).encode(["β"])[0]  # of the dev split alone
  kept = np.load(workdirs / "trimmed" / "vocabulary" / "kept.npy")
  assert letter not in kept
  assert kept[0] == 0  # of the tokens that begin a text
  ours, theirs = (
    lines_of(workdirs / name, "metrics.jsonl")[-1]["dev"]
    for name in ("trimmed", "whole")
  )
  assert ours == pytest.approx(theirs, rel=1e-6)


def test_an_export_has_the_whole_vocabulary(workdirs, run, settings, tmp_path):
  workdir = shutil.copytree(workdirs / "trimmed", tmp_path / "moved")
  run(workdir, settings(True, task="export"))
  tensors = load_file(workdir / "export" / "model.safetensors")
  (table,) = [x for name, x in tensors.items() if "word_embeddings" in name]
  expected = np.asarray(params_of(workdirs / "trimmed")["tokens"])[:ROWS]
  np.testing.assert_array_equal(table, expected)


def test_a_warm_start_has_the_whole_table(
  workdirs, run, settings, tmp_path, arrays_of
):
  changes = {"train.warm_start": str(workdirs / "trimmed"), "train.steps": 0}
  run(tmp_path, {**settings(False, **changes), **NO_DEV})
  expected = np.asarray(params_of(workdirs / "trimmed")["tokens"])
  np.testing.assert_array_equal(arrays_of(tmp_path, 0)[TABLE], expected)


@pytest.mark.parametrize(
  "changes",
  [
    {},
    {"optimizer.embeddings": "dense", "mesh.data": 2},
    {"adapt.lora_rank": 2},
  ],
  ids=["lazy", "dense_on_two_devices", "lora"],
)
def test_a_stopped_run_ends_as_one_that_was_not(
  run, settings, tmp_path, assert_bitwise, changes
):
  changes = {**settings(True, **changes), **NO_DEV}
  run(tmp_path / "one", {**changes, "train.steps": 4})
  run(tmp_path / "two", {**changes, "train.steps": 2})
  run(tmp_path / "two", {**changes, "train.steps": 4})
  assert_bitwise(tmp_path / "one", tmp_path / "two", 4)


def test_two_processes_trim_as_one(
  run, start, settings, tmp_path, assert_close, lines_of
):
  one, several = tmp_path / "one", tmp_path / "several"
  changes = settings(True, **ALIKE)
  run(one, {**changes, "mesh.data": 1})
  finish(start(several, {**changes, "mesh.fsdp": 2 * DEVICES}, 2))
  assert_close(several, one, 3)
  for path in (one / "vocabulary").iterdir():
    twin = several / "vocabulary" / path.name
    assert twin.read_bytes() == path.read_bytes()
  ours, theirs = (
    lines_of(path, "metrics.jsonl")[-1]["dev"] for path in (several, one)
  )
  assert ours == pytest.approx(theirs, rel=1e-6)


def test_a_workdir_without_its_vocabulary_is_refused(
  workdirs, run, settings, tmp_path
):
  workdir = shutil.copytree(workdirs / "trimmed", tmp_path / "copy")
  shutil.rmtree(workdir / "vocabulary")
  message = r"vocabulary/kept.npy: cannot be read .*'adapt.trim_vocabulary'"
  with pytest.raises(UserError, match=message):
    params_of(workdir)
  with pytest.raises(UserError, match=message):
    run(workdir, settings(True, **{"train.steps": 4}))


def test_a_checkpoint_trimmed_otherwise_is_refused(
  workdirs, run, settings, tmp_path
):
  for name, trim in (("trimmed", False), ("whole", True)):
    workdir = shutil.copytree(workdirs / name, tmp_path / name)
    (workdir / "config.json").unlink()
    message = rf"'adapt.trim_vocabulary' is {trim}, but the checkpoints in"
    with pytest.raises(UserError, match=message):
      run(workdir, settings(trim))
