"""Every measure of every query, on disk. From evaluate, to the comparison.

Q queries, M measures, L languages, P = L + 1 pools: each language's passages,
then all of them.
"""

import dataclasses
import json
import os
import pathlib
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

from hybrid_ir.errors import UserError
from hybrid_ir.files import write_aside

_ARRAYS = ("about", "measures", "query_ids", "query_languages", "values")
_ABOUT = (
  *("benchmark", "unit", "system", "seed", "step", "languages"),
  "fingerprint",
)


@dataclasses.dataclass(frozen=True, eq=False)
class QueryValues:
  """Every measure of every query in every pool, of one run."""

  benchmark: str
  unit: str  # what a candidate is: "sentence", "passage"
  system: str
  seed: int
  step: int
  languages: tuple[str, ...]  # L codes
  query_ids: tuple[str, ...]  # [Q] "LANGUAGE:ID"
  query_languages: np.ndarray  # [Q] int32, into `languages`
  values: Mapping[str, np.ndarray]  # measure -> [Q, P] float32, NaN where none
  fingerprint: str = ""  # of the benchmark; "": an earlier version's file


def path_of(workdir: pathlib.Path, benchmark: str) -> pathlib.Path:
  """Where a workdir has those of a benchmark, by its name."""
  return workdir / "details" / f"{benchmark}.npz"


def write(path: str | os.PathLike[str], values: QueryValues) -> None:
  """Writes a compressed .npz, complete or absent.

  Args:
    path: of the file; its name should end in .npz.
    values: what to write; they are stored as float32.
  """
  about = {name: getattr(values, name) for name in _ABOUT}
  pools = len(values.languages) + 1
  table = np.zeros((len(values.values), len(values.query_ids), pools), "f4")
  for row, by_query in zip(table, values.values.values(), strict=True):
    row[:] = by_query
  with write_aside(path) as aside, open(aside, "wb") as file:
    np.savez_compressed(
      file,
      about=np.array(json.dumps(about)),
      measures=np.array(list(values.values), np.str_),
      query_ids=np.array(values.query_ids, np.str_),
      query_languages=values.query_languages.astype(np.int32),
      values=table,
    )


def read(path: str | os.PathLike[str]) -> QueryValues:
  """Reads what `write` wrote.

  Raises:
    UserError: a file that is not there, cut short, or not of this kind.
  """
  try:
    with np.load(path, allow_pickle=False) as file:
      arrays = {name: file[name] for name in _ARRAYS}
    about = json.loads(arrays["about"].item())
    found = QueryValues(
      benchmark=str(about["benchmark"]),
      unit=str(about["unit"]),
      system=str(about["system"]),
      seed=int(about["seed"]),
      step=int(about["step"]),
      languages=tuple(about["languages"]),
      query_ids=tuple(arrays["query_ids"].tolist()),
      query_languages=arrays["query_languages"],
      values=dict(
        zip(arrays["measures"].tolist(), arrays["values"], strict=True)
      ),
      fingerprint=str(about.get("fingerprint", "")),
    )
  except FileNotFoundError:
    raise UserError(f"{path}: no such file; run task=evaluate") from None
  except (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error),
    *(KeyError, TypeError, ValueError, AttributeError),
  ) as error:
    raise UserError(
      f"{path}: not a whole file of per-query values ({error}); run"
      " task=evaluate again"
    ) from None
  _check(path, found)
  return found


def _check(path: str | os.PathLike[str], found: QueryValues) -> None:
  """Refuses arrays that do not fit each other."""
  Q, L = len(found.query_ids), len(found.languages)
  languages = found.query_languages
  whole = (
    languages.shape == (Q,)
    and np.issubdtype(languages.dtype, np.integer)
    and bool(np.all((languages >= 0) & (languages < L)))
    and all(
      table.shape == (Q, L + 1) and table.dtype == np.float32
      for table in found.values.values()
    )
  )
  if not whole:
    raise UserError(
      f"{path}: its arrays do not fit each other ({Q} queries, {L} languages);"
      " run task=evaluate again"
    )
