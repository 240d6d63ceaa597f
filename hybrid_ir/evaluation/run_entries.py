"""A TREC run file to checked entries. From a system, to `run_ranking`."""

import array
import dataclasses
import pathlib

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hybrid_ir.data.brief import brief
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.faults import Faults, expected_ids

_FORM = "`query Q0 passage rank score tag`"
_LARGEST = float(np.finfo(np.float32).max)
_SHOW_EVERY = 10_000  # lines


@dataclasses.dataclass(frozen=True, eq=False)
class Entries:
  """Retrieved passages, in any order; a pair stands once."""

  queries: NDArray[np.int32]  # [N]
  passages: NDArray[np.int32]  # [N]
  scores: NDArray[np.float32]  # [N]

  def take(self, wanted: NDArray[np.bool_]) -> "Entries":
    """Those of [N] that are wanted."""
    return Entries(
      self.queries[wanted], self.passages[wanted], self.scores[wanted]
    )


def read_entries(
  path: pathlib.Path, benchmark: Benchmark, faults: Faults
) -> Entries:
  """Reads lines of `query Q0 passage rank score tag`.

  The rank is not read, nor does trec_eval read it. Scores are float32, as
  trec_eval's are. What is at fault is left out and noted.

  Args:
    path: of the file.
    benchmark: whose ids the lines have.
    faults: takes malformed lines, scores that are not finite, unknown ids,
      pairs that stand twice.

  Raises:
    UserError: not UTF-8; lines of which none can be used, since their score
      of 0 would say nothing of the system.
  """
  query_form, passage_form = expected_ids(benchmark)
  query_of = {id: i for i, id in enumerate(benchmark.query_ids)}
  passage_of = {id: i for i, id in enumerate(benchmark.passage_ids)}
  queries, passages = array.array("i"), array.array("i")
  scores, lines = array.array("f"), array.array("q")
  done = 0
  with (
    path.open("rb") as file,
    tqdm(
      total=path.stat().st_size,
      desc=path.name,
      unit="B",
      unit_scale=True,
      leave=False,
    ) as bar,
  ):
    for number, line in enumerate(file, start=1):
      done += len(line)
      if number % _SHOW_EVERY == 0:
        bar.update(done - bar.n)
      fields = line.split()
      score = _score(fields)
      if score is None:
        faults.add(
          f"lines that are not {_FORM}",
          f"{path}:{number} {brief(_text(line.strip(), path, number))}",
        )
        continue
      if not abs(score) <= _LARGEST:  # which NaN is not either
        faults.add(
          "lines whose score is not a finite number in float32",
          f"{path}:{number} {brief(_text(fields[4], path, number))}",
        )
        continue
      query_id = _text(fields[0], path, number)
      passage_id = _text(fields[2], path, number)
      query, passage = query_of.get(query_id), passage_of.get(passage_id)
      if query is None:
        faults.add(
          "lines of queries that the benchmark does not have (its ids are"
          f" {query_form})",
          f"{path}:{number} {brief(query_id)}",
        )
      elif passage is None:
        faults.add(
          "lines of passages that the benchmark does not have (its ids are"
          f" {passage_form})",
          f"{path}:{number} {brief(passage_id)}",
        )
      else:
        queries.append(query)
        passages.append(passage)
        scores.append(score)
        lines.append(number)
  if done and not queries:
    raise UserError(
      f"{path}: no line is of use to benchmark {benchmark.name!r} (the first:"
      f" {_first_line(path)}); expected {_FORM} with its query ids"
      f" ({query_form}), its passage ids ({passage_form}) and finite scores"
    )
  entries = Entries(
    np.frombuffer(queries, np.int32),
    np.frombuffer(passages, np.int32),
    np.frombuffer(scores, np.float32),
  )
  pairs = pair_numbers(entries, benchmark)
  first = np.zeros(len(pairs), bool)
  first[np.unique(pairs, return_index=True)[1]] = True
  for i in np.flatnonzero(~first).tolist():
    query_id = benchmark.query_ids[entries.queries[i]]
    passage_id = benchmark.passage_ids[entries.passages[i]]
    faults.add(
      "lines of a query and passage that stand in it before",
      f"{path}:{lines[i]} {query_id} {passage_id}",
    )
  return entries.take(first)


def pair_numbers(entries: Entries, benchmark: Benchmark) -> NDArray[np.int64]:
  """A number of its own for each query and passage. [N]."""
  pairs = entries.queries.astype(np.int64) * len(benchmark.passage_ids)
  return pairs + entries.passages


def _first_line(path: pathlib.Path) -> str:
  with path.open("rb") as file:
    return brief(_text(file.readline().strip(), path, 1))


def _score(fields: list[bytes]) -> float | None:
  """The score of a line; None: it has none, or not six fields."""
  if len(fields) != 6:
    return None
  try:
    return float(fields[4])
  except ValueError:
    return None


def _text(field: bytes, path: pathlib.Path, number: int) -> str:
  try:
    return field.decode("utf-8")
  except UnicodeDecodeError:
    raise UserError(
      f"{path}:{number}: not UTF-8; write the run as UTF-8"
    ) from None
