"""task=search: from queries and WORKDIR/index to the passages found.

Queries are typed at a prompt, or come a line each on stdin. Answers go to
stdout, everything else to stderr.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import sys
from collections.abc import Callable, Sequence

from hybrid_ir.config import Config, Layout
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.retrieval.index import Hit, search
from hybrid_ir.retrieval.origin import check_same, origin_of
from hybrid_ir.retrieval.shards import FOLDER, open_index
from hybrid_ir.tasks import terminal
from hybrid_ir.tasks.model import load_model
from hybrid_ir.tasks.terminal import note
from hybrid_ir.training.mesh import make_mesh

_AT_ONCE = 64  # piped queries, at most
_SHORTEST_ROW = 32  # tokens
_Ask = Callable[[Sequence[str]], list[list[Hit]]]


def run(config: Config, workdir: pathlib.Path) -> None:
  """Answers queries until there are no more.

  Raises:
    UserError: no index, no model or not the index's, an unknown language; at
      the end, where lines of stdin were no queries.
  """
  index = open_index(workdir / FOLDER)
  index.codes(config.search.languages)
  with contextlib.redirect_stdout(sys.stderr):
    mesh = make_mesh(1)
    loaded = load_model(config, workdir, mesh)
    text_encoder = one_by_one(loaded.model.text_encoder(config, mesh))
  if index.origin is not None:
    contract = loaded.model.contract
    here = origin_of(contract, loaded.params, text_encoder.size)
    check_same(index.origin, contract, here, index.name)
  if isinstance(sys.stdout, io.TextIOWrapper):
    if config.search.json:
      sys.stdout.reconfigure(encoding="utf-8")
    else:
      sys.stdout.reconfigure(errors="replace")

  def ask(queries: Sequence[str]) -> list[list[Hit]]:
    embeddings = text_encoder.queries(
      loaded.params, queries, instruction=config.search.instruction
    )
    return search(index, embeddings, config.search.k, config.search.languages)

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
  except BrokenPipeError:  # whoever read the answers has left
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
  for block in terminal.lines(sys.stdin.fileno()):
    for start in range(0, len(block), _AT_ONCE):
      queries = []
      for line in block[start : start + _AT_ONCE]:
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
