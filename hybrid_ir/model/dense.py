"""Dense layers behind the pooling, LaBSE's for one. To `bi_encoder`."""

import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hybrid_ir.errors import UserError
from hybrid_ir.model.sentence_transformers import Dense, Modules
from hybrid_ir.model.tensors import open_tensors

Params = dict[str, Any]  # "0", "1", ... -> {"kernel" [in, out], "bias" [out]}


def init(
  key: jax.Array, layers: Sequence[Dense], sizes: Sequence[int]
) -> Params:
  """Fresh parameters; `sizes`: of what comes in, and of each layer."""
  params: Params = {}
  for i, layer in enumerate(layers):
    shape = sizes[i], sizes[i + 1]
    kernel = jax.random.normal(jax.random.fold_in(key, i), shape) * 0.02
    params[str(i)] = {"kernel": kernel}
    if layer.bias:
      params[str(i)]["bias"] = jnp.zeros(shape[1])
  return params


def apply(params: Params, layers: Sequence[Dense], x: jax.Array) -> jax.Array:
  """[T, D] -> [T, E]."""
  for i, layer in enumerate(layers):
    weights = params[str(i)]
    x = jnp.matmul(x, weights["kernel"], precision=jax.lax.Precision.HIGHEST)
    if layer.bias:
      x = x + weights["bias"][None]
    if layer.activation == "tanh":
      x = jnp.tanh(x)
  return x


def read_params(
  folder: pathlib.Path,
  layers: Sequence[Dense],
  modules: Modules,
  hidden_size: int,
) -> Params:
  """Reads the layers' weights from a model's folder.

  Args:
    folder: in Hugging Face's layout.
    layers: of the contract.
    modules: what the folder says; other layers than its own are BERT's pooler.
    hidden_size: D.

  Raises:
    UserError: weights that are missing or of another shape.
  """
  if layers != modules.dense:
    return {"0": _read(folder, "pooler.dense", hidden_size, layers[0])}
  params: Params = {}
  size = hidden_size
  for i, (layer, name) in enumerate(
    zip(layers, modules.dense_folders, strict=True)
  ):
    params[str(i)] = _read(folder / name, "linear", size, layer)
    size = layer.size
  return params


def _read(
  folder: pathlib.Path, name: str, size: int, layer: Dense
) -> dict[str, NDArray[np.float32]]:
  """A linear layer's tensors; `name` with or without what stands before it."""
  shapes: dict[str, tuple[int, ...]] = {"weight": (layer.size, size)}
  if layer.bias:
    shapes["bias"] = (layer.size,)
  found = {}
  with open_tensors(folder) as tensors:
    for part, shape in shapes.items():
      wanted = f"{name}.{part}"
      full = next((n for n in tensors.names() if n.endswith(wanted)), None)
      if full is None:
        raise UserError(f"{folder}: the tensor '{wanted}' is missing")
      if tuple(tensors.shape(full)) != shape:
        raise UserError(
          f"{folder}: the tensor '{full}' has the shape"
          f" {tuple(tensors.shape(full))}; expected {shape}"
        )
      found[part] = tensors.read(full)
  params = {"kernel": found["weight"].T}
  return {**params, "bias": found["bias"]} if layer.bias else params
