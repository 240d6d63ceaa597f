"""safetensors files; the only importer of `safetensors`. For `weights`."""

import contextlib
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from hybrid_ir.errors import UserError
from hybrid_ir.files import write_aside

Array = NDArray[np.float32]

_FLOATS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_BLOCK = 1 << 24  # numbers converted at once: large tables are read in pieces
_OTHERS = ("*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.ckpt*", "*.onnx")


class Tensors:
  """The tensors of one or several open files."""

  def __init__(self, path: pathlib.Path, files: Mapping[pathlib.Path, Any]):
    self.path = path  # of the one file, or of the index
    self._files = files
    self._file_of = {
      name: file
      for file, content in files.items()
      for name in list(content.keys())
    }

  def names(self) -> set[str]:
    """Names of all tensors."""
    return set(self._file_of)

  def where(self, name: str) -> pathlib.Path:
    """The file that holds a tensor, for messages."""
    return self._file_of[name]

  def shape(self, name: str) -> list[int]:
    """A tensor's shape."""
    return list(self._slice(name).get_shape())

  def read(self, name: str) -> Array:
    """A tensor as float32.

    Raises:
      UserError: it is not of float32, float16 or bfloat16.
    """
    out = np.empty(self.shape(name), np.float32)
    self.read_into(name, out)
    return out

  def read_into(self, name: str, out: Array) -> None:
    """Writes a tensor into `out`, a float32 array or view of its shape.

    Raises:
      UserError: as `read`.
    """
    stored = self._slice(name)
    if stored.get_dtype() not in _FLOATS:
      raise UserError(
        f"{self.where(name)}: the tensor '{name}' is of {stored.get_dtype()};"
        f" expected one of {', '.join(_FLOATS)}"
      )
    rows = max(1, _BLOCK * len(out) // max(1, out.size))
    for start in range(0, len(out), rows):
      stop = min(start + rows, len(out))
      out[start:stop] = stored[start:stop]

  def _slice(self, name: str) -> Any:
    return self._files[self._file_of[name]].get_slice(name)


@contextlib.contextmanager
def open_tensors(folder: pathlib.Path) -> Iterator[Tensors]:
  """Opens FOLDER/model.safetensors, or the shards of its index.

  Raises:
    UserError: no safetensors there, a damaged file, or an index and shards
      that do not agree.
  """
  path = folder / "model.safetensors"
  index = folder / "model.safetensors.index.json"
  with contextlib.ExitStack() as stack:
    if path.exists():
      yield Tensors(path, {path: _open(path, stack)})
    elif index.exists():
      shards = _read_index(index)
      files = {folder / shard: _open(folder / shard, stack) for shard in shards}
      for file, names in zip(files, shards.values(), strict=True):
        if wrong := sorted(names ^ set(files[file].keys())):
          raise UserError(
            f"{index}: it and {file.name} do not agree on the tensor"
            f" '{wrong[0]}' ({len(wrong)} in all); fetch both again"
          )
      yield Tensors(index, files)
    else:
      raise _missing(path)


def write_tensors(
  path: pathlib.Path, tensors: Mapping[str, Array], dtype: str = "float32"
) -> None:
  """Writes a safetensors file as transformers reads it; complete or absent.

  Args:
    path: the file.
    tensors: by name; views are allowed.
    dtype: "float32" or "bfloat16", of the numbers in the file.
  """
  kind = jnp.dtype(dtype)
  content = {
    name: np.ascontiguousarray(tensor, kind) for name, tensor in tensors.items()
  }
  with write_aside(path) as aside:
    aside.touch()
    mode = aside.stat().st_mode  # safetensors would leave it to its owner alone
    save_file(content, aside, {"format": "pt"})
    aside.chmod(mode)


def _open(path: pathlib.Path, stack: contextlib.ExitStack) -> Any:
  try:
    return stack.enter_context(safe_open(path, framework="numpy"))
  except FileNotFoundError:
    raise UserError(
      f"{path}: no such file, but the index beside it names it; fetch it again"
    ) from None
  except (SafetensorError, OSError) as error:
    raise UserError(
      f"{path}: not a safetensors file, or cut off or damaged ({error}); copy"
      " or download it again"
    ) from None


def _read_index(path: pathlib.Path) -> dict[str, set[str]]:
  """File names of the shards, each with the names of its tensors."""
  try:
    files = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
    shards: dict[str, set[str]] = {}
    for name, file in files.items():
      if pathlib.PurePath(file).name != file:
        raise ValueError(f"{file!r} is not a file beside it")
      shards.setdefault(file, set()).add(name)
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise UserError(
      f"{path}: not an index of safetensors files: {error!r}; expected an"
      " object 'weight_map' of tensors' names and their files"
    ) from None
  return shards


def _missing(path: pathlib.Path) -> UserError:
  others = sorted(
    file.name for kind in _OTHERS for file in path.parent.glob(kind)
  )
  found = f"; there is {', '.join(others)}" if others else ""
  return UserError(
    f"{path}: no such file; expected the weights as safetensors{found}."
    " Pickles and other formats are never read: convert them with"
    " transformers' AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)"
  )
