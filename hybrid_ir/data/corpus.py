"""A data set ready to draw from. From records and tokens, to the plan.

The store is a folder of plain arrays in the cache, built once for a data set,
a tokenizer and its prefixes; it is complete or absent.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import pathlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hybrid_ir.data.components import components
from hybrid_ir.data.records import Record, Source
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.data.tokens import Texts, TextsWriter, open_texts
from hybrid_ir.errors import UserError
from hybrid_ir.files import build_folder
from hybrid_ir.prefixes import Prefixes

_FORMAT = 2  # of the folder; a change makes old ones stale
_AT_ONCE = 2048  # records tokenized together


@dataclasses.dataclass(frozen=True)
class Corpus:
  """N records (rows) of I parallel ids in K languages."""

  name: str
  fingerprint: str
  languages: tuple[str, ...]  # K codes, sorted
  ids: tuple[str, ...]  # I parallel ids
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
  manifest = json.loads((folder / "manifest.json").read_text())

  def array(name: str) -> NDArray[Any]:
    stored: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r")
    return stored

  return Corpus(
    name=source.name,
    fingerprint=fingerprint,
    languages=tuple(manifest["languages"]),
    ids=tuple(json.loads((folder / "ids.json").read_text())),
    row_of=array("row_of"),
    group_of=array("group_of"),
    negatives_of=array("negatives_of").astype(np.int64),
    negative_group=array("negative_group"),
    scores=array("scores").astype(np.float32),
    negative_scores=array("negative_scores").astype(np.float32),
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
  rows = _Rows()
  records = iter(source.read())
  with (
    contextlib.ExitStack() as files,
    tqdm(desc=f"tokenizing {source.name}", unit=" pairs", leave=False) as bar,
  ):
    writers = {
      name: files.enter_context(contextlib.closing(TextsWriter(folder, name)))
      for name in ("queries", "passages", "negatives")
    }
    while batch := list(itertools.islice(records, _AT_ONCE)):
      for record in batch:
        rows.add(record)
      texts = {
        "queries": [
          prefixes.write_query(r.query, r.instruction) for r in batch
        ],
        "passages": [prefixes.write_passage(r.passage) for r in batch],
        "negatives": [
          prefixes.write_passage(n) for r in batch for n in r.negatives
        ],
      }
      for name, writer in writers.items():
        writer.write(tokenizer.encode(texts[name]))
      bar.update(len(batch))
  if not rows.ids:
    raise UserError(f"data set '{source.name}' has no records to train on")
  languages = rows.save(folder)
  manifest = {
    "name": source.name,
    "languages": languages,
    "instructed": rows.instructed,
  }
  (folder / "manifest.json").write_text(json.dumps(manifest))


class _Rows:
  """What is known of each record beside its tokens."""

  def __init__(self) -> None:
    self.ids: dict[str, int] = {}
    self._languages: dict[str, int] = {}
    self._cells: dict[tuple[int, int], str] = {}  # (id, language) -> where
    self._passages: list[bytes] = []
    self._groups: list[str] = []
    self._negatives: list[list[bytes]] = []
    self._scores: list[float] = []
    self._negative_scores: list[float] = []
    self._first_where = ""
    self.instructed = False

  def add(self, record: Record) -> None:
    id_ = self.ids.setdefault(record.id, len(self.ids))
    language = self._languages.setdefault(record.language, len(self._languages))
    first = self._cells.setdefault((id_, language), record.where)
    if len(self._cells) == len(self._passages):
      raise UserError(
        f"{record.where}: id '{record.id}' comes twice in language"
        f" '{record.language}', first at {first}"
      )
    if not self._passages:
      self.instructed = bool(record.instruction)
      self._first_where = record.where
    elif self.instructed != bool(record.instruction):
      has, lacks = record.where, self._first_where
      if self.instructed:
        has, lacks = lacks, has
      raise UserError(
        f"{has} has an 'instruction', {lacks} has none; expected one in every"
        " record of a data set, or in none"
      )
    missing = float("nan")
    first_score, *others = record.scores or (
      missing,
      *(missing for _ in record.negatives),
    )
    self._scores.append(first_score)
    self._negative_scores.extend(others)
    self._passages.append(_digest(record.passage))
    self._groups.append(record.group)
    self._negatives.append([_digest(n) for n in record.negatives])

  def save(self, folder: pathlib.Path) -> list[str]:
    """Writes the arrays; returns the languages, sorted."""
    cells = np.array(list(self._cells), np.int64)  # [N, 2]
    names = np.array(list(self._languages))
    order = np.argsort(names)
    column = np.argsort(order)  # first-seen number -> sorted place
    row_of = np.full((len(self.ids), len(names)), -1, np.int32)
    row_of[cells[:, 0], column[cells[:, 1]]] = np.arange(len(cells))
    group_of, group_of_passage = self._connect(cells[:, 0])
    counts = [len(n) for n in self._negatives]
    negative_group = [
      group_of_passage.get(digest, -1)
      for digests in self._negatives
      for digest in digests
    ]
    np.save(folder / "row_of.npy", row_of)
    np.save(folder / "group_of.npy", group_of)
    np.save(folder / "negatives_of.npy", np.cumsum([0, *counts]))
    np.save(folder / "negative_group.npy", np.array(negative_group, np.int32))
    np.save(folder / "scores.npy", np.array(self._scores, np.float32))
    np.save(
      folder / "negative_scores.npy",
      np.array(self._negative_scores, np.float32),
    )
    (folder / "ids.json").write_text(json.dumps(list(self.ids)))
    return [str(name) for name in names[order]]

  def _connect(
    self, id_of: NDArray[np.int64]
  ) -> tuple[NDArray[np.int32], dict[bytes, int]]:
    """Groups: the connected components over what two ids may share.

    An id is joined to the passage texts that it has in any language, and to
    its `group` if it names one; what hangs together is one group.
    """
    nodes: dict[bytes | str, int] = {}
    count = len(self.ids)
    edges = []
    for id_, passage, group in zip(
      id_of.tolist(), self._passages, self._groups, strict=True
    ):
      edges.append((id_, count + nodes.setdefault(passage, len(nodes))))
      if group:
        edges.append((id_, count + nodes.setdefault(group, len(nodes))))
    left, right = np.array(edges).T
    component = components(left, right, count + len(nodes))
    of_passage = {
      node: int(component[count + i])
      for node, i in nodes.items()
      if isinstance(node, bytes)
    }
    return component[:count], of_passage


def _digest(text: str) -> bytes:
  return hashlib.blake2b(text.encode(), digest_size=16).digest()
