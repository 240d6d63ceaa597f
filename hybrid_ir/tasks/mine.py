"""task=mine: from data sets and what ranks them, to WORKDIR/mined."""

import dataclasses
import itertools
import pathlib
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from hybrid_ir.config import Config, to_json
from hybrid_ir.data.corpus import Corpus, open_corpus
from hybrid_ir.data.own_files import is_own
from hybrid_ir.data.records import Source
from hybrid_ir.data.sources import open_source, parse_weights
from hybrid_ir.errors import UserError
from hybrid_ir.prefixes import Prefixes
from hybrid_ir.retrieval.candidates import (
  DataEncoder,
  Rank,
  by_bm25,
  by_model,
)
from hybrid_ir.retrieval.mined import Mined
from hybrid_ir.retrieval.mining import Pool, make_pool, select
from hybrid_ir.retrieval.origin import origin_of
from hybrid_ir.tasks.model import Model, load_model, open_model
from hybrid_ir.training.mesh import make_mesh

_FORMAT = 2  # of what is written; a change makes what was begun stale
_BLOCK = 2048  # queries that are ranked, and written, at once


@dataclasses.dataclass(frozen=True)
class _Job:
  """One data set to be mined."""

  source: Source
  corpus: Corpus
  prefixes: Prefixes
  mined: Mined
  plan: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class _Ranker:
  """What ranks the passages."""

  model: Model
  identity: dict[str, Any]  # changes when any ranking may
  rank: Callable[[_Job, Pool], Rank]


def run(config: Config, workdir: pathlib.Path) -> None:
  """Writes hard negatives for `data.train`, as data sets to train on.

  A run that was killed goes on at its next block of queries.

  Raises:
    UserError: no model, a data set with nothing to choose from, or files in
      WORKDIR/mined that were made in another way.
  """
  if config.mine.depth < config.mine.negatives:
    raise UserError(
      f"config key 'mine.depth' is {config.mine.depth}, below 'mine.negatives'"
      f" ({config.mine.negatives}); look at as many passages as are to be kept"
    )
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  names, weights = parse_weights(config.data.train)
  files = _files(names, workdir / "mined")
  sources = [
    open_source(name, "train", config.data, cache_dir) for name in names
  ]
  if config.mine.by == "model":
    ranker = _model_ranker(config, workdir)
  else:
    ranker = _bm25_ranker(config, workdir, sources)
  jobs = []
  for source, mined in zip(sources, files, strict=True):
    prefixes = ranker.model.contract.prefixes.of(source.name, config.data)
    corpus = open_corpus(source, ranker.model.tokenizer, prefixes, cache_dir)
    plan = {
      "format": [_FORMAT, _BLOCK],
      "mine": to_json(config)["mine"],
      "data": corpus.fingerprint,
      **ranker.identity,
    }
    mined.check(plan)
    jobs.append(_Job(source, corpus, prefixes, mined, plan))

  kept = 0
  for job in jobs:
    figures = job.mined.figures() or _mine(config, job, ranker)
    _print(config, job, figures)
    kept += figures["kept"]
  if not kept:
    print(
      "nothing was kept, so there is nothing to train on: raise mine.depth, or"
      " let the filters let more pass (docs/hard_negatives.md)",
      flush=True,
    )
    return
  train = shlex.join(
    f"--config.data.train={job.mined.path}" + (f"={w:g}" if w else "")
    for job, w in zip(jobs, weights, strict=True)
  )
  print(
    f"train on them, in another workdir, with {train}"
    f" --config.loss.hard_negatives={config.mine.negatives}",
    flush=True,
  )


def _files(names: Sequence[str], folder: pathlib.Path) -> list[Mined]:
  """Where each data set's go.

  Raises:
    UserError: two that would have one name.
  """
  short = [
    re.sub(r"\W+", "_", pathlib.Path(name).stem if is_own(name) else name)
    for name in names
  ]
  if len(set(short)) < len(short):
    raise UserError(
      f"config key 'data.train' is {tuple(names)}; two of them would be mined"
      f" to one file ({', '.join(short)}); rename a file"
    )
  return [Mined(folder, name) for name in short]


