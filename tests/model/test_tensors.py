import contextlib
import json
import os
import stat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from hybrid_ir.errors import UserError
from hybrid_ir.model import tensors as tensors_lib
from hybrid_ir.model.tensors import open_tensors, write_tensors

A = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
B = np.array([1.0, -2.5], np.float32)


@pytest.fixture
def sharded(tmp_path):
  """A folder with two shards and their index."""
  write_tensors(tmp_path / "model-1.safetensors", {"a": A})
  write_tensors(tmp_path / "model-2.safetensors", {"b": B})
  write_index(
    tmp_path, {"a": "model-1.safetensors", "b": "model-2.safetensors"}
  )
  return tmp_path


def write_index(folder, files):
  path = folder / "model.safetensors.index.json"
  path.write_text(json.dumps({"metadata": {}, "weight_map": files}))


def read(folder):
  with open_tensors(folder) as tensors:
    return {name: tensors.read(name) for name in tensors.names()}


def fault(folder):
  with pytest.raises(UserError) as error:
    read(folder)
  assert "\n" not in str(error.value)
  return str(error.value)


def test_what_is_written_is_read(tmp_path):
  write_tensors(tmp_path / "model.safetensors", {"a": A, "t": A.T, "b": B})
  with open_tensors(tmp_path) as tensors:
    assert tensors.path == tmp_path / "model.safetensors"
    assert tensors.names() == {"a", "t", "b"}
    assert tensors.shape("t") == [4, 3]
    assert tensors.where("b") == tensors.path
    for name, expected in (("a", A), ("t", A.T), ("b", B)):
      found = tensors.read(name)
      assert found.dtype == np.float32
      np.testing.assert_array_equal(found, expected)


def test_views_are_filled_piece_by_piece(tmp_path, monkeypatch):
  monkeypatch.setattr(tensors_lib, "_BLOCK", 5)  # one row of four at once
  write_tensors(tmp_path / "model.safetensors", {"a": A})
  out = np.full((4, 4), -1, np.float32)
  with open_tensors(tmp_path) as tensors:
    tensors.read_into("a", out.T[1:])
  np.testing.assert_array_equal(out[:, 1:], A.T)
  assert (out[:, 0] == -1).all()


def test_shards_are_one(sharded):
  found = read(sharded)
  np.testing.assert_array_equal(found["a"], A)
  np.testing.assert_array_equal(found["b"], B)
  with open_tensors(sharded) as tensors:
    assert tensors.where("b") == sharded / "model-2.safetensors"
    assert tensors.path == sharded / "model.safetensors.index.json"


def test_bfloat16_there_and_back(tmp_path):
  write_tensors(tmp_path / "model.safetensors", {"a": A}, "bfloat16")
  found = read(tmp_path)["a"]
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, A, rtol=2**-8)
  assert (found != A).any()
  write_tensors(tmp_path / "model.safetensors", {"a": found}, "bfloat16")
  np.testing.assert_array_equal(read(tmp_path)["a"], found)


def test_float16_is_read(tmp_path):
  save_file({"a": A.astype(np.float16)}, tmp_path / "model.safetensors")
  np.testing.assert_allclose(read(tmp_path)["a"], A, rtol=2**-10)


@pytest.mark.parametrize("dtype", ["int32", "int8", "float64", "bool"])
def test_other_dtypes_are_told(tmp_path, dtype):
  save_file({"a": A.astype(dtype)}, tmp_path / "model.safetensors")
  assert "'a' is of" in fault(tmp_path)
  assert "expected one of F32, F16, BF16" in fault(tmp_path)


def test_others_may_read_what_is_written(tmp_path):
  path = tmp_path / "model.safetensors"
  write_tensors(path, {"a": A})
  (tmp_path / "plain").touch()
  plain = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
  assert stat.S_IMODE(path.stat().st_mode) == plain
  assert load_file(path).keys() == {"a"}
  assert sorted(os.listdir(tmp_path)) == ["model.safetensors", "plain"]


@pytest.mark.parametrize("kept", [0, 5, 30, -1])
def test_a_cut_file(tmp_path, kept):
  path = tmp_path / "model.safetensors"
  write_tensors(path, {"a": A})
  path.write_bytes(path.read_bytes()[:kept])
  assert f"{path}: not a safetensors file" in fault(tmp_path)


@given(place=st.integers(0, 120), byte=st.integers(0, 255))
def test_a_damaged_header(tmp_path_factory, place, byte):
  """Any changed byte of it gives a UserError, or tensors of some content."""
  folder = tmp_path_factory.mktemp("damaged")
  path = folder / "model.safetensors"
  write_tensors(path, {"a": A, "b": B})
  content = bytearray(path.read_bytes())
  content[place] = byte
  path.write_bytes(content)
  with contextlib.suppress(UserError):
    assert len(read(folder)) <= 2


def test_nothing_there(tmp_path):
  assert "model.safetensors: no such file; expected the weights" in fault(
    tmp_path
  )


@pytest.mark.parametrize(
  "name", ["pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"]
)
def test_other_formats_are_never_read(tmp_path, name):
  (tmp_path / name).write_bytes(b"x")
  message = fault(tmp_path)
  assert f"there is {name}" in message
  assert "never read" in message
  assert "from_pretrained(FOLDER).save_pretrained(FOLDER)" in message


def test_a_missing_shard(sharded):
  (sharded / "model-2.safetensors").unlink()
  assert "model-2.safetensors: no such file, but the index" in fault(sharded)


def test_an_index_that_names_an_absent_tensor(sharded):
  files = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
  write_index(sharded, {**files, "c": "model-2.safetensors"})
  assert "model-2.safetensors do not agree on the tensor 'c'" in fault(sharded)
  write_index(sharded, {"a": "model-1.safetensors"})
  assert read(sharded).keys() == {"a"}


@pytest.mark.parametrize(
  "text",
  [
    "{",
    "[]",
    "{}",
    '{"weight_map": ["a"]}',
    '{"weight_map": {"a": 1}}',
    '{"weight_map": {"a": "../model-1.safetensors"}}',
    '{"weight_map": {"a": "/model-1.safetensors"}}',
  ],
)
def test_a_damaged_index(sharded, text):
  (sharded / "model.safetensors.index.json").write_text(text)
  assert "index.json: not an index of safetensors files" in fault(sharded)
