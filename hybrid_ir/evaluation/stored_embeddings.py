"""Embeddings made elsewhere, to a ranking. From files, to evaluate.

FOLDER/BENCHMARK.npz with query_ids, queries, passage_ids and passages; or, read
a block at a time, FOLDER/BENCHMARK/ with queries.npy, passages.npy and an id a
line in queries.ids.txt and passages.ids.txt.

Q queries, C candidates, D dims, R rows of a file.
"""

import dataclasses
import hashlib
import pathlib
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.data.brief import brief
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.faults import Faults, expected_ids
from hybrid_ir.retrieval import exact
from hybrid_ir.retrieval.ranking import Depths, Golds, Pool, Ranking

_BLOCK = 2**16  # rows looked at at once


@dataclasses.dataclass(frozen=True, eq=False)
class _Table:
  """Embeddings and whose they are."""

  where: str
  kind: str  # queries, passages
  ids: list[str]  # [R]
  rows: np.ndarray  # [R, D]


def rank_stored(
  benchmark: Benchmark,
  folder: pathlib.Path,
  depths: Depths,
  allow_faults: bool = False,
) -> tuple[Ranking, tuple[str, ...]]:
  """Ranks by the dot products of stored embeddings, as they are.

  Args:
    benchmark: what is searched.
    folder: of the files.
    depths: of the lists.
    allow_faults: leave out what is wrong, in place of stopping: a query
      without an embedding retrieves nothing, a passage without one is not
      retrieved; those of length 0 are kept.

  Returns:
    The ranking, and a line for each kind of fault.

  Raises:
    UserError: files that are not there, damaged or do not fit each other, ids
      that are no texts or none of the benchmark's; faults.
  """
  queries, passages = _open(folder, benchmark.name)
  if queries.rows.shape[1] != passages.rows.shape[1]:
    raise UserError(
      f"{queries.where}: {queries.rows.shape[1]} dims, but {passages.where} has"
      f" {passages.rows.shape[1]}; expected one model's"
    )
  faults = Faults()
  query_form, passage_form = expected_ids(benchmark)
  query_rows, _ = _places(queries, benchmark.query_ids, query_form, faults)
  passage_rows, whole = _places(
    passages, benchmark.passage_ids, passage_form, faults
  )
  lines = faults.settle(benchmark.name, allow_faults)
  asked = np.flatnonzero(query_rows >= 0)
  there = np.flatnonzero(passage_rows >= 0)
  if not len(asked) or not len(there):
    raise UserError(
      f"{folder}: no usable embeddings of benchmark {benchmark.name!r}"
    )
  texts, text_of = passages.rows, passage_rows[there]
  if not whole:  # not to be looked at: they are copied without the others
    used, text_of = np.unique(text_of, return_inverse=True)
    texts = texts[used]
  ranking = _rank(
    benchmark,
    np.asarray(queries.rows[query_rows[asked]], np.float32),
    texts,
    _first_equal(texts, text_of),
    asked,
    there,
    depths,
  )
  return ranking, lines


def _open(folder: pathlib.Path, name: str) -> tuple[_Table, _Table]:
  path, parts = folder / f"{name}.npz", folder / name
  tables = []
  try:
    if path.is_file():
      with np.load(path, allow_pickle=False) as file:
        for kind, key in (
          ("queries", "query_ids"),
          ("passages", "passage_ids"),
        ):
          where = f"{path} ({kind})"
          ids = _ids(file, key, path)
          tables.append(_Table(where, kind, ids, file[kind]))
    elif parts.is_dir():
      for kind in ("queries", "passages"):
        here = parts / f"{kind}.npy"
        text = (parts / f"{kind}.ids.txt").read_text(encoding="utf-8")
        rows = np.load(here, mmap_mode="r", allow_pickle=False)
        tables.append(_Table(str(here), kind, text.splitlines(), rows))
    else:
      raise UserError(
        f"{path}: no such file, nor a folder {parts}/; expected an .npz with"
        " query_ids, queries, passage_ids and passages, or a folder with"
        " queries.npy, queries.ids.txt, passages.npy and passages.ids.txt"
        " (docs/models.md)"
      )
  except (
    *(OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile),
  ) as error:
    raise UserError(
      f"{path if path.is_file() else parts}: not embeddings as docs/models.md"
      f" describes them ({error})"
    ) from None
  for table in tables:
    rows = table.rows
    if rows.ndim != 2 or rows.dtype.kind != "f":
      raise UserError(
        f"{table.where}: an array of {rows.dtype}, shape {rows.shape}; expected"
        " floats [rows, dims]"
      )
    if len(rows) != len(table.ids):
      raise UserError(
        f"{table.where}: {len(rows)} rows, but {len(table.ids)} ids; expected"
        " one each"
      )
  return tables[0], tables[1]


def _ids(
  file: Mapping[str, np.ndarray], key: str, path: pathlib.Path
) -> list[str]:
  """The texts [R] of a key.

  Raises:
    UserError: an array of another type or shape.
  """
  try:
    ids = file[key]
    found = f"an array of {ids.dtype}, shape {ids.shape}"
    if ids.ndim == 1 and ids.dtype.kind == "U":
      return [str(id) for id in ids.tolist()]
  except ValueError as error:  # such as Python's objects, not unpickled
    found = f"an array that cannot be read ({error})"
  raise UserError(
    f"{path} ({key}): {found}; expected texts [rows]: save ids.astype(str), of"
    " one dimension"
  )


