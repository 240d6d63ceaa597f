"""Benchmark names to benchmarks. From the readers, to evaluation."""

import dataclasses
import difflib
import hashlib
import pathlib
import re

from hybrid_ir.config import Data
from hybrid_ir.data import beir, ir_judged, lareqa
from hybrid_ir.data.ir_library import PREFIX
from hybrid_ir.data.sources import (
  NAMES,
  is_other_file,
  is_source,
  open_source,
)
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark, from_records
from hybrid_ir.evaluation.bitext import from_bitext
from hybrid_ir.evaluation.judged import from_collections
from hybrid_ir.evaluation.lareqa import UNITS, from_paragraphs
from hybrid_ir.evaluation.mtop import RELATIONS, from_mtop

_LONGEST = 100  # characters of a benchmark's name, which names files
_KINDS = (*lareqa.NAMES, "mtop", "bitext")  # with what follows a colon


def open_benchmark(
  name: str,
  data: Data,
  cache_dir: pathlib.Path,
  split: str = "test",
  pool: str = "",
  allow_faults: bool = False,
) -> Benchmark:
  """Opens a benchmark by the name that a config gives (docs/benchmarks.md).

  Of a data set of pairs, `split` gives the queries and `pool` the candidates:
  the passages of all splits by default, so that near misses stand among them.

  Args:
    name: `xquad_r` or `mlqa_r`, alone or with `:context` or `:paragraph`;
      `ir_datasets:ID+ID`; `mtop:utterance`, `mtop:intent`; `bitext:XX-YY`; a
      folder in BEIR's layout; a data set of pairs, by name or path.
    data: the config's section.
    cache_dir: where builders put what they read.
    split: of the queries, for a data set of pairs, and of the judgements, for
      a folder.
    pool: of the candidates, for a data set of pairs; "": all splits.
    allow_faults: leave out what is wrong with ids, texts and judgements,
      counted in the benchmark's `faults`, in place of stopping.

  Raises:
    UserError: an unknown name, files that are not there, an empty split,
      faults that are not allowed.
  """
  benchmark = _open(name, data, cache_dir, split, pool, allow_faults)
  named = (one for one in prefixed_as(name) if one in data.prefixes)
  return dataclasses.replace(benchmark, source=next(named, name))


def prefixed_as(name: str) -> tuple[str, ...]:
  """What `data.prefixes` may call a benchmark; the first that it has counts."""
  kind = name.partition(":")[0]
  return (name, kind) if kind in _KINDS else (name,)


def _open(
  name: str,
  data: Data,
  cache_dir: pathlib.Path,
  split: str,
  pool: str,
  allow_faults: bool,
) -> Benchmark:
  kind, colon, rest = name.partition(":")
  if split != "test" and (
    kind in ("mtop", "bitext") or name.startswith(PREFIX)
  ):
    raise UserError(
      f"benchmark {name!r} has no {split} split; name a data set of pairs or a"
      " folder in BEIR's layout that has one"
    )
  if kind in lareqa.NAMES:
    return _lareqa(kind, colon, rest, data, cache_dir)
  if name.startswith(PREFIX):
    ids = rest.split("+")
    return from_collections(
      short_name(rest), [ir_judged.collection(id) for id in ids], allow_faults
    )
  if kind == "mtop":
    if rest not in RELATIONS:
      raise UserError(
        f"unknown benchmark {name!r}; expected"
        f" {' or '.join(f'mtop:{relation}' for relation in RELATIONS)}"
      )
    return from_mtop(rest, data.mtop_dir, allow_faults)
  if kind == "bitext":
    return from_bitext(short_name(name), rest, data.bitext_dir)
  path = pathlib.Path(name).expanduser()
  # A name of ours is no folder's, such as a workdir's that is called so.
  if name not in NAMES and path.is_dir():
    collection = beir.collection(path, split)
    return from_collections(
      short_name(path.resolve().name), [collection], allow_faults
    )
  if not is_source(name) and not is_other_file(name) and "*" not in name:
    raise _unknown(name)
  data = dataclasses.replace(data, languages=())  # they limit training alone
  queries = open_source(name, split, data, cache_dir)
  passages = open_source(name, pool, data, cache_dir)
  # Of a pattern, such as shards/*.jsonl, the folder says more.
  stem = path.stem if re.search(r"\w", path.stem) else path.parent.name
  return from_records(
    short_name(stem), queries.read(), passages.read(), allow_faults
  )


def short_name(name: str) -> str:
  """A name as results have it and files are called: letters, digits, `_`."""
  short = re.sub(r"\W+", "_", name)
  if len(short) > _LONGEST:
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    short = f"{short[: _LONGEST - 9]}_{digest}"
  return short


def _unknown(name: str) -> UserError:
  known = [
    *NAMES,
    *(f"{each}:{unit}" for each in lareqa.NAMES for unit in UNITS if unit),
    *(f"mtop:{relation}" for relation in RELATIONS),
  ]
  absent = ", no such folder or file" if "/" in name else ""
  near = difflib.get_close_matches(name, known, n=1)
  hint = f"did you mean '{near[0]}'? There are" if near else "expected one of"
  return UserError(
    f"unknown benchmark {name!r}{absent}; {hint} {', '.join(known)},"
    " bitext:XX-YY, ir_datasets:ID with an id of theirs, and the path of a"
    " folder in BEIR's layout, or of a .jsonl or .parquet file"
    " (docs/benchmarks.md)"
  )


def _lareqa(
  name: str, colon: str, unit: str, data: Data, cache_dir: pathlib.Path
) -> Benchmark:
  if unit not in UNITS or bool(colon) != bool(unit):
    raise UserError(
      f"unknown benchmark '{name}:{unit}'; expected {name}"
      f" or {' or '.join(f'{name}:{known}' for known in UNITS if known)}"
    )
  paragraphs = {
    language: lareqa.paragraphs(
      name, language, cache_dir=cache_dir, lareqa_dir=data.lareqa_dir
    )
    for language in lareqa.languages(name)
  }
  full = f"{name}_{unit}" if unit else name
  return from_paragraphs(full, UNITS[unit], paragraphs)
