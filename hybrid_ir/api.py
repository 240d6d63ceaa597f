"""Three lines of Python. From a model's folder, to embeddings and hits.

import hybrid_ir
model = hybrid_ir.load("my_run")
hits = model.search(["how tall is it"], ["It is 90 m tall.", "Ann did."])
"""

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.config import Config, Data
from hybrid_ir.config_check import check
from hybrid_ir.config_keys import walk
from hybrid_ir.data.passages import Passage
from hybrid_ir.errors import UserError
from hybrid_ir.model import hub
from hybrid_ir.retrieval import shards
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.retrieval.index import Hit, Index, in_memory
from hybrid_ir.retrieval.index import search as search_index
from hybrid_ir.retrieval.origin import Origin, check_same, origin_of
from hybrid_ir.tasks.model import LoadedModel, load_model
from hybrid_ir.training.mesh import make_mesh
from hybrid_ir.workdir import CHECKPOINTS, CONFIG

__all__ = ["Hit", "Index", "Retriever", "load", "open_index"]

_LONGEST = 512  # tokens of a row, where nothing says how many
# Sections and keys of a workdir's config.json that say what its model is.
_OF_MODEL = (
  *("encoder.", "text.", "layout."),
  *("data.prefixes", "train.warm_start"),
)


@dataclasses.dataclass(frozen=True, eq=False)
class Retriever:
  """A model that turns texts into embeddings and finds passages; see `load`."""

  _loaded: LoadedModel
  _text_encoder: TextEncoder
  _data: Data  # with the prefixes of some data sets

  @property
  def size(self) -> int:
    """E, dimensions of an embedding."""
    return self._text_encoder.size

  def encode(
    self,
    texts: Sequence[str],
    kind: Literal["query", "passage"],
    *,
    instruction: str = "",
    progress: str = "",
  ) -> NDArray[np.float32]:
    """Embeds texts, with the prefix and the length of their kind.

    Args:
      texts: T texts, none empty.
      kind: what they are.
      instruction: what the queries are for, if the model knows instructions.
      progress: names a progress bar; empty: none.

    Returns:
      [T, E]; a score is a dot product of two.

    Raises:
      UserError: an empty text, or something else than a list of texts.
    """
    _check_texts(texts, kind)
    params = self._loaded.params
    if kind == "query":
      return self._text_encoder.queries(params, texts, progress, instruction)
    if kind != "passage" or instruction:
      raise UserError(
        f"encode: kind is {kind!r}, with the instruction {instruction!r};"
        " expected 'query', or 'passage' without an instruction"
      )
    return self._text_encoder.passages(params, texts, progress)

  def search(
    self,
    queries: Sequence[str],
    passages: Index | Sequence[str] | NDArray[np.float32],
    k: int = 10,
    *,
    languages: Sequence[str] = (),
    instruction: str = "",
  ) -> list[list[Hit]]:
    """The best passages of each query, by exact search.

    Args:
      queries: Q texts.
      passages: an index (`open_index`); or texts; or embeddings [C, E] that
        `encode` made. Of the last two, an id is the place in the list, from 0.
      k: how many a query.
      languages: only passages of an index in these; empty: all.
      instruction: what the queries are for, if the model knows instructions.

    Returns:
      Q lists of at most k hits, best first; between equal scores, the larger
      id (as text) is ahead.

    Raises:
      UserError: an empty text, an index of another model, a language that the
        index does not have.
    """
    if k < 1:
      raise UserError(f"search: k is {k}; expected at least 1")
    index = self._index(passages)
    asked = self._of(index)
    if index.origin is not None:
      contract = asked._text_encoder.contract
      check_same(index.origin, contract, self._origin, index.name)
    embedded = asked.encode(queries, "query", instruction=instruction)
    return search_index(index, embedded, k, languages)

  def _of(self, index: Index) -> "Retriever":
    """Itself, with the prefixes of an index's data set where it has some."""
    text_encoder = self._text_encoder.of(index.corpus, self._data)
    return dataclasses.replace(self, _text_encoder=text_encoder)

  def _index(
    self, passages: Index | Sequence[str] | NDArray[np.float32]
  ) -> Index:
    if isinstance(passages, Index):
      return passages
    if isinstance(passages, np.ndarray):
      if passages.ndim != 2 or passages.shape[1] != self.size:
        raise UserError(
          f"search: passages have the shape {passages.shape}; expected"
          f" embeddings [C, {self.size}], as encode(texts, 'passage') gives"
        )
      texts: Sequence[str] = [""] * len(passages)
      embedded = passages.astype(np.float32, copy=False)
    else:
      _check_texts(passages, "passage")
      # Each distinct text once, so that equal texts tie.
      place = {text: i for i, text in enumerate(dict.fromkeys(passages))}
      embedded = self.encode(list(place), "passage")
      embedded = embedded[[place[text] for text in passages]]
      texts = passages
    members = [Passage(str(i), "", text) for i, text in enumerate(texts)]
    return in_memory("search: passages", members, embedded, None)

  @functools.cached_property
  def _origin(self) -> Origin:
    loaded = self._loaded
    return origin_of(loaded.model.contract, loaded.params, self.size)


