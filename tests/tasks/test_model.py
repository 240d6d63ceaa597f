"""A run that starts from a folder in Hugging Face's layout."""

import pathlib
import shutil

import pytest

from hybrid_ir.data.tokenizer import train_unigram
from hybrid_ir.errors import UserError
from hybrid_ir.model.weights import read_architecture, read_params

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
  message = rf"bert: the tokenizer has {size} pieces, .* table only 61 rows"
  with pytest.raises(UserError, match=message):
    run(tmp_path / "run", starting_from(folder))


def test_another_tokenizer_than_the_runs_is_refused(run, folder, tmp_path):
  workdir = tmp_path / "run"
  run(workdir, starting_from(folder))
  write_tokenizer(folder, "abcdef")
  message = (
    r"bert/tokenizer.json .* is not the tokenizer that .*run was trained"
  )
  for task in ("train", "evaluate"):
    with pytest.raises(UserError, match=message):
      run(workdir, starting_from(folder, task=task))


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
