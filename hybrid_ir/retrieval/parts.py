"""A search shared out over processes. From `index`, to task=search.

Each process searches its own shards; the first one asks, the others answer.
Queries go out and places come back through the devices, always in the same
shapes. Passages are read by the first one alone.

Q queries, P processes, K places, E dims.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator

import numpy as np
from jax.experimental import multihost_utils
from numpy.typing import NDArray

from hybrid_ir import processes
from hybrid_ir.retrieval.blocks import Places

QUERIES = 64  # sent at once, at most
_PATIENCE_S = 7 * 24 * 3600  # between two questions
_turns = itertools.count()  # questions come in one order everywhere
Find = Callable[[NDArray[np.float32]], Places]  # [Q, E] -> [Q, K]
# [Q, E], Q from 1 to QUERIES -> [Q, K] places, of each process.
Ask = Callable[[NDArray[np.float32]], list[Places]]


@contextlib.contextmanager
def asked(find: Find) -> Iterator[Ask]:
  """Searches all parts, on the first process; the others run `answer`.

  Args:
    find: in the part of this process.
  """
  if processes.count() == 1:
    yield lambda queries: [find(queries)]
    return

  def ask(queries: NDArray[np.float32]) -> list[Places]:
    _tell(len(queries))
    return _gather(find, _send(queries, len(queries)))

  try:
    yield ask
  finally:
    _tell(0)


def answer(find: Find, size: int) -> None:
  """Searches this process's part until the first one asks no more.

  Args:
    find: in the part of this process.
    size: E, dimensions of an embedding.
  """
  nothing = np.zeros((0, size), np.float32)
  while count := int(processes.ask(_key(), _PATIENCE_S)):
    _gather(find, _send(nothing, count))


def _key() -> str:
  processes.arrive("the next queries")
  return f"queries/{next(_turns)}"


def _tell(count: int) -> None:
  """How many queries come; 0: no more. The others wait without a device."""
  processes.tell(_key(), str(count))


def _send(queries: NDArray[np.float32], count: int) -> NDArray[np.float32]:
  """The first process's queries, on every process."""
  # As whole numbers: they are added up on their way, which keeps every bit.
  message = _pad(queries).view(np.int32)
  processes.arrive("the queries")
  sent: NDArray[np.int32] = multihost_utils.broadcast_one_to_all(message)
  return np.array(sent[:count]).view(np.float32)


def _gather(find: Find, queries: NDArray[np.float32]) -> list[Places]:
  """Every process's places, on every process."""
  found = [_pad(array) for array in find(queries)]
  processes.arrive("what was found")
  gathered = multihost_utils.process_allgather(found)  # [P, QUERIES, K] each
  return [
    Places(*(array[: len(queries)] for array in of_one))
    for of_one in zip(*gathered, strict=True)
  ]


def _pad(rows: NDArray[np.generic]) -> NDArray[np.generic]:
  return np.pad(rows, ((0, QUERIES - len(rows)), (0, 0)))