def _model_ranker(config: Config, workdir: pathlib.Path) -> _Ranker:
  mesh = make_mesh(config.mesh.data, config.mesh.fsdp)
  loaded = load_model(config, workdir, mesh)
  encoder = loaded.model.text_encoder(config, mesh)

  def rank(job: _Job, pool: Pool) -> Rank:
    data_encoder = DataEncoder(encoder, loaded.params, job.prefixes)
    embeddings = job.mined.embeddings()
    if embeddings is None:
      embeddings = data_encoder.passages(
        pool.texts, f"{job.source.name}: passages"
      )
      job.mined.keep_embeddings(embeddings)
    mine = config.mine
    return by_model(data_encoder, embeddings, pool, mine.languages, mine.depth)

  origin = origin_of(loaded.model.contract, loaded.params, encoder.size)
  identity = {
    "model": {
      "step": loaded.step,
      "parameters": origin.weights,
      "dimensions": origin.size,
      "dtype": config.encoder.dtype,
      **origin.contract,
    }
  }
  return _Ranker(loaded.model, identity, rank)


def _bm25_ranker(
  config: Config, workdir: pathlib.Path, sources: Sequence[Source]
) -> _Ranker:
  """Needs of a model its tokenizer alone, which may be trained on the spot."""
  model = open_model(config, workdir, sources)

  def rank(job: _Job, pool: Pool) -> Rank:
    mine = config.mine
    return by_bm25(
      model.tokenizer, pool, mine.languages, mine.depth, job.source.name
    )

  return _Ranker(model, {"tokenizer": model.tokenizer.fingerprint}, rank)


def _mine(config: Config, job: _Job, ranker: _Ranker) -> dict[str, Any]:
  """Mines the blocks that are missing; returns the figures."""
  mine, mined = config.mine, job.mined
  pool = _pool(config, job)
  mined.begin(job.plan)
  rank = ranker.rank(job, pool)
  records = job.source.read()
  own = np.array_split(
    pool.positive_of, range(_BLOCK, len(pool.positive_of), _BLOCK)
  )
  done = [block for block in range(len(own)) if mined.has(block)]
  with tqdm(
    total=len(pool.positive_of),
    initial=sum(len(own[block]) for block in done),
    desc=f"mining {job.source.name}",
    unit=" queries",
    leave=False,
  ) as bar:
    for block, places in enumerate(own):
      members = list(itertools.islice(records, len(places)))
      if block in done:
        continue
      chosen, counts = select(
        rank(members, places), places, pool, mine.negatives, mine.most
      )
      negatives = [
        [pool.texts[place] for place in row if place >= 0]
        for row in chosen.tolist()
      ]
      mined.write(block, members, negatives, counts)
      bar.update(len(members))
  facts = {"data": job.source.name, "passages": len(pool.texts)}
  return mined.finish(len(own), job.plan, facts)


def _pool(config: Config, job: _Job) -> Pool:
  """The data set's passages.

  Raises:
    UserError: none of them could be a negative.
  """
  name = job.source.name
  with tqdm(
    job.source.read(), desc=f"reading {name}", unit=" pairs", leave=False
  ) as records:
    pool = make_pool(records, job.corpus)
  if len(pool.texts) < 2:
    raise UserError(
      f"data set '{name}' has one passage alone: there is none to be a"
      " negative; name a larger one in config key 'data.train'"
    )
  if config.mine.languages == "other" and len(pool.languages) < 2:
    raise UserError(
      f"config key 'mine.languages' is 'other', but data set '{name}' is in"
      f" {pool.languages[0]} alone; take 'own'"
    )
  return pool


def _print(config: Config, job: _Job, figures: dict[str, Any]) -> None:
  """What was found, a line each."""
  mine, left_out, false = (
    config.mine,
    figures["left_out"],
    figures["false_by_group"],
  )
  languages = ", ".join(
    f"{language} {count / max(1, figures['kept']):.1%}"
    for language, count in figures["kept_by_language"].items()
  )
  print(
    f"{figures['data']}: {figures['queries']:,} queries,"
    f" {figures['passages']:,} passages, by {mine.by}, languages"
    f" '{mine.languages}'\n"
    f"  looked at       {figures['looked_at']:,} passages, and"
    f" {figures['positives']:,} queries' own\n"
    f"  left out        {left_out['in_group']:,} of the query's group,"
    f" {left_out['over_cut']:,} by the cut, {left_out['repeated']:,} repeated\n"
    f"  kept            {figures['kept_per_query']:.2f} a query ({languages});"
    f" {figures['without']:,} queries without\n"
    f"  false by group  {false['first']:.1%} of the first {mine.negatives}"
    f" found, {false['after_cut']:.1%} of the first {mine.negatives} after the"
    f" cut alone, {false['looked_at']:.1%} of all looked at\n"
    f"  written to      {job.mined.path}",
    flush=True,
  )
