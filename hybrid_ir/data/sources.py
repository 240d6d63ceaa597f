"""Names in a config to readable sources. From the readers, to the corpus."""

import difflib
import functools
import hashlib
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from tqdm import tqdm

from hybrid_ir.config import Data
from hybrid_ir.data import (
  cldr,
  ir_sets,
  lareqa,
  own_files,
  tfds_sets,
  world_facts,
)
from hybrid_ir.data.records import Record, Source
from hybrid_ir.errors import UserError

NAMES = (
  "world_facts",
  *lareqa.NAMES,
  *ir_sets.NAMES,
  *tfds_sets.NAMES,
)

# Files that users take for data sets, and that nobody reads.
_OTHER_FILES = (".json", ".gz", ".csv", ".tsv", ".txt", ".zip", ".arrow")
_Part = TypeVar("_Part")
_Reader = Callable[[], Iterator[Record]]


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
    if not equals or own_files.is_own(entry):  # lang=en/a.jsonl
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


def is_source(name: str) -> bool:
  """Whether a name is a data set's, or that of a user's own files."""
  return own_files.is_own(name) or name in NAMES or ir_sets.is_ir(name)


def is_other_file(name: str) -> bool:
  """Whether a name that is no data set is that of a file which is not read."""
  return name.endswith(_OTHER_FILES) or os.path.isfile(os.path.expanduser(name))


def check_languages(data: Data) -> None:
  """Refuses a code in `data.languages` that no record can have.

  Raises:
    UserError: naming it.
  """
  for code in data.languages:
    if not cldr.is_language(code):
      raise UserError(
        f"config key 'data.languages' has {code!r}; expected codes of CLDR,"
        ' such as "en" or "zh"'
      )


def check_spoken(data: Data, names: Sequence[str], spoken: set[str]) -> None:
  """Refuses a code in `data.languages` that no record to train on has.

  A set may lack some of the codes, beside others that have them.

  Args:
    data: the config's section.
    names: of all data sets.
    spoken: codes of their records, of those that `data.languages` leaves in.

  Raises:
    UserError: naming it.
  """
  for code in data.languages:
    if code not in spoken:
      raise UserError(
        f"config key 'data.languages' has {code!r}, but no record to train on"
        f" of {', '.join(names)} is in it; of {tuple(data.languages)} there is"
        f" {', '.join(sorted(spoken))}; leave {code!r} out, or name another"
        " (task=check_data without 'data.languages' lists all that there are)"
      )


def open_source(
  name: str, split: str, data: Data, cache_dir: pathlib.Path
) -> Source:
  """A named data set's split, in `data.languages` where these are given.

  Nothing is downloaded before it is read, and then in these languages alone.

  Args:
    name: of NAMES, "ir_datasets:" and an id of theirs, or a user's own file.
    split: "train", "dev" or "test"; "" is all of them. LAReQA's sets and an
      `ir_datasets:` id have no splits: each is one whole, to train on or to
      test on.
    data: the config's section.
    cache_dir: where builders put what they read.

  Raises:
    UserError: an unknown name, a split or languages that the set does not
      have, a code that is no language, or files that are not there.
  """
  check_languages(data)
  if own_files.is_own(name):
    return own_files.open_own(name, split, data.languages)
  if name == "world_facts":
    return _world_facts(split, data.languages)
  if name in lareqa.NAMES:
    return _lareqa(name, data, cache_dir)
  if ir_sets.is_ir(name):
    return _ir_set(name, split, data.languages)
  if name in tfds_sets.NAMES:
    return _tfds_set(name, split, data.languages, cache_dir)
  if is_other_file(name):
    raise UserError(
      f"data set {name!r}: of files, .jsonl and .parquet are read; write it as"
      " one of these (docs/own_data.md)"
    )
  if os.path.isdir(path := os.path.expanduser(name)):
    raise own_files.is_folder(path)
  if "*" in name:
    pattern = os.path.join(os.path.dirname(name), "*.jsonl")
    raise UserError(
      f"data set {name!r}: expected a glob that ends in .jsonl or .parquet,"
      f" such as {pattern}"
    )
  near = difflib.get_close_matches(name, NAMES, n=1)
  hint = f"did you mean '{near[0]}'? There are" if near else "expected one of"
  raise UserError(
    f"unknown data set {name!r}; {hint} {', '.join(NAMES)}, ir_datasets:ID"
    " with an id of theirs, and the path of a .jsonl or .parquet file"
  )


