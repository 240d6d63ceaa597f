"""task=check_data: from `data.train` to its figures and faults, printed."""

import dataclasses
import itertools
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence

from tqdm import tqdm

from hybrid_ir.config import Config
from hybrid_ir.data import own_files
from hybrid_ir.data.fields import Fault, Row
from hybrid_ir.data.records import Record
from hybrid_ir.data.sources import (
  check_languages,
  check_spoken,
  open_source,
  parse_weights,
)
from hybrid_ir.data.survey import Survey
from hybrid_ir.data.survey_lines import describe
from hybrid_ir.errors import UserError
from hybrid_ir.prefixes import INSTRUCTION, Prefixes

_SPLIT = "train"  # what is trained on
_AT_ONCE = 256  # rows measured together


def run(config: Config, workdir: pathlib.Path) -> None:
  """Prints the figures of each data set; writes nothing.

  Raises:
    UserError: a malformed 'data.train' or 'data.languages', or an encoder
      that cannot be opened; at the end, a language that no data set has.
    SystemExit: with 1, at the end, where there was a fault in the data.
  """
  names, _ = parse_weights(config.data.train)
  check_languages(config.data)
  ruler = _ruler(config, workdir)
  spoken: set[str] = set()
  faults = sum([_check(name, config, ruler, spoken) for name in names])
  if faults:
    sys.exit(1)
  check_spoken(config.data, names, spoken)


def _check(name: str, config: Config, ruler: "_Ruler", spoken: set[str]) -> int:
  """Prints what a data set holds; returns the number of its faults.

  Adds the languages that it has to train on to `spoken`.
  """
  languages = config.data.languages
  survey = Survey()
  faults = _Faults(config.check_data.faults)
  left_out = 0
  ruler = ruler.of(name, config)
  rows = _rows(name, config)
  with tqdm(desc=f"reading {name}", unit=" rows", leave=False) as bar:
    while batch := list(itertools.islice(rows, _AT_ONCE)):
      clean = [row for row in batch if isinstance(row, Row)]
      kept = [
        r for r in clean if not languages or r.record.language in languages
      ]
      left_out += len(clean) - len(kept)
      spoken |= {r.record.language for r in kept if r.split == _SPLIT}
      for row, lengths in zip(
        kept, ruler.measure([row.record for row in kept]), strict=True
      ):
        survey.add(row, *lengths)
      for fault in batch:
        if isinstance(fault, str):
          faults.add(fault)
      bar.update(len(batch))
  found = survey.findings(ruler.query_limit, ruler.passage_limit)
  if not faults.count and (found is None or _SPLIT not in found.splits):
    of = f" in {', '.join(languages)} ('data.languages')" if languages else ""
    faults.add(f'{name}: no record is of split "{_SPLIT}"{of}')
  print(name)
  if left_out:
    print(f"  {left_out:,} rows in other languages than 'data.languages'")
  for line in describe(found, ruler.unit) if found else ():
    print(line)
  for line in faults.lines():
    print(line)
  sys.stdout.flush()
  return faults.count


def _rows(name: str, config: Config) -> Iterator[Row | str]:
  """Yields a data set's rows, and its faults as lines.

  A user's own file is read to its end; a set by name, to its first fault.
  """
  try:
    if own_files.is_own(name):
      for row in own_files.read_rows(os.path.expanduser(name)):
        yield str(row) if isinstance(row, Fault) else row
    else:
      cache_dir = pathlib.Path(config.cache_dir).expanduser()
      for record in open_source(name, _SPLIT, config.data, cache_dir).read():
        yield Row(record, _SPLIT)
  except UserError as error:
    yield str(error)


class _Faults:
  """The first few faults, and their number."""

  def __init__(self, most: int):
    self.count = 0
    self._most = most
    self._shown: list[str] = []

  def add(self, fault: str) -> None:
    self.count += 1
    if len(self._shown) < self._most:
      self._shown.append(fault)

  def lines(self) -> Iterator[str]:
    if not self.count:
      yield "  no faults"
      return
    yield from (f"  fault: {fault}" for fault in self._shown)
    if hidden := self.count - len(self._shown):
      yield f"  and {hidden:,} more, not shown (check_data.faults)"
    yield f"  faults: {self.count:,}"


@dataclasses.dataclass(frozen=True)
class _Ruler:
  """How texts are measured."""

  unit: str
  count: Callable[[Sequence[str]], list[int]]
  prefixes: Prefixes
  query_limit: int | None = None  # None: it is not in this unit
  passage_limit: int | None = None

  def of(self, name: str, config: Config) -> "_Ruler":
    """The ruler with a data set's own prefixes, if it has some."""
    prefixes = self.prefixes.of(name, config.data)
    return dataclasses.replace(self, prefixes=prefixes)

  def measure(self, records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """Yields the lengths of each query and passage as they are encoded."""
    prefixes = self.prefixes
    queries = [prefixes.write_query(r.query, r.instruction) for r in records]
    passages = [prefixes.write_passage(r.passage) for r in records]
    return zip(self.count(queries), self.count(passages), strict=True)


def _ruler(config: Config, workdir: pathlib.Path) -> _Ruler:
  """Tokens where an encoder is named, else characters."""
  if not config.encoder.path:
    return _Ruler(
      "characters, with prefixes (in tokens where encoder.path is set)",
      lambda texts: [len(text) for text in texts],
      Prefixes(
        config.text.query_prefix or "",
        config.text.passage_prefix or "",
        config.text.instruction or INSTRUCTION,
      ),
    )
  # Here, so that nobody else waits for jax to be imported.
  from hybrid_ir.tasks.model import open_model

  model = open_model(config, workdir, ())
  return _Ruler(
    f"tokens of {config.encoder.path}, with prefixes",
    lambda texts: [len(tokens) for tokens in model.tokenizer.encode(texts)],
    model.contract.prefixes,
    model.contract.query_length,
    model.contract.passage_length,
  )
