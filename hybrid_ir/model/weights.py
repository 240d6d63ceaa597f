"""safetensors to params; the only importer of `safetensors`. To `encoder`."""

import fnmatch
import functools
import itertools
import json
import operator
import pathlib
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from hybrid_ir.errors import UserError
from hybrid_ir.model import encoder as encoder_lib
from hybrid_ir.model.architecture import Architecture, from_huggingface
from hybrid_ir.model.families import FAMILIES, Entry, Family

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
  shapes = _shapes(arch)
  try:
    with safe_open(path, framework="numpy") as file:
      names_there = file.keys()
      stored = {_modern(name, family): name for name in names_there}
      present = set(stored)
      prefix = (
        family.prefix
        if any(name.startswith(family.prefix) for name in present)
        else ""
      )
      _check_names(path, present, prefix, arch)
      params: dict[str, Any] = {}
      for entry in family.entries:
        names = [
          [stored[prefix + name.format(layer=layer)] for name in entry.names]
          for layer in range(arch.layers if entry.of_layers else 1)
        ]
        _check_shapes(path, file, names, _tensor_shape(entry, shapes))
        _set(params, entry.path, _read_entry(file, entry, names))
  except FileNotFoundError:
    raise UserError(
      f"{path}: no such file; expected the weights as safetensors"
    ) from None
  except SafetensorError as error:
    raise UserError(f"{path}: not a safetensors file: {error}") from None
  params["tokens"] = np.asarray(encoder_lib.pad_table(params["tokens"]))
  return params


def _modern(name: str, family: Family) -> str:
  """A tensor's name as the family's table has it."""
  for old, new in family.renamed:
    if name.endswith(old):
      return name.removesuffix(old) + new
  return name


def _read_entry(file: Any, entry: Entry, names: list[list[str]]) -> Array:
  """One of our parameters: tensors transposed, joined, stacked by layer."""
  layers = []
  for here in names:
    tensors = [file.get_tensor(name) for name in here]
    if entry.transposed:
      tensors = [tensor.T for tensor in tensors]
    layers.append(np.concatenate(tensors, axis=-1).astype(np.float32))
  return np.stack(layers) if entry.of_layers else layers[0]


def _shapes(arch: Architecture) -> dict[str, Any]:
  """The shapes of the encoder's parameters, the table without padding."""
  encoder = encoder_lib.Encoder(arch)
  shapes: dict[str, Any] = jax.eval_shape(encoder.init, jax.random.key(0))
  table = (arch.vocab_size, arch.hidden_size)
  return {**shapes, "tokens": jax.ShapeDtypeStruct(table, np.float32)}


def _tensor_shape(entry: Entry, shapes: dict[str, Any]) -> list[int]:
  """The shape of each of an entry's tensors, as the checkpoint has them."""
  ours: Any = functools.reduce(operator.getitem, entry.path, shapes)
  *rest, last = ours.shape[1:] if entry.of_layers else ours.shape
  shape = [*rest, last // len(entry.names)]
  return shape[::-1] if entry.transposed else shape


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
  path: pathlib.Path, file: Any, names: list[list[str]], expected: list[int]
) -> None:
  for name in itertools.chain(*names):
    shape = file.get_slice(name).get_shape()
    if shape != expected:
      raise UserError(
        f"{path}: the tensor '{name}' has the shape {shape}, but config.json"
        f" says {expected}"
      )


def _set(tree: dict[str, Any], path: tuple[str, ...], value: Array) -> None:
  for part in path[:-1]:
    tree = tree.setdefault(part, {})
  tree[path[-1]] = value
