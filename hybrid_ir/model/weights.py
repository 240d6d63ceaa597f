"""safetensors to params; the only importer of `safetensors`. To `encoder`."""

import fnmatch
import json
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from hybrid_ir.errors import UserError
from hybrid_ir.model import encoder as encoder_lib
from hybrid_ir.model.architecture import Architecture, from_huggingface
from hybrid_ir.model.families import FAMILIES, Entry

Array = NDArray[np.float32]


def read_architecture(folder: pathlib.Path) -> Architecture:
  """Reads FOLDER/config.json.

  Raises:
    UserError: missing, malformed, or of an unknown architecture.
  """
  path = folder / "config.json"
  try:
    config = json.loads(path.read_text(encoding="utf-8"))
  except FileNotFoundError:
    raise UserError(
      f"{path}: no such file; expected 'encoder.path' to be a folder in"
      " Hugging Face's layout"
    ) from None
  except ValueError as error:
    raise UserError(f"{path}: not JSON: {error}") from None
  return from_huggingface(config, str(path))


def read_params(folder: pathlib.Path, arch: Architecture) -> dict[str, Any]:
  """Reads FOLDER/model.safetensors into the encoder's parameters, float32.

  Raises:
    UserError: naming a tensor that is missing, unknown, or of another shape.
  """
  path = folder / "model.safetensors"
  family = FAMILIES[arch.family]
  try:
    with safe_open(path, framework="numpy") as file:
      present = set(file.keys())
      prefix = (
        family.prefix
        if any(name.startswith(family.prefix) for name in present)
        else ""
      )
      _check_names(path, present, prefix, arch)
      params: dict[str, Any] = {}
      for entry in family.entries:
        _set(
          params, entry.path, _read_entry(file.get_tensor, entry, prefix, arch)
        )
  except FileNotFoundError:
    raise UserError(f"{path}: no such file") from None
  except SafetensorError as error:
    raise UserError(f"{path}: not a safetensors file: {error}") from None
  _check_shapes(path, params, arch)
  params["tokens"] = np.asarray(encoder_lib.pad_table(params["tokens"]))
  return params


def _read_entry(
  get_tensor: Callable[[str], Array],
  entry: Entry,
  prefix: str,
  arch: Architecture,
) -> Array:
  """One of our parameters: tensors transposed, joined, stacked by layer."""

  def join(layer: int) -> Array:
    tensors = [
      get_tensor(prefix + name.format(layer=layer)) for name in entry.names
    ]
    if entry.transposed:
      tensors = [tensor.T for tensor in tensors]
    return np.concatenate(tensors, axis=-1).astype(np.float32)

  if "{layer}" not in entry.names[0]:
    return join(0)
  return np.stack([join(layer) for layer in range(arch.layers)])


def _check_names(
  path: pathlib.Path, present: set[str], prefix: str, arch: Architecture
) -> None:
  family = FAMILIES[arch.family]
  wanted = {
    prefix + name.format(layer=layer)
    for entry in family.entries
    for name in entry.names
    for layer in range(arch.layers)
  }
  if missing := sorted(wanted - present):
    raise UserError(
      f"{path}: the tensor '{missing[0]}' is missing"
      f" ({len(missing)} missing in all)"
    )
  unknown = sorted(
    name
    for name in present - wanted
    if not any(
      fnmatch.fnmatch(name.removeprefix(prefix), pattern)
      for pattern in family.discards
    )
  )
  if unknown:
    raise UserError(
      f"{path}: the tensor '{unknown[0]}' has no place in a {arch.family}"
      f" encoder of {arch.layers} layers ({len(unknown)} unknown in all)"
    )


def _check_shapes(
  path: pathlib.Path, params: dict[str, Any], arch: Architecture
) -> None:
  encoder = encoder_lib.Encoder(arch)
  expected = jax.eval_shape(encoder.init, jax.random.key(0))
  expected["tokens"] = jax.ShapeDtypeStruct(
    (arch.vocab_size, arch.hidden_size), np.float32
  )
  flat = dict(jax.tree_util.tree_flatten_with_path(expected)[0])
  for tree_path, array in jax.tree_util.tree_flatten_with_path(params)[0]:
    if array.shape != flat[tree_path].shape:
      raise UserError(
        f"{path}: {jax.tree_util.keystr(tree_path)} has the shape"
        f" {array.shape}, but config.json says {flat[tree_path].shape}"
      )


def _set(tree: dict[str, Any], path: tuple[str, ...], value: Array) -> None:
  for part in path[:-1]:
    tree = tree.setdefault(part, {})
  tree[path[-1]] = value