# ------------------------------------------------- a set's own ways


def _world_facts(split: str, wanted: Sequence[str]) -> Source:
  splits = _splits("world_facts", split, dict.fromkeys(world_facts.SPLITS, ()))
  languages = _languages("world_facts", world_facts.LANGUAGES, wanted)

  def read() -> Iterator[Record]:
    for each in splits:
      for record in world_facts.records(each):
        if record.language in languages:
          yield record

  stamp = f"{world_facts.fingerprint()}/{split}"
  if languages != sorted(world_facts.LANGUAGES):
    stamp = f"{stamp}/{','.join(languages)}"
  return Source("world_facts", stamp, read)


def _lareqa(name: str, data: Data, cache_dir: pathlib.Path) -> Source:
  there = lareqa.languages(name)
  languages = _languages(name, there, data.languages)
  stamp = lareqa.fingerprint(name)
  if languages != sorted(there):
    stamp = f"{stamp}/{','.join(languages)}"
  readers = [
    functools.partial(
      lareqa.records,
      name,
      language,
      cache_dir=cache_dir,
      lareqa_dir=data.lareqa_dir,
    )
    for language in languages
  ]
  return Source(name, stamp, functools.partial(_chain, readers))


def _ir_set(name: str, split: str, wanted: Sequence[str]) -> Source:
  splits = ir_sets.splits(name)
  parts = _parts(name, "" if "" in splits else split, splits, wanted)
  readers = [
    functools.partial(ir_sets.records, name, language, dataset_id)
    for language, dataset_id in parts
  ]
  stamp = _stamp(ir_sets.fingerprint(), name, *(id for _, id in parts))
  return Source(name, stamp, functools.partial(_complete, name, readers))


def _tfds_set(
  name: str, split: str, wanted: Sequence[str], cache_dir: pathlib.Path
) -> Source:
  parts = _parts(name, split, tfds_sets.splits(name), wanted)
  readers = [
    functools.partial(tfds_sets.records, language, part, cache_dir)
    for language, part in parts
  ]
  stamp = _stamp(
    name, *(f"{c}={tfds_sets.fingerprint(part)}" for c, part in parts)
  )
  return Source(name, stamp, functools.partial(_complete, name, readers))


# ------------------------------------------------- what they share


def _splits(
  name: str, split: str, there: Mapping[str, object]
) -> tuple[str, ...]:
  if not split:
    return tuple(there)
  if split not in there:
    raise UserError(
      f"data set '{name}' has no split '{split}'; it has {', '.join(there)}"
    )
  return (split,)


def _languages(
  name: str, there: Sequence[str], wanted: Sequence[str]
) -> list[str]:
  """Those of `there` that are wanted (none named: all), sorted."""
  languages = sorted(c for c in there if not wanted or c in wanted)
  if not languages:
    raise UserError(
      f"config key 'data.languages' is {tuple(wanted)}, but data set '{name}'"
      f" has none of them; it has {', '.join(sorted(there))}"
    )
  return languages


def _parts(
  name: str,
  split: str,
  splits: Mapping[str, Mapping[str, _Part]],
  wanted: Sequence[str],
) -> list[tuple[str, _Part]]:
  """A split's parts with their languages, language by language."""
  chosen = [splits[each] for each in _splits(name, split, splits)]
  there = sorted({code for parts in chosen for code in parts})
  return [
    (code, parts[code])
    for code in _languages(name, there, wanted)
    for parts in chosen
    if code in parts
  ]


def _stamp(*parts: str) -> str:
  return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _chain(readers: Sequence[_Reader]) -> Iterator[Record]:
  for read in readers:
    yield from read()


def _complete(name: str, readers: Sequence[_Reader]) -> Iterator[Record]:
  """The records of a published set; those without a text cannot be mended."""
  empty = 0
  for record in _chain(readers):
    if record.query and record.passage:
      yield record
    else:
      empty += 1
  if empty:
    tqdm.write(
      f"{name}: {empty} records are left out, which lack a text",
      file=sys.stderr,
    )
