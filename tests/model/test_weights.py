import json
import pathlib
import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hybrid_ir.errors import UserError
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.model.weights import read_architecture, read_params

TINY = pathlib.Path(__file__).parent / "fixtures" / "tiny_bert"
QUERY = "encoder.layer.1.attention.self.query.weight"


@pytest.fixture
def folder(tmp_path):
  """A copy of the tiny model, free to be damaged."""
  for name in ("config.json", "model.safetensors"):
    shutil.copy(TINY / name, tmp_path / name)
  return tmp_path


@pytest.fixture
def rewrite(folder):
  """Changes the tensors of the copy."""

  def rewrite(change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    tensors = {n: np.ascontiguousarray(x) for n, x in tensors.items()}
    save_file(tensors, folder / "model.safetensors")
    return folder

  return rewrite


def read(folder):
  return read_params(folder, read_architecture(folder))


def test_parity_with_the_stored_reference(rows_of, embed):
  """PyTorch's states, written by fixtures/tiny_bert/write.py."""
  arch, params = read_architecture(TINY), read(TINY)
  expected = np.load(TINY / "expected.npz")
  texts = np.split(expected["tokens"], np.cumsum(expected["lengths"])[:-1])
  for packed in (True, False):
    rows = rows_of(texts, packed)
    states = np.asarray(embed(Encoder(arch), params, rows)[0])
    ours = np.concatenate(
      [
        states[row, start : start + len(text)]
        for row, start, text in zip(
          rows["text_row"], rows["text_start"], texts, strict=True
        )
      ]
    )
    error = np.linalg.norm(ours - expected["states"])
    assert error < 1e-5 * np.linalg.norm(expected["states"])


def test_the_table_is_padded():
  table = read(TINY)["tokens"]
  assert table.shape == (128, 16)
  stored = load_file(TINY / "model.safetensors")
  assert (table[:61] == stored["embeddings.word_embeddings.weight"]).all()


def test_a_checkpoint_with_heads_gives_the_same(rewrite):
  def add_heads(tensors):
    for name in list(tensors):
      tensors[f"bert.{name}"] = tensors.pop(name)
    tensors["cls.predictions.bias"] = np.zeros(61, np.float32)
    tensors["bert.pooler.dense.bias"] = np.zeros(16, np.float32)
    tensors["bert.embeddings.position_ids"] = np.arange(20)

  same = jax.tree.map(np.array_equal, read(TINY), read(rewrite(add_heads)))
  assert all(jax.tree.leaves(same))


def test_half_precision_is_read_as_float32(rewrite):
  def halve(tensors):
    for name, tensor in tensors.items():
      tensors[name] = tensor.astype(np.float16)

  params = read(rewrite(halve))
  assert {x.dtype for x in jax.tree.leaves(params)} == {np.dtype("float32")}


def test_names_of_old_files_are_known(folder, rewrite):
  new = read(folder)

  def rename(tensors):
    for name in [n for n in tensors if "LayerNorm" in n]:
      old = name.replace(".weight", ".gamma").replace(".bias", ".beta")
      tensors[old] = tensors.pop(name)

  old = read(rewrite(rename))
  jax.tree.map(np.testing.assert_array_equal, new, old)


def test_names_a_missing_tensor(rewrite):
  folder = rewrite(lambda tensors: tensors.pop(QUERY))
  message = rf"model.safetensors: the tensor '{QUERY}' is missing \(1 missing"
  with pytest.raises(UserError, match=message):
    read(folder)


def test_names_an_unknown_tensor(rewrite):
  def add(tensors):
    tensors["encoder.layer.2.output.dense.bias"] = np.zeros(16, np.float32)

  message = r"'encoder.layer.2.output.dense.bias' has no place in a bert"
  with pytest.raises(UserError, match=message):
    read(rewrite(add))


@pytest.mark.parametrize(
  ("name", "shape"),
  [
    ("embeddings.word_embeddings.weight", [60, 16]),
    (QUERY, [16, 15]),
    ("encoder.layer.0.attention.self.value.bias", [17]),
    ("encoder.layer.0.intermediate.dense.weight", [16, 24]),
    ("encoder.layer.1.output.LayerNorm.weight", [1]),
  ],
)
def test_names_a_tensor_of_another_shape(rewrite, name, shape):
  folder = rewrite(lambda t: t.update({name: np.zeros(shape, np.float32)}))
  message = f"'{name}' has the shape {shape}, but config.json says".replace(
    "[", r"\["
  )
  with pytest.raises(UserError, match=message):
    read(folder)


@pytest.mark.parametrize("kept", [0, 5, 100, -4])
def test_a_cut_file_is_told(folder, kept):
  path = folder / "model.safetensors"
  path.write_bytes(path.read_bytes()[:kept])
  message = r"model.safetensors: not a safetensors file"
  with pytest.raises(UserError, match=message):
    read(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_names_a_missing_file(folder, name):
  (folder / name).unlink()
  with pytest.raises(UserError, match=rf"{name}: no such file; expected"):
    read(folder)


@pytest.mark.parametrize("text", [b'{"model_type": ', b"\xff\xfe", b""])
def test_a_damaged_config_is_told(folder, text):
  (folder / "config.json").write_bytes(text)
  with pytest.raises(UserError, match=r"config.json: not JSON"):
    read_architecture(folder)


def test_an_unknown_architecture_is_told(folder):
  path = folder / "config.json"
  fields = json.loads(path.read_text()) | {"model_type": "gpt2"}
  path.write_text(json.dumps(fields))
  with pytest.raises(UserError, match="model_type is 'gpt2'"):
    read_architecture(folder)
