import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from hybrid_ir.errors import UserError
from hybrid_ir.model import dense
from hybrid_ir.model.sentence_transformers import Dense, Modules

WEIGHT = np.array([[1, 2, 0], [0, -1, 3]], np.float32)  # [out, in]
BIAS = np.array([0.5, -0.5], np.float32)
X = np.array([[1, 1, 1], [0, 2, 1]], np.float32)
LINEAR = np.array([[3.5, 1.5], [4.5, 0.5]])  # X @ WEIGHT.T + BIAS


def write(folder, prefix, **tensors):
  folder.mkdir(exist_ok=True)
  save_file(
    {f"{prefix}.{name}": value for name, value in tensors.items()},
    folder / "model.safetensors",
  )


def run(params, layers):
  arrays = {
    number: {name: jnp.asarray(x) for name, x in layer.items()}
    for number, layer in params.items()
  }
  return dense.apply(arrays, layers, jnp.asarray(X))


@pytest.mark.parametrize(
  ("activation", "expected"),
  [("identity", LINEAR), ("tanh", np.tanh(LINEAR))],
)
def test_by_hand(tmp_path, activation, expected):
  layers = (Dense(2, activation, True),)
  write(tmp_path / "2_Dense", "linear", weight=WEIGHT, bias=BIAS)
  params = dense.read_params(
    tmp_path, layers, Modules(dense=layers, dense_folders=("2_Dense",)), 3
  )
  np.testing.assert_allclose(run(params, layers), expected, rtol=1e-6)


def test_two_layers_without_bias(tmp_path):
  layers = (Dense(2, "identity", False), Dense(3, "identity", False))
  write(tmp_path / "2_Dense", "linear", weight=WEIGHT)
  write(tmp_path / "3_Dense", "linear", weight=WEIGHT.T.copy())
  modules = Modules(dense=layers, dense_folders=("2_Dense", "3_Dense"))
  params = dense.read_params(tmp_path, layers, modules, 3)
  np.testing.assert_allclose(run(params, layers), X @ WEIGHT.T @ WEIGHT)


@pytest.mark.parametrize("prefix", ["pooler.dense", "bert.pooler.dense"])
def test_berts_pooler(tmp_path, prefix):
  write(tmp_path, prefix, weight=WEIGHT, bias=BIAS)
  layers = (Dense(2, "tanh", True),)
  params = dense.read_params(tmp_path, layers, Modules(), 3)
  np.testing.assert_allclose(run(params, layers), np.tanh(LINEAR), rtol=1e-6)


def test_a_model_without_a_pooler_is_refused(tmp_path):
  write(tmp_path, "encoder", weight=WEIGHT)
  with pytest.raises(UserError, match=r"'pooler.dense.weight' is missing"):
    dense.read_params(tmp_path, (Dense(2, "tanh", True),), Modules(), 3)


def test_another_shape_is_refused(tmp_path):
  write(tmp_path, "pooler.dense", weight=WEIGHT.T.copy(), bias=BIAS)
  message = r"'pooler.dense.weight' has the shape \(3, 2\); expected \(2, 3\)"
  with pytest.raises(UserError, match=message):
    dense.read_params(tmp_path, (Dense(2, "tanh", True),), Modules(), 3)


def test_fresh_parameters_fit_their_layers():
  layers = (Dense(2, "tanh", True), Dense(4, "identity", False))
  params = dense.init(jnp.array([0, 1], jnp.uint32), layers, (3, 2, 4))
  assert run(params, layers).shape == (2, 4)
  assert params["1"].keys() == {"kernel"}
