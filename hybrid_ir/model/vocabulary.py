"""A token table cut to the tokens of the training data. For the tasks.

Training holds the rows of tokens that occur; the table as it was lies on disk,
and gives the other rows back to whoever reads the trained model.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hybrid_ir import processes
from hybrid_ir.errors import UserError
from hybrid_ir.files import save_array, write_aside
from hybrid_ir.model.encoder import Params, pad_table

Int = NDArray[np.int32]
Float = NDArray[np.float32]
Table = TypeVar("Table", jax.Array, Float)

FOLDER = "vocabulary"  # of a workdir
_KEPT, _BASE = "kept.npy", "base.npy"
_BLOCK = 1 << 24  # tokens looked at together


@dataclasses.dataclass(frozen=True)
class Vocabulary:
  """Which rows of a table train, and the table as it was."""

  kept: Int  # [K] ids, ascending
  base: Float  # [V, D], on disk

  def trim(self, params: Params) -> Params:
    """The encoder's parameters with the rows that train alone."""
    rows = trim(params["tokens"], self.kept)  # on the host, where it is there
    return {**params, "tokens": pad_table(jnp.asarray(rows))}

  def restore(self, params: Params) -> Params:
    """The encoder's parameters with the whole table, on the same devices."""
    table = restore(processes.gather(params["tokens"]), self.base, self.kept)
    placed = processes.place(table, params["tokens"].sharding)
    return {**params, "tokens": placed}

  @property
  def fingerprint(self) -> str:
    """Tells it from any other."""
    digest = hashlib.blake2b(digest_size=16)
    for array in (self.kept, self.base):
      digest.update(f"{array.dtype} {array.shape}".encode())
      digest.update(array.view(np.uint8).data)
    return digest.hexdigest()


def kept_ids(stores: Iterable[Int], size: int) -> Int:
  """The ids that occur, ascending: [K].

  Args:
    stores: token ids, each flat; they may be memmaps.
    size: V, above every id.
  """
  occurs = np.zeros(size, bool)
  for tokens in stores:
    for start in range(0, len(tokens), _BLOCK):
      occurs[tokens[start : start + _BLOCK]] = True
  return np.flatnonzero(occurs).astype(np.int32)


def renumber(kept: Int, size: int) -> Int:
  """[V] id -> its row in the trimmed table; of an id not kept: -1."""
  numbers = np.full(size, -1, np.int32)
  numbers[kept] = np.arange(len(kept), dtype=np.int32)
  return numbers


def trim(table: Table, kept: Int) -> Table:
  """[V, D] -> [K, D], the rows of `kept`."""
  return table[kept]


def restore(trimmed: Float, base: Float, kept: Int) -> Float:
  """[V, D]: `base`, with the first K rows of `trimmed` [K or more, D] in it."""
  whole = np.array(base)
  whole[kept] = trimmed[: len(kept)]
  return whole


def write(workdir: pathlib.Path, kept: Int, base: Float) -> None:
  """Writes WORKDIR/vocabulary."""
  for name, array in ((_BASE, base), (_KEPT, kept)):
    with write_aside(workdir / FOLDER / name) as aside:
      save_array(aside, array)


def reopen(workdir: pathlib.Path) -> Vocabulary:
  """Opens what `write` has just written, here or on another host."""
  return _open(workdir / FOLDER)


def read(workdir: pathlib.Path, fingerprint: str) -> Vocabulary:
  """Opens what `write` wrote.

  Args:
    workdir: of a run.
    fingerprint: the vocabulary's that is expected.

  Raises:
    UserError: it is not there, is damaged, or is another.
  """
  folder = workdir / FOLDER
  vocabulary = _open(folder)
  if vocabulary.fingerprint != fingerprint:
    raise UserError(
      f"{folder}: is not the vocabulary that this run was trained with"
      f" (fingerprint {vocabulary.fingerprint}, expected {fingerprint}); put"
      " the right one back, or train again"
    )
  return vocabulary


def _open(folder: pathlib.Path) -> Vocabulary:
  return Vocabulary(_load(folder / _KEPT, 1), _load(folder / _BASE, 2))


def _load(path: pathlib.Path, dimensions: int) -> NDArray[Any]:
  try:
    array: NDArray[Any] = np.load(path, mmap_mode="r")
    if array.ndim != dimensions:
      raise ValueError(f"it has {array.ndim} dimensions, not {dimensions}")
  except (OSError, ValueError, EOFError) as error:
    raise UserError(
      f"{path}: cannot be read ({error}); the run was trained with"
      " 'adapt.trim_vocabulary' and needs it: put it back, or train again"
    ) from None
  return array
