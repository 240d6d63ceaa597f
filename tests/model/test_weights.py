import json
import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hybrid_ir.errors import UserError
from hybrid_ir.model.weights import (
  name_tensors,
  read_architecture,
  read_params,
  write_params,
)

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


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "modernbert"])
def test_what_is_written_is_read_bit_for_bit(family, arches, draw, tmp_path):
  arch = arches(family)
  params = draw(arch)
  params["tokens"][arch.vocab_size :] = 0  # padding is not in the file
  # Other parts of a bi-encoder are not the encoder's.
  stored = {**params, "dense": {"0": {"kernel": np.ones((16, 4))}}}
  write_params(tmp_path, arch, stored, "float32")
  again = read_params(tmp_path, arch)
  assert jax.tree.structure(again) == jax.tree.structure(params)
  jax.tree.map(np.testing.assert_array_equal, again, params)
  tensors = load_file(tmp_path / "model.safetensors")
  (table,) = (x for name, x in tensors.items() if table_of(name))
  assert table.shape == (61, 16)
  # Plain names, as of a model without a head.
  assert {name.split(".")[0] for name in tensors} <= {
    *("embeddings", "encoder", "layers", "final_norm"),
  }


def table_of(name):
  return name.endswith(("word_embeddings.weight", "tok_embeddings.weight"))


def test_params_on_devices_are_written(arch, params, tmp_path):
  write_params(tmp_path, arch, jax.tree.map(jnp.asarray, params), "float32")
  again = read_params(tmp_path, arch)
  np.testing.assert_array_equal(again["tokens"][:61], params["tokens"][:61])


def test_bfloat16_is_written_and_read(arch, params, tmp_path):
  write_params(tmp_path, arch, params, "bfloat16")
  again = read_params(tmp_path, arch)
  one, other = again["layers"]["qkv"], params["layers"]["qkv"]
  np.testing.assert_allclose(one["kernel"], other["kernel"], rtol=2**-8)
  assert one["kernel"].dtype == np.float32
  file = tmp_path / "model.safetensors"
  assert file.stat().st_size < 16_000  # half of what float32 takes


def test_names_of_gradients_are_those_of_the_weights(arch, params):
  tensors = name_tensors(arch, params)
  query = tensors["encoder.layer.1.attention.self.query.weight"]
  np.testing.assert_array_equal(
    query, params["layers"]["qkv"]["kernel"][1][:, :16].T
  )
  value = tensors["encoder.layer.0.attention.self.value.bias"]
  np.testing.assert_array_equal(value, params["layers"]["qkv"]["bias"][0][32:])


def test_a_sharded_checkpoint_gives_the_same(folder):
  whole = read(folder)
  tensors = load_file(folder / "model.safetensors")
  (folder / "model.safetensors").unlink()
  names = sorted(tensors)
  files = {name: f"model-{i % 2}.safetensors" for i, name in enumerate(names)}
  for file in set(files.values()):
    part = {name: tensors[name] for name in names if files[name] == file}
    save_file(part, folder / file)
  index = folder / "model.safetensors.index.json"
  index.write_text(json.dumps({"weight_map": files}))
  jax.tree.map(np.testing.assert_array_equal, read(folder), whole)


def test_the_table_is_padded():
  table = read(TINY)["tokens"]
  assert table.shape == (128, 16)
  stored = load_file(TINY / "model.safetensors")
  assert (table[:61] == stored["embeddings.word_embeddings.weight"]).all()


def test_a_checkpoint_with_heads_gives_the_same(rewrite, capsys):
  def add_heads(tensors):
    for name in list(tensors):
      tensors[f"bert.{name}"] = tensors.pop(name)
    tensors["cls.predictions.bias"] = np.zeros(61, np.float32)
    tensors["cls.predictions.transform.dense.bias"] = np.zeros(16, np.float32)
    tensors["bert.pooler.dense.bias"] = np.zeros(16, np.float32)
    tensors["bert.embeddings.position_ids"] = np.arange(20)

  plain = read(TINY)
  assert capsys.readouterr().out == ""
  jax.tree.map(np.testing.assert_array_equal, read(rewrite(add_heads)), plain)
  (line,) = capsys.readouterr().out.splitlines()
  for part in (
    "left out  tensors ",
    "cls.predictions.* (2)",
    "pooler.* (1)",
    "embeddings.position_ids (1)",
  ):
    assert part in line


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


def test_two_tensors_for_one_name(rewrite):
  def add(tensors):
    for name in list(tensors):
      tensors[f"bert.{name}"] = tensors[name]

  with pytest.raises(UserError, match="has no place in a bert encoder"):
    read(rewrite(add))


@pytest.mark.parametrize("dtype", [np.int32, np.float64])
def test_names_a_tensor_of_another_dtype(rewrite, dtype):
  folder = rewrite(lambda t: t.update({QUERY: t[QUERY].astype(dtype)}))
  with pytest.raises(UserError, match=f"'{QUERY}' is of .*; expected one of"):
    read(folder)


def test_more_layers_in_the_file_than_in_the_config(folder):
  path = folder / "config.json"
  fields = json.loads(path.read_text()) | {"num_hidden_layers": 1}
  path.write_text(json.dumps(fields))
  with pytest.raises(UserError, match=r"layer.1.* no place .* of 1 layers"):
    read(folder)


def test_the_lower_layers_alone(folder, tmp_path, capsys):
  whole = read(folder)
  arch = read_architecture(folder, 1)
  assert arch.layers == 1
  with pytest.raises(UserError, match=r"layer.1.* no place .* of 1 layers"):
    read_params(folder, arch)
  cut = read_params(folder, arch, 2)
  (line,) = capsys.readouterr().out.splitlines()
  assert "tensors of the layers from 1 on (16)" in line
  expected = {**whole, "layers": jax.tree.map(lambda x: x[:1], whole["layers"])}
  jax.tree.map(np.testing.assert_array_equal, cut, expected)


@pytest.mark.parametrize(
  ("family", "kept", "said"),
  [("bert", 3, "1 to 2"), ("modernbert", 6, "2 to 5"), ("modernbert", 1, "2")],
)
def test_layers_that_are_not_there(family, kept, said):
  with pytest.raises(
    UserError, match=rf"'encoder.keep_layers' is {kept}; expected {said}.*or 0"
  ):
    read_architecture(TINY.parent / f"tiny_{family}", kept)


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
  message = (
    r"model.safetensors: not a safetensors file, or cut off or damaged \(.*\);"
    r" copy or download it again"
  )
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
  with pytest.raises(
    UserError, match=r"config.json: not JSON \(.*; copy or download it"
  ):
    read_architecture(folder)


def test_an_unknown_architecture_is_told(folder):
  path = folder / "config.json"
  fields = json.loads(path.read_text()) | {"model_type": "gpt2"}
  path.write_text(json.dumps(fields))
  with pytest.raises(UserError, match="model_type is 'gpt2'"):
    read_architecture(folder)
