"""A data set ready to draw from. From records and tokens, to the plan.

The store is a folder of plain arrays in the cache, built once for a data set,
a tokenizer and its prefixes; it is complete or absent.
"""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import itertools
import json
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hybrid_ir.data.corpus_rows import CorpusRows
from hybrid_ir.data.names import NamesWriter, open_names
from hybrid_ir.data.ragged import RaggedWriter
from hybrid_ir.data.records import Record, Source
from hybrid_ir.data.tokenizer import Joined, Tokenizer
from hybrid_ir.data.tokens import Texts, open_texts
from hybrid_ir.errors import UserError
from hybrid_ir.files import build_folder
from hybrid_ir.prefixes import Prefixes

_FORMAT = 3  # of the folder; a change makes old ones stale
_AT_ONCE = 4096  # texts tokenized together; a record may have many negatives


@dataclasses.dataclass(frozen=True)
class Corpus:
  """N records (rows) of I parallel ids in K languages."""

  name: str
  fingerprint: str
  languages: tuple[str, ...]  # K codes, sorted
  ids: Sequence[str]  # I parallel ids
  row_of: NDArray[np.int32]  # [I, K] row of an id in a language; -1: none
  group_of: NDArray[np.int32]  # [I] group of an id
  negatives_of: NDArray[np.int64]  # [N + 1] row -> range of its negatives
  negative_group: NDArray[np.int32]  # [M] group of a negative's text; -1: none
  scores: NDArray[np.float32]  # [N] a teacher's, of the passage; NaN: none
  negative_scores: NDArray[np.float32]  # [M] and of each negative
  instructed: bool  # queries carry instructions
  queries: Texts  # N
  passages: Texts  # N
  negatives: Texts  # M


def open_corpus(
  source: Source,
  tokenizer: Tokenizer,
  prefixes: Prefixes,
  cache_dir: pathlib.Path,
) -> Corpus:
  """Opens the tokenized data set, building it where the cache lacks it.

  Raises:
    UserError: no records, or an (id, language) that comes twice.
  """
  stamp = json.dumps(
    [
      _FORMAT,
      source.fingerprint,
      tokenizer.fingerprint,
      *dataclasses.astuple(prefixes),
    ]
  )
  fingerprint = hashlib.sha256(stamp.encode()).hexdigest()[:16]
  folder = cache_dir / "corpora" / fingerprint
  if not (folder / "manifest.json").exists():
    with build_folder(folder) as aside:
      _build(source, tokenizer, prefixes, aside)
  return open_store(folder, source.name, fingerprint)


def open_store(folder: pathlib.Path, name: str, fingerprint: str) -> Corpus:
  """Opens a finished store: its arrays stay on disk until they are read."""
  manifest = json.loads((folder / "manifest.json").read_text())

  def array(name: str) -> NDArray[Any]:
    stored: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r")
    return stored

  return Corpus(
    name=name,
    fingerprint=fingerprint,
    languages=tuple(manifest["languages"]),
    ids=open_names(folder, "ids"),
    row_of=array("row_of"),
    group_of=array("group_of"),
    negatives_of=array("negatives_of"),
    negative_group=array("negative_group"),
    scores=array("scores"),
    negative_scores=array("negative_scores"),
    instructed=manifest["instructed"],
    queries=open_texts(folder, "queries"),
    passages=open_texts(folder, "passages"),
    negatives=open_texts(folder, "negatives"),
  )


def _build(
  source: Source,
  tokenizer: Tokenizer,
  prefixes: Prefixes,
  folder: pathlib.Path,
) -> None:
  """Writes the store; the manifest last."""

  def where(row: int) -> str:
    return next(itertools.islice(source.read(), row, None)).where

  with (
    contextlib.ExitStack() as files,
    tqdm(desc=f"tokenizing {source.name}", unit=" pairs", leave=False) as bar,
  ):
    writers = [
      files.enter_context(
        contextlib.closing(RaggedWriter(folder, name, np.int32))
      )
      for name in ("queries", "passages", "negatives")
    ]
    ids = files.enter_context(contextlib.closing(NamesWriter(folder, "ids")))
    rows = CorpusRows(ids, where)

    def read() -> Iterator[list[list[str]]]:
      for batch in _batches(source.read()):
        rows.add(batch)
        yield [
          [prefixes.write_query(r.query, r.instruction) for r in batch],
          [prefixes.write_passage(r.passage) for r in batch],
          [prefixes.write_passage(n) for r in batch for n in r.negatives],
        ]

    for encoded in _encode_ahead(tokenizer, read()):
      for writer, (tokens, lengths) in zip(writers, encoded, strict=True):
        writer.write(tokens, lengths)
      bar.update(len(encoded[0][1]))
  if not len(rows):
    raise UserError(f"data set '{source.name}' has no records to train on")
  manifest = {
    "name": source.name,
    "languages": rows.save(folder),
    "instructed": rows.instructed,
  }
  (folder / "manifest.json").write_text(json.dumps(manifest))


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
  batch, texts = list[Record](), 0
  for record in records:
    batch.append(record)
    texts += 2 + len(record.negatives)
    if texts >= _AT_ONCE:
      yield batch
      batch, texts = [], 0
  if batch:
    yield batch


def _encode_ahead(
  tokenizer: Tokenizer, batches: Iterator[list[list[str]]]
) -> Iterator[list[Joined]]:
  """Yields each batch's lists of texts as tokens.

  The tokenizer has a thread, so that its cores work on one batch while this
  one reads the next and writes the last.
  """

  def encode(lists: list[list[str]]) -> list[Joined]:
    return [tokenizer.encode_joined(texts) for texts in lists]

  with concurrent.futures.ThreadPoolExecutor(1) as thread:
    flying = None
    for lists in batches:
      landed, flying = flying, thread.submit(encode, lists)
      if landed:
        yield landed.result()
    if flying:
      yield flying.result()
