"""task=search: from queries and WORKDIR/index to the passages found.

Queries are typed at a prompt, or come a line each on stdin. Answers go to
stdout, everything else to stderr. Of several processes the first one reads and
answers, and each searches its own shards.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence

import jax

from hybrid_ir import processes
from hybrid_ir.config import Config, Layout
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import ann, approximate, parts
from hybrid_ir.retrieval import index as index_lib
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.retrieval.index import Hit, Index
from hybrid_ir.retrieval.origin import check_same, origin_of
from hybrid_ir.retrieval.shards import FOLDER, open_index
from hybrid_ir.tasks import terminal
from hybrid_ir.tasks.model import load_model
from hybrid_ir.tasks.terminal import note
from hybrid_ir.training.mesh import make_mesh

_SHORTEST_ROW = 32  # tokens
_Ask = Callable[[Sequence[str]], list[list[Hit]]]


def run(config: Config, workdir: pathlib.Path) -> None:
  """Answers queries until there are no more.

  Raises:
    UserError: no index, no model or not the index's, an unknown language; at
      the end, where lines of stdin were no queries.
  """
  if processes.count() == 1:
    _run(config, workdir)
    return
  if processes.is_first() and sys.stdin.isatty():
    raise UserError(
      f"task=search answers a prompt with one process, not {processes.count()};"
      " give the first one its queries on stdin, a line each"
    )
  with _own_stdout():
    _run(config, workdir)


def _run(config: Config, workdir: pathlib.Path) -> None:
  index = open_index(workdir / FOLDER)
  index.codes(config.search.languages)
  with contextlib.redirect_stdout(sys.stderr):
    # On every process: a checkpoint is read by all of them together.
    mesh = make_mesh(1, devices=jax.local_devices())
    loaded = load_model(config, workdir, mesh)
    text_encoder = one_by_one(
      loaded.model.text_encoder(config, mesh).of(index.corpus, config.data)
    )
  if index.origin is not None:
    contract = text_encoder.contract
    here = origin_of(contract, loaded.params, text_encoder.size)
    check_same(index.origin, contract, here, index.name)

  find = _find(config, workdir, index)

  if not processes.is_first():
    parts.answer(find, text_encoder.size)
    return
  with parts.asked(find) as find_all:

    def ask(queries: Sequence[str]) -> list[list[Hit]]:
      if not queries:
        return []
      embeddings = text_encoder.queries(
        loaded.params, queries, instruction=config.search.instruction
      )
      return index_lib.read(index, find_all(embeddings), config.search.k)

    _answer(config, index, text_encoder, ask)


def _find(config: Config, workdir: pathlib.Path, index: Index) -> parts.Find:
  """Searches this process's part of the index.

  Raises:
    UserError: ScaNN is asked for and not installed, or what it built before
      is of another index.
  """
  k, languages = config.search.k, config.search.languages
  part, count = processes.index(), processes.count()
  if config.search.ann:
    try:
      return approximate.build(
        index,
        k,
        languages,
        part,
        count,
        goal=approximate.Goal(
          config.ann.recall, config.ann.sample, config.seed
        ),
        folder=workdir / FOLDER / approximate.FOLDER,
        note=note,
      )
    except ann.AnnUnavailableError as error:
      raise UserError(f"config key 'search.ann' is True: {error}") from None
  return lambda queries: index_lib.best(
    index, queries, k, languages, part, count
  )


def _answer(
  config: Config, index: Index, text_encoder: TextEncoder, ask: _Ask
) -> None:
  """Reads queries and answers them, until there are no more."""
  if isinstance(sys.stdout, io.TextIOWrapper):
    if config.search.json:
      sys.stdout.reconfigure(encoding="utf-8")
    else:
      sys.stdout.reconfigure(errors="replace")

  def answer(query: str, hits: Sequence[Hit]) -> None:
    if config.search.json:
      print(terminal.as_json(query, hits), flush=True)
    else:
      if not sys.stdin.isatty():
        print(f"{terminal.PROMPT}{terminal.flat(query)}")
      print(terminal.as_table(hits), flush=True)

  note(f"{index.name}: {len(index):,} passages ({', '.join(index.languages)})")
  try:
    if sys.stdin.isatty():
      _prompt(text_encoder, config.search.instruction, ask, answer)
    else:
      _pipe(text_encoder, config.search.instruction, ask, answer)
  except KeyboardInterrupt:
    note("")
    if processes.count() > 1:  # the others wait for what does not come
      raise
  except BrokenPipeError:  # whoever read the answers has left
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _own_stdout() -> Iterator[None]:
  """Sends to stderr what libraries print where answers go, as Gloo does."""
  sys.stdout.flush()
  with os.fdopen(os.dup(1), "w") as answers:
    os.dup2(2, 1)
    stdout = answers if processes.is_first() else sys.stdout
    with contextlib.redirect_stdout(stdout):
      yield


def one_by_one(text_encoder: TextEncoder) -> TextEncoder:
  """Encodes each query alone, in the shortest row that holds it.

  It answers fast, compiles a few shapes, and an embedding does not depend on
  what is asked beside it.
  """
  lengths = [_SHORTEST_ROW]
  while lengths[-1] < text_encoder.contract.query_length:
    lengths.append(2 * lengths[-1])
  layout = Layout(packing=False, row_lengths=tuple(lengths))
  return dataclasses.replace(text_encoder, tokens_per_batch=1, layout=layout)


def _prompt(
  text_encoder: TextEncoder,
  instruction: str,
  ask: _Ask,
  answer: Callable[[str, Sequence[Hit]], None],
) -> None:
  note("type a query; Ctrl-D ends")
  for line in terminal.typed():
    query = line.strip()
    if not query:
      note("empty; type a query, or Ctrl-D to end")
      continue
    _note_length(text_encoder, instruction, query, "")
    answer(query, ask([query])[0])


def _pipe(
  text_encoder: TextEncoder,
  instruction: str,
  ask: _Ask,
  answer: Callable[[str, Sequence[Hit]], None],
) -> None:
  number, faults = 0, 0
  blocks = terminal.lines(sys.stdin.fileno())
  while block := _next(blocks):
    for start in range(0, len(block), parts.QUERIES):
      queries = []
      for line in block[start : start + parts.QUERIES]:
        number += 1
        where = f"stdin:{number}: "
        try:
          query = terminal.decode(line)
        except UserError as error:
          note(f"{where}{error}")
          faults += 1
          continue
        _note_length(text_encoder, instruction, query, where)
        queries.append(query)
      for query, hits in zip(queries, ask(queries), strict=True):
        answer(query, hits)
  if faults:
    raise UserError(
      f"stdin: {faults} of {number} lines were no queries, as said above; mend"
      " or drop them"
    )


def _next(blocks: Iterator[list[bytes]]) -> list[bytes]:
  """The lines that come next, however long that takes; none: the end."""
  with processes.waiting():
    return next(blocks, [])


def _note_length(
  text_encoder: TextEncoder, instruction: str, query: str, where: str
) -> None:
  """Says so where a query is longer than what is read of it."""
  written = text_encoder.contract.prefixes.write_query(query, instruction)
  (tokens,) = text_encoder.tokenizer.encode([written])
  most = text_encoder.contract.query_length
  if len(tokens) > most:
    note(
      f"{where}a query of {len(tokens):,} tokens: only the first {most:,} are"
      " read"
    )
