"""What `evaluate.by` names, to rankings. For task=evaluate."""

import dataclasses
import json
import pathlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hybrid_ir import processes
from hybrid_ir.config import Config
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.brief import brief
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.evaluate import (
  list_depths,
  rank_embeddings,
  settings_of,
)
from hybrid_ir.evaluation.faults import Faults
from hybrid_ir.evaluation.lexical import rank_by_bm25
from hybrid_ir.evaluation.lists import Lists, scann_lists
from hybrid_ir.evaluation.results import needed
from hybrid_ir.evaluation.run_ranking import rank_runs
from hybrid_ir.evaluation.stored_embeddings import rank_stored
from hybrid_ir.model import hub
from hybrid_ir.model.families import FAMILIES
from hybrid_ir.retrieval import by_library
from hybrid_ir.retrieval.ann import AnnUnavailableError, load
from hybrid_ir.retrieval.ranking import Depths, Ranking
from hybrid_ir.tasks.model import load_model
from hybrid_ir.training.mesh import make_mesh
from hybrid_ir.workdir import CHECKPOINTS

_ANN_DEPTH = 10  # passages of a list of ScaNN's
# Of a model, but nothing that sentence-transformers is asked for here.
_NOT_TOLD = (
  ("encoder", "keep_layers"),
  ("encoder", "pooling"),
  ("encoder", "normalize"),
  ("encoder", "dtype"),
  ("data", "prefixes"),
)


@dataclasses.dataclass(frozen=True, eq=False)
class Ranked:
  """A system's ranking of a benchmark."""

  ranking: Ranking
  search: str = "exact"  # as results call it
  approximate: Lists | None = None  # ScaNN's lists beside it
  lines: tuple[str, ...] = ()  # what to tell of it


@dataclasses.dataclass(frozen=True)
class System:
  """What is scored."""

  rank: Callable[[Benchmark], Ranked]
  step: int = 0  # of training; 0: none here


# A benchmark -> embeddings of its queries [Q, E] and distinct texts [U, E].
_Embed = Callable[[Benchmark], tuple[NDArray[np.float32], NDArray[np.float32]]]


def open_system(config: Config, workdir: pathlib.Path) -> System:
  """Opens the model, or what else `evaluate.by` names.

  Where the workdir has no trained model, the one of encoder.path; a family
  that we do not know is left to sentence-transformers.

  Raises:
    UserError: no model, or a folder that is not there.
  """
  check(config, workdir)
  by, path = config.evaluate.by, pathlib.Path(config.evaluate.path).expanduser()
  allow = config.evaluate.allow_faults
  match by:
    case "model":
      return _model(config, workdir)
    case "bm25":
      return System(lambda b: Ranked(rank_by_bm25(b, _depths(config, b))))
    case "embeddings":
      return System(
        lambda b: _told(*rank_stored(b, path, _depths(config, b), allow))
      )
    case _:
      return System(
        lambda b: _told(
          *rank_runs(
            b,
            path,
            settings_of(b, config.evaluate.settings),
            _depths(config, b),
            allow,
          ),
          search="run",
        )
      )


def check(config: Config, workdir: pathlib.Path) -> None:
  """Refuses what cannot be scored, before any work.

  Raises:
    UserError: keys that do not go together, a folder that is not there, or
      one that would be written over.
  """
  by, path = config.evaluate.by, config.evaluate.path
  if bool(path) != (by in ("embeddings", "runs")):
    raise UserError(
      f"config key 'evaluate.path' is {path!r}, but 'evaluate.by' is {by!r};"
      " expected a folder for 'embeddings' and 'runs', and for these alone"
    )
  if path and not pathlib.Path(path).expanduser().is_dir():
    raise UserError(
      f"config key 'evaluate.path' is {path!r}: no such folder; name the folder"
      " of a file a benchmark (docs/models.md)"
    )
  if any(_is_same(path, workdir / one) for one in ("runs", "details") if path):
    raise UserError(
      f"config key 'evaluate.path' is {path!r}, and this workdir's own"
      " files would be written over those there; name another --workdir"
    )
  if by != "model" and (
    config.task != "evaluate" or (workdir / CHECKPOINTS).is_dir()
  ):
    raise UserError(
      f"config key 'evaluate.by' is {by!r}, but this workdir is for a trained"
      " model; take task=evaluate and another --workdir"
    )


def _is_same(path: str, other: pathlib.Path) -> bool:
  """Whether two names are of one folder, by links too; the first is there."""
  return other.exists() and pathlib.Path(path).expanduser().samefile(other)


def _told(
  ranking: Ranking, lines: tuple[str, ...], search: str = "exact"
) -> Ranked:
  return Ranked(ranking, search, lines=lines)


