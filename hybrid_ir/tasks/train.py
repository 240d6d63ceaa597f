"""task=train: from a config to checkpoints. Wires data, model and training."""

import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Sequence

import jax
import numpy as np
from numpy.typing import NDArray

from hybrid_ir import processes, stopping
from hybrid_ir.config import Config
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.batch import Batch, Batches
from hybrid_ir.data.corpus import Corpus, open_corpus
from hybrid_ir.data.plan import Plan
from hybrid_ir.data.sources import check_spoken, open_source, parse_weights
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.catalog import open_benchmark, prefixed_as
from hybrid_ir.evaluation.evaluate import (
  evaluate,
  list_depths,
  rank_embeddings,
)
from hybrid_ir.evaluation.results import mean_pool
from hybrid_ir.model import contract as contract_lib
from hybrid_ir.model import vocabulary as vocabulary_lib
from hybrid_ir.model.encoder import Params
from hybrid_ir.model.vocabulary import Vocabulary
from hybrid_ir.tasks.model import Model, open_model
from hybrid_ir.tasks.start import start
from hybrid_ir.tasks.train_checks import (
  check_divisible,
  check_frozen,
  check_negatives,
  check_teacher,
)
from hybrid_ir.training import loop
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.checkpoint import Checkpoints
from hybrid_ir.training.metrics import MetricsLog
from hybrid_ir.training.step import State, make_trainer
from hybrid_ir.training.trainable import take
from hybrid_ir.workdir import CHECKPOINTS, write_config


def run(config: Config, workdir: pathlib.Path) -> None:
  """Trains, or goes on where a run in this workdir stopped.

  Raises:
    UserError: whatever a user can mend, before the first step.
  """
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  mesh = mesh_lib.make_mesh(config.mesh.data, config.mesh.fsdp)
  check_divisible(config, mesh.devices.size)

  # ------------------------------------------------- data, as a plan
  names, weights = parse_weights(config.data.train)
  # What is scored is read with prefixes of its own, too.
  scored = [*filter(None, (config.evaluate.dev, *config.evaluate.benchmarks))]
  known = {*names, *(one for name in scored for one in prefixed_as(name))}
  if unknown := sorted(config.data.prefixes.keys() - known):
    raise UserError(
      f"config key 'data.prefixes' has {unknown[0]!r}, which neither"
      " 'data.train', 'evaluate.dev' nor 'evaluate.benchmarks' names"
      f" ({', '.join(dict.fromkeys((*names, *scored)))})"
    )
  sources = [
    open_source(name, "train", config.data, cache_dir) for name in names
  ]
  model = open_model(config, workdir, sources)
  check_frozen(config, model.contract.architecture.layers)
  corpora = [
    open_corpus(
      source,
      model.tokenizer,
      model.contract.prefixes.of(name, config.data),
      cache_dir,
    )
    for name, source in zip(names, sources, strict=True)
  ]
  spoken = {code for corpus in corpora for code in corpus.languages}
  check_spoken(config.data, names, spoken)
  check_negatives(config, corpora)
  check_teacher(config, corpora)
  plan = Plan(
    corpora,
    weights,
    config.mix,
    config.train.batch_size,
    config.seed,
    config.data.limit,
  )
  kept = _kept(config, model, corpora)
  batches = Batches(
    plan,
    corpora,
    model.contract.query_length,
    model.contract.passage_length,
    config.layout,
    config.loss.hard_negatives,
    model.tokenizer.suffix,
    mesh.devices.size * config.train.chunks,
    config.seed,
    None if kept is None else vocabulary_lib.renumber(kept, _size(model)),
    mesh_lib.own_rows(mesh),
  )
  dev_set = _dev_set(config, cache_dir)
  evaluate_dev = None
  if dev_set:
    evaluate_dev = _dev_evaluation(config, model, mesh, dev_set)

  # ------------------------------------------------- model, as a state
  trainer = make_trainer(config, model.bi_encoder)
  data = [corpus.fingerprint for corpus in corpora]
  processes.agree(
    {"training data": " ".join(data), "tokenizer": model.tokenizer.fingerprint}
  )
  directory = str(workdir / CHECKPOINTS)
  with contextlib.closing(
    Checkpoints(directory, config.checkpoint.keep)
  ) as checkpoints:
    processes.agree({"the checkpoints' steps": f"{checkpoints.steps}"})
    state, progress, vocabulary = start(
      *(config, workdir, model, trainer, data, kept),
      *(dev_set.fingerprint if dev_set else "", checkpoints, mesh),
    )
    contract = {
      **contract_lib.to_json(model.contract),
      "data": data,
      "vocabulary": vocabulary.fingerprint if vocabulary else "",
    }
    if processes.is_first():
      write_config(workdir, config)
      tokenizer_lib.save(model.tokenizer, workdir)
    _announce(config, corpora, plan, state, mesh.devices.size)

    # ----------------------------------------------- the loop
    first_step = int(state["step"])
    with (
      MetricsLog(workdir, first_step)
      if processes.is_first()
      else contextlib.nullcontext() as log,
      stopping.deferred() as is_to_stop,
    ):
      loop.train(
        config,
        trainer,
        state,
        progress,
        batches,
        functools.partial(_stream, batches, config.data.workers),
        mesh,
        contract,
        checkpoints,
        log,
        _of_whole(evaluate_dev, vocabulary),
        is_to_stop,
      )