def _places(
  table: _Table, ids: tuple[str, ...], form: str, faults: Faults
) -> tuple[NDArray[np.int64], bool]:
  """The row of each id, -1: none that can be used; whether all can be.

  Args:
    table: the embeddings.
    ids: the benchmark's.
    form: what these look like.
    faults: takes what is wrong.

  Raises:
    UserError: not one of the ids is there.
  """
  kind = f"embeddings of {table.kind}"
  wanted = set(ids)
  row_of: dict[str, int] = {}
  for row, id in enumerate(table.ids):
    if id not in wanted:
      faults.add(
        f"{kind} that the benchmark does not have (its ids are {form})",
        f"{table.where} row {row} {brief(id)}",
      )
    elif id in row_of:
      faults.add(
        f"{kind} whose id stands before",
        f"{table.where} row {row} {brief(id)}",
      )
    else:
      row_of[id] = row
  if not row_of:
    first = f" (the first: {brief(table.ids[0])})" if table.ids else ""
    raise UserError(
      f"{table.where}: no id is one of the benchmark's{first}; expected its"
      f" ids, which are {form}"
    )
  looks = _looked_at(table.rows)
  usable = looks.finite & ~looks.too_long
  for id, row in row_of.items():
    if usable[row] and not looks.empty[row]:
      continue
    here = f"{table.where} row {row} {brief(id)}"
    if not looks.finite[row]:
      faults.add(f"{kind} that are not finite", here)
    elif looks.too_long[row]:
      faults.add(f"{kind} whose scores would leave float32 (too long)", here)
    else:
      faults.add(f"{kind} of length 0", here, kept=True)
  for id in ids:
    if id not in row_of:
      faults.add(f"{table.kind} without an embedding", brief(id))
  rows = np.array([row_of.get(id, -1) for id in ids], np.int64)
  rows[(rows >= 0) & ~usable[rows]] = -1
  return rows, bool(usable.all())


@dataclasses.dataclass(frozen=True, eq=False)
class _Looks:
  """What is to be known of rows before they are scored. [R] each."""

  finite: NDArray[np.bool_]
  too_long: NDArray[np.bool_]
  empty: NDArray[np.bool_]


def _looked_at(rows: np.ndarray) -> _Looks:
  R = len(rows)
  looks = _Looks(np.ones(R, bool), np.zeros(R, bool), np.zeros(R, bool))
  for start in range(0, R, _BLOCK):
    here = slice(start, start + _BLOCK)
    with np.errstate(over="ignore"):  # what overflows is told of below
      part = np.asarray(rows[here], np.float32)
      # Where squares fit, so do dot products and all their partial sums
      # (Cauchy and Schwarz); else inf - inf may be NaN, which has no rank.
      squares = np.einsum("rd,rd->r", part, part)
    looks.finite[here] = np.isfinite(part).all(axis=1)
    looks.too_long[here] = looks.finite[here] & ~np.isfinite(squares)
    looks.empty[here] = ~part.any(axis=1)
  return looks


def _rank(
  benchmark: Benchmark,
  queries: NDArray[np.float32],
  texts: np.ndarray,
  text_of: NDArray[np.int64],
  asked: NDArray[np.int64],
  there: NDArray[np.int64],
  depths: Depths,
) -> Ranking:
  """Ranks what has an embedding; the rest was not retrieved.

  Args:
    benchmark: what is searched.
    queries: [Q'] of them.
    texts: [U, D].
    text_of: [C'] the passages'.
    asked: [Q'] which of the benchmark's queries.
    there: [C'] which of its passages.
    depths: of the lists.
  """
  Q, C, L = (
    len(benchmark.query_ids),
    len(benchmark.passage_ids),
    len(benchmark.languages),
  )
  place = np.full(C, -1, np.int32)
  place[there] = np.arange(len(there))
  is_asked = np.zeros(Q, bool)
  is_asked[asked] = True
  kept = is_asked[benchmark.gold_queries] & (
    place[benchmark.gold_passages] >= 0
  )
  counts = np.bincount(benchmark.gold_queries[kept], minlength=Q)[asked]
  found = exact.rank(
    queries,
    texts,
    Pool(text_of.astype(np.int32), benchmark.passage_languages[there], L),
    Golds(
      np.append(0, np.cumsum(counts)), place[benchmark.gold_passages[kept]]
    ),
    dataclasses.replace(
      depths, query_languages=benchmark.query_languages[asked]
    ),
  )

  def ranks(of_kept: np.ndarray) -> NDArray[np.float64]:
    every = np.full(len(kept), np.inf)
    every[kept] = of_kept
    return every

  def lists(
    top: np.ndarray, scores: np.ndarray
  ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    every = np.full((Q, *top.shape[1:]), -1, np.int32)
    every[asked] = np.where(top >= 0, there[top], -1)
    of_every = np.full(every.shape, -np.inf, np.float32)
    of_every[asked] = scores
    return every, of_every

  return Ranking(
    ranks(found.gold_ranks),
    ranks(found.gold_language_ranks),
    *lists(found.top, found.top_scores),
    *lists(found.language_top, found.language_scores),
    *lists(found.own_top, found.own_scores),
  )


def _first_equal(
  rows: np.ndarray, row_of: NDArray[np.int64]
) -> NDArray[np.int64]:
  """Each passage's first row of the same bytes, so that equals tie. [C']."""
  first: dict[bytes, int] = {}
  return np.array(
    [
      first.setdefault(
        hashlib.blake2b(rows[row].tobytes(), digest_size=16).digest(), row
      )
      for row in row_of.tolist()
    ],
    np.int64,
  )