def _depths(config: Config, benchmark: Benchmark, ann: bool = False) -> Depths:
  return list_depths(
    benchmark,
    approximate=_ANN_DEPTH * ann,
    run_settings=config.evaluate.runs,
    run_depth=config.evaluate.run_depth,
  )


def _model(config: Config, workdir: pathlib.Path) -> System:
  if not (workdir / CHECKPOINTS).is_dir() and config.encoder.path:
    folder = hub.resolve(config.encoder.path, config.encoder.revision)
    if reason := _unknown(folder):
      _check_library_keys(config, reason)
      encoder = by_library.load(
        folder, config.text, config.encoder.dimensions, reason
      )
      print(f"{reason}; loaded by sentence-transformers", flush=True)
      return System(_by_embeddings(config, _of_library(encoder)))
  mesh = make_mesh(config.mesh.data, config.mesh.fsdp)
  loaded = load_model(config, workdir, mesh)
  if processes.is_first() and not loaded.step:
    tokenizer_lib.save(loaded.model.tokenizer, workdir)
  text_encoder = loaded.model.text_encoder(config, mesh)

  def embed(
    benchmark: Benchmark,
  ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    name, encoder = (
      benchmark.name,
      text_encoder.of(benchmark.source, config.data),
    )
    return (
      encoder.queries(
        loaded.params,
        benchmark.query_texts,
        f"{name}: queries",
        instructions=benchmark.query_instructions,
      ),
      encoder.passages(
        loaded.params, benchmark.distinct_texts, f"{name}: passages"
      ),
    )

  return System(_by_embeddings(config, embed), loaded.step)


def _check_library_keys(config: Config, reason: str) -> None:
  """Refuses what the library would not be told."""
  default = Config()
  for section, key in _NOT_TOLD:
    value = getattr(getattr(config, section), key)
    if value != getattr(getattr(default, section), key):
      raise UserError(
        f"{reason}; it is loaded by sentence-transformers, to which config key"
        f" '{section}.{key}' ({value!r}) says nothing; leave it out"
      )


def _of_library(encoder: by_library.LibraryEncoder) -> _Embed:
  def embed(
    benchmark: Benchmark,
  ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    name = benchmark.name
    if benchmark.query_instructions:
      raise UserError(
        f"benchmark {name!r}: its queries carry instructions, which are not"
        " given to a model that sentence-transformers loaded; leave the field"
        " 'instruction' out"
      )
    return (
      encoder.queries(benchmark.query_texts, f"{name}: queries"),
      encoder.passages(benchmark.distinct_texts, f"{name}: passages"),
    )

  return embed


def _unknown(folder: pathlib.Path) -> str:
  """Why a folder's encoder is none that we can read; empty: it may be."""
  path = folder / "config.json"
  try:
    family = json.loads(path.read_text(encoding="utf-8")).get("model_type")
  except (OSError, ValueError, AttributeError):
    return ""  # the loader says what is wrong
  if not isinstance(family, str) or family in FAMILIES:
    return ""
  return (
    f"{path}: model_type {family!r} is none of {', '.join(FAMILIES)}, which are"
    " read here"
  )


def _by_embeddings(
  config: Config, embed: _Embed
) -> Callable[[Benchmark], Ranked]:
  search = config.evaluate.ann and _ann_is_there()

  def rank(benchmark: Benchmark) -> Ranked:
    queries, texts = embed(benchmark)
    empty = _of_length_0(
      benchmark, queries, texts, config.evaluate.allow_faults
    )
    ann = search and not empty  # ScaNN makes nothing of these
    ranking = rank_embeddings(
      benchmark, queries, texts, _depths(config, benchmark, ann)
    )
    if not ann:
      return Ranked(ranking, lines=empty)
    found, lines = scann_lists(
      benchmark,
      queries,
      texts,
      needed(benchmark, settings_of(benchmark, config.evaluate.settings)),
      _ANN_DEPTH,
      target=config.ann.recall,
      sample=config.ann.sample,
      seed=config.seed,
    )
    return Ranked(ranking, approximate=found, lines=lines)

  return rank


def _of_length_0(
  benchmark: Benchmark,
  queries: NDArray[np.float32],
  texts: NDArray[np.float32],
  allow: bool,
) -> tuple[str, ...]:
  """Lines on embeddings that have the score 0 with every other.

  Raises:
    UserError: there are some, and not `allow`.
  """
  faults = Faults()
  for kind, named, rows in (
    ("queries", benchmark.query_ids, queries),
    ("passages", benchmark.distinct_texts, texts),
  ):
    for row in np.flatnonzero(~rows.any(axis=1)).tolist():
      where = brief(named[row])
      faults.add(f"embeddings of {kind} of length 0", where, kept=True)
  return faults.settle(benchmark.name, allow)


def _ann_is_there() -> bool:
  try:
    load()
  except AnnUnavailableError as error:
    print(f"{error}; exact search instead", flush=True)
    return False
  return True
