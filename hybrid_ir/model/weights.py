"""Tensors of a folder to params and back. From `tensors`, to `encoder`."""

import collections
import dataclasses
import fnmatch
import functools
import json
import operator
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from hybrid_ir.errors import UserError
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.encoder import TABLE_MULTIPLE, Encoder, Params
from hybrid_ir.model.families import FAMILIES, Entry, Family
from hybrid_ir.model.huggingface import from_huggingface
from hybrid_ir.model.tensors import Array, Tensors, open_tensors, write_tensors


def read_architecture(
  folder: pathlib.Path, keep_layers: int = 0
) -> Architecture:
  """Reads FOLDER/config.json.

  Args:
    folder: in Hugging Face's layout.
    keep_layers: the lower layers that are kept; 0: all.

  Raises:
    UserError: missing, malformed, of an unknown architecture, or of fewer
      layers than are to be kept.
  """
  path = folder / "config.json"
  try:
    config = json.loads(path.read_text(encoding="utf-8"))
  except FileNotFoundError:
    raise UserError(
      f"{path}: no such file; expected a folder in Hugging Face's layout, with"
      " config.json, model.safetensors and a tokenizer"
    ) from None
  except ValueError as error:
    raise UserError(
      f"{path}: not JSON ({error}); copy or download it again"
    ) from None
  arch = from_huggingface(config, str(path))
  least = 1 + FAMILIES[arch.family].first_stacked
  if keep_layers and not least <= keep_layers <= arch.layers:
    raise UserError(
      f"config key 'encoder.keep_layers' is {keep_layers}; expected {least} to"
      f" {arch.layers}, the layers of {path}, or 0 for all"
    )
  return dataclasses.replace(arch, layers=keep_layers or arch.layers)


def read_params(
  folder: pathlib.Path, arch: Architecture, layers: int = 0
) -> Params:
  """Reads FOLDER/model.safetensors into the encoder's parameters, float32.

  Tensors with no use here, heads and layers that are not kept for instance,
  are left out and said.

  Args:
    folder: in Hugging Face's layout.
    arch: as `read_architecture` says of that folder.
    layers: the folder's, where `arch` keeps fewer of them; 0: as many.

  Raises:
    UserError: naming a tensor that is missing, unknown, or of another shape.
  """
  family = FAMILIES[arch.family]
  shapes = _shapes(arch)
  with open_tensors(folder) as tensors:
    stored = _match(tensors, family, arch, layers)
    params: Params = {}
    for entry in family.entries:
      shape = list(_get(shapes, entry.path).shape)
      table = entry.path == ("tokens",)
      rows = -shape[0] % TABLE_MULTIPLE if table else 0
      ours = np.empty([shape[0] + rows, *shape[1:]], np.float32)
      ours[len(ours) - rows :] = 0
      for name, place in _places(entry, ours[: len(ours) - rows], family):
        _read(tensors, stored[name], place)
      _set(params, entry.path, ours)
  return params


def write_params(
  folder: pathlib.Path, arch: Architecture, params: Params, dtype: str
) -> None:
  """Writes FOLDER/model.safetensors, the inverse of `read_params`.

  Args:
    folder: in Hugging Face's layout.
    arch: of the encoder.
    params: of the encoder; others in the dict are left alone.
    dtype: "float32" or "bfloat16".
  """
  write_tensors(folder / "model.safetensors", name_tensors(arch, params), dtype)


def name_tensors(arch: Architecture, params: Params) -> dict[str, Array]:
  """Parameters, or their gradients, under transformers' names and in its form.

  Args:
    arch: of the encoder.
    params: of the encoder; others in the dict are left alone.

  Returns:
    The tensors, views where they can be.
  """
  family = FAMILIES[arch.family]
  tensors: dict[str, Array] = {}
  for entry in family.entries:
    ours = np.asarray(_get(params, entry.path))
    if entry.path == ("tokens",):
      ours = ours[: arch.vocab_size]
    tensors.update(_places(entry, ours, family))
  return tensors


def _places(
  entry: Entry, ours: Array, family: Family
) -> Iterator[tuple[str, Array]]:
  """An entry's tensors by name: views of our parameter, in their form."""
  layers = (
    enumerate(ours, start=family.first_stacked)
    if entry.of_layers
    else [(0, ours)]
  )
  for layer, here in layers:
    parts = np.split(here, len(entry.names), axis=-1)
    for name, part in zip(entry.names, parts, strict=True):
      yield name.format(layer=layer), part.T if entry.transposed else part


def _read(tensors: Tensors, name: str, place: Array) -> None:
  shape = tensors.shape(name)
  if shape != list(place.shape):
    raise UserError(
      f"{tensors.where(name)}: the tensor '{name}' has the shape {shape}, but"
      f" config.json says {list(place.shape)}"
    )
  tensors.read_into(name, place)


def _match(
  tensors: Tensors, family: Family, arch: Architecture, layers: int
) -> dict[str, str]:
  """The table's names -> the file's, of `layers`; says what is left out."""
  present = tensors.names()
  modern = {_modern(name, family): name for name in present}
  prefix = (
    family.prefix if any(n.startswith(family.prefix) for n in modern) else ""
  )
  wanted = _wanted(family, range(family.first_stacked, arch.layers))
  above = _wanted(family, range(arch.layers, layers)) - wanted
  stored = {
    name: modern[prefix + name] for name in wanted if prefix + name in modern
  }
  if missing := sorted(wanted - stored.keys()):
    raise UserError(
      f"{tensors.path}: the tensor '{prefix}{missing[0]}' is missing"
      f" ({len(missing)} missing in all)"
    )
  left_out = collections.Counter[str]()
  unknown = []
  for name in sorted(present - set(stored.values())):
    bare = name.removeprefix(prefix)
    if _modern(bare, family) in above:
      left_out[f"of the layers from {arch.layers} on"] += 1
      continue
    kinds = [kind for kind in family.discards if fnmatch.fnmatch(bare, kind)]
    left_out.update(kinds[:1])
    unknown += [] if kinds else [name]
  if unknown:
    raise UserError(
      f"{tensors.where(unknown[0])}: the tensor '{unknown[0]}' has no place in"
      f" a {arch.family} encoder of {arch.layers} layers ({len(unknown)}"
      " unknown in all)"
    )
  if left_out:
    kinds = [f"{kind} ({count})" for kind, count in left_out.items()]
    print(f"left out  tensors {', '.join(kinds)} of {tensors.path}", flush=True)
  return stored


def _modern(name: str, family: Family) -> str:
  """A tensor's name as the family's table has it."""
  for old, new in family.renamed:
    if name.endswith(old):
      return name.removesuffix(old) + new
  return name


def _wanted(family: Family, layers: range) -> set[str]:
  return {
    name.format(layer=layer)
    for entry in family.entries
    for name in entry.names
    for layer in layers
  }


def _shapes(arch: Architecture) -> dict[str, Any]:
  """The shapes of the encoder's parameters, the table without padding."""
  encoder = Encoder(arch)
  shapes: dict[str, Any] = jax.eval_shape(encoder.init, jax.random.key(0))
  table = (arch.vocab_size, arch.hidden_size)
  return {**shapes, "tokens": jax.ShapeDtypeStruct(table, np.float32)}


def _get(tree: Any, path: tuple[str, ...]) -> Any:
  return functools.reduce(operator.getitem, path, tree)


def _set(tree: Params, path: tuple[str, ...], value: Array) -> None:
  for part in path[:-1]:
    tree = tree.setdefault(part, {})
  tree[path[-1]] = value