def load(
  path: str | os.PathLike[str],
  *,
  dtype: Literal["float32", "bfloat16"] = "float32",
  dimensions: int = 0,
  longest: int | None = None,
  query_prefix: str | None = None,
  passage_prefix: str | None = None,
) -> Retriever:
  """A model, on one device.

  Args:
    path: a workdir; a folder that task=export wrote, or another in
      sentence-transformers' or Hugging Face's layout; or a hub id.
    dtype: of the computation.
    dimensions: leading ones of an embedding that are kept; 0: all.
    longest: tokens of a row; longer texts are cut to it, also where the model
      itself would read more of them. None: 512. Not for a workdir, which knows
      its own.
    query_prefix: put before each query; None: as the model's folder says, else
      nothing. Not for a workdir, either.
    passage_prefix: the same before each passage.

  Raises:
    UserError: nothing there that can be loaded.
  """
  folder = pathlib.Path(path).expanduser()
  config = Config()
  known = {
    "query_prefix": query_prefix,
    "passage_prefix": passage_prefix,
    "longest": longest,
  }
  stored = _stored_config(folder)
  if stored is None and not (folder / CHECKPOINTS).is_dir():
    named = hub.resolve(os.fspath(path), named="load: path")
    config.encoder.path = os.fspath(named)
    config.text.query_prefix = query_prefix
    config.text.passage_prefix = passage_prefix
  elif given := [name for name, value in known.items() if value is not None]:
    raise UserError(
      f"{folder}: is a workdir, which knows its own; leave {given[0]} out"
    )
  if stored is not None:
    _restore(config, stored)
  if stored is None:
    config.layout.row_lengths = _rows(_LONGEST if longest is None else longest)
  config.encoder.dtype = dtype
  config.encoder.dimensions = dimensions
  check(config)
  mesh = make_mesh(1)
  loaded = load_model(config, folder, mesh)
  text_encoder = loaded.model.text_encoder(config, mesh)
  return Retriever(loaded, text_encoder, config.data)


def open_index(path: str | os.PathLike[str]) -> Index:
  """What task=encode wrote.

  Args:
    path: the workdir, or the folder index/ in it.

  Raises:
    UserError: no complete index there.
  """
  folder = pathlib.Path(path).expanduser()
  inner = folder / shards.FOLDER
  return shards.open_index(inner if inner.is_dir() else folder)


def _stored_config(folder: pathlib.Path) -> dict[str, Any] | None:
  """A workdir's config.json; None where the folder is none."""
  try:
    stored = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
  except (OSError, ValueError):
    return None
  ours = isinstance(stored, dict) and {"task", "encoder"} <= stored.keys()
  return stored if ours else None


def _rows(longest: int) -> tuple[int, ...]:
  """64, 128, 256, ... and the longest."""
  lengths = [64 << i for i in range(longest.bit_length())]
  return (*(n for n in lengths if n < longest), longest)


def _restore(config: Config, stored: dict[str, Any]) -> None:
  """Sets what says which model it is."""
  for name, _, default in walk(config):
    if name.startswith(_OF_MODEL):
      section, key = name.split(".")
      value = stored.get(section, {}).get(key, default)
      setattr(getattr(config, section), key, value)


def _check_texts(texts: Sequence[str], kind: str) -> None:
  if isinstance(texts, str):
    raise UserError(f"{kind}: expected a list of texts, got one text")
  for i, text in enumerate(texts):
    if not isinstance(text, str) or not text.strip():
      raise UserError(f"{kind} {i}: expected a text, got {text!r:.40}")
