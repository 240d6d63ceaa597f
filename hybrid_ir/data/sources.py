"""Names in a config to readable sources. From the readers, to the corpus."""

import functools
import os
import pathlib
from collections.abc import Iterator, Sequence

from hybrid_ir.config import Data
from hybrid_ir.data import jsonl, lareqa, world_facts
from hybrid_ir.data.records import Record, Source
from hybrid_ir.errors import UserError

NAMES = (*lareqa.NAMES, "world_facts")


def parse_weights(
  entries: Sequence[str],
) -> tuple[list[str], list[float | None]]:
  """`data.train` to names and weights; None: weighted by size.

  Raises:
    UserError: a malformed entry, or weights for some but not for all.
  """
  names: list[str] = []
  weights: list[float | None] = []
  for entry in entries:
    name, equals, weight = entry.rpartition("=")
    if not equals or os.path.exists(entry):
      names.append(entry)
      weights.append(None)
      continue
    try:
      value = float(weight)
    except ValueError:
      value = -1.0
    if not 0 < value < float("inf"):
      raise UserError(
        f"config key 'data.train' has {entry!r}; expected a name, or"
        " name=WEIGHT with a number above 0"
      )
    names.append(name)
    weights.append(value)
  if not names:
    raise UserError("config key 'data.train' is empty; expected data sets")
  if len(set(names)) < len(names):
    raise UserError(f"config key 'data.train' names a set twice: {names}")
  if None in weights and any(weights):
    raise UserError(
      f"config key 'data.train' is {list(entries)}; give each data set a"
      " weight, or none"
    )
  return names, weights


def open_source(
  name: str, split: str, data: Data, cache_dir: pathlib.Path
) -> Source:
  """A named data set's split.

  Args:
    name: of NAMES, or the path of a .jsonl file.
    split: "train", "dev" or "test"; "" is all of them. LAReQA's sets have no
      splits: they are one whole, to train on or to test on.
    data: the config's section.
    cache_dir: where builders put what they read.

  Raises:
    UserError: an unknown name, or files that are not there.
  """
  if name in lareqa.NAMES:
    return Source(
      name,
      lareqa.fingerprint(name),
      functools.partial(
        lareqa.records, name, cache_dir=cache_dir, lareqa_dir=data.lareqa_dir
      ),
    )
  if name == "world_facts":
    return Source(
      name,
      f"{world_facts.fingerprint()}/{split}",
      functools.partial(_world_facts, split),
    )
  if name.endswith(".jsonl"):
    path = os.path.expanduser(name)
    return Source(
      name,
      f"{jsonl.fingerprint(path)}/{split}",
      functools.partial(jsonl.read, path, split or None),
    )
  raise UserError(
    f"unknown data set {name!r}; expected one of {', '.join(NAMES)}, or the"
    " path of a .jsonl file"
  )


def _world_facts(split: str) -> Iterator[Record]:
  for each in (split,) if split else world_facts.SPLITS:
    yield from world_facts.records(each)