def _stream(
  batches: Batches, workers: int, start: int, stop: int
) -> Iterator[tuple[int, Batch]]:
  """Batches ahead of time; TensorFlow is imported here, where it is needed."""
  from hybrid_ir.data.pipeline import iterate

  return iterate(batches, start, stop, workers)


def _size(model: Model) -> int:
  """V, of the encoder's token table without its padding."""
  return model.contract.architecture.vocab_size


def _kept(
  config: Config, model: Model, corpora: Sequence[Corpus]
) -> NDArray[np.int32] | None:
  """[K] the token ids whose rows train; None: all, the table is not trimmed."""
  if not config.adapt.trim_vocabulary:
    return None
  stores = (
    texts.tokens
    for corpus in corpora
    for texts in (corpus.queries, corpus.passages, corpus.negatives)
  )
  kept = vocabulary_lib.kept_ids(stores, _size(model))
  print(f"tokens    {len(kept):,} of {_size(model):,} in memory", flush=True)
  return kept


def _of_whole(
  evaluate_dev: loop.Evaluate | None, vocabulary: Vocabulary | None
) -> loop.Evaluate | None:
  """Evaluates with the whole token table, for the dev split has any token."""
  if evaluate_dev is None or vocabulary is None:
    return evaluate_dev
  return lambda params, step: evaluate_dev(vocabulary.restore(params), step)


def _dev_set(config: Config, cache_dir: pathlib.Path) -> Benchmark | None:
  """What picks the best checkpoint; None: nothing does."""
  if not config.evaluate.every:
    return None
  benchmark = open_benchmark(  # its own passages alone: small, so often
    config.evaluate.dev,
    config.data,
    cache_dir,
    split="dev",
    pool="dev",
    allow_faults=config.evaluate.allow_faults,
  )
  if processes.count() > 1:
    processes.agree({f"dev set {benchmark.name}": benchmark.fingerprint})
  return benchmark


def _dev_evaluation(
  config: Config,
  model: Model,
  mesh: jax.sharding.Mesh,
  benchmark: Benchmark,
) -> loop.Evaluate:
  """Gives the dev split's mAP, by setting; "dev" is their mean."""
  text_encoder = dataclasses.replace(
    model.text_encoder(config, mesh).of(benchmark.source, config.data),
    dimensions=0,  # or a run that goes on with others would compare them
  )
  depths = list_depths(benchmark)

  def evaluate_dev(params: Params, step: int) -> dict[str, float]:
    del step
    ranking = rank_embeddings(
      benchmark,
      text_encoder.queries(
        params,
        benchmark.query_texts,
        instructions=benchmark.query_instructions,
      ),
      text_encoder.passages(params, benchmark.distinct_texts),
      depths,
    )
    result = evaluate(benchmark, ranking)
    figures = {
      f"{row.setting}_map": row.value
      for row in result.results
      if row.measure == "map"
      and row.query_language == "*"
      and row.passage_language == mean_pool(row.setting)
    }
    return {"dev": sum(figures.values()) / len(figures), **figures}

  return evaluate_dev


def _announce(
  config: Config,
  corpora: Sequence[Corpus],
  plan: Plan,
  state: State,
  devices: int,
) -> None:
  """What is about to be trained, before the first step."""
  for corpus in corpora:
    print(
      f"data      {corpus.name}: {len(corpus.queries):,} pairs,"
      f" {len(corpus.ids):,} parallel ids, {' '.join(corpus.languages)}"
    )
  for line in plan.describe():
    print(f"mixture   {line}")
  for line in plan.dropped:
    print(f"left out  {line}")
  count = _count(state["params"])
  trained = _count(
    jax.eval_shape(lambda x: take(x, config.adapt), state["params"])
  )
  of_all = f" of {count:,}" if trained < count else ""
  print(
    f"training  {trained:,}{of_all} parameters, batches of"
    f" {config.train.batch_size} pairs, steps {int(state['step'])} to"
    f" {config.train.steps}, {devices} {jax.devices()[0].platform}"
    f" device{'s' * (devices > 1)}",
    flush=True,
  )


def _count(params: Params) -> int:
  return sum(x.size for x in jax.tree.leaves(params))
