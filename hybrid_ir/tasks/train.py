"""task=train: from a config to checkpoints. Wires data, model and training."""

import contextlib
import functools
import pathlib
from collections.abc import Iterator, Sequence

import jax
import numpy as np

from hybrid_ir.config import Config
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.batch import Batch, Batches
from hybrid_ir.data.corpus import Corpus, open_corpus
from hybrid_ir.data.plan import Plan
from hybrid_ir.data.sources import open_source, parse_weights
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.catalog import open_benchmark
from hybrid_ir.evaluation.evaluate import evaluate
from hybrid_ir.model import contract as contract_lib
from hybrid_ir.model.encoder import Params
from hybrid_ir.tasks.model import (
  Model,
  check_same_contract,
  initial_params,
  open_model,
)
from hybrid_ir.training import loop
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.checkpoint import Checkpoints, Progress
from hybrid_ir.training.metrics import MetricsLog
from hybrid_ir.training.optimizer import make_optimizer
from hybrid_ir.training.step import State, Trainer
from hybrid_ir.training.trainable import take
from hybrid_ir.workdir import CHECKPOINTS, write_config


def run(config: Config, workdir: pathlib.Path) -> None:
  """Trains, or goes on where a run in this workdir stopped.

  Raises:
    UserError: whatever a user can mend, before the first step.
  """
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  mesh = mesh_lib.make_mesh(config.mesh.data)
  _check_divisible(config, mesh.devices.size)

  # ------------------------------------------------- data, as a plan
  names, weights = parse_weights(config.data.train)
  if unknown := sorted(config.data.prefixes.keys() - set(names)):
    raise UserError(
      f"config key 'data.prefixes' has {unknown[0]!r}, which 'data.train' does"
      f" not name ({', '.join(names)})"
    )
  sources = [
    open_source(name, "train", config.data, cache_dir) for name in names
  ]
  model = open_model(config, workdir, sources)
  _check_frozen(config, model)
  corpora = [
    open_corpus(
      source,
      model.tokenizer,
      model.contract.prefixes.of(name, config.data),
      cache_dir,
    )
    for name, source in zip(names, sources, strict=True)
  ]
  _check_negatives(config, corpora)
  _check_teacher(config, corpora)
  plan = Plan(
    corpora, weights, config.mix, config.train.batch_size, config.seed
  )
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
  )
  evaluate_dev = _dev_evaluation(config, model, mesh, cache_dir)

  # ------------------------------------------------- model, as a state
  trainer = Trainer(
    model.bi_encoder,
    config.layout.texts_per_row if config.layout.packing else 1,
    config.loss,
    config.adapt,
    make_optimizer(config.optimizer, config.train.steps),
    config.train.chunks,
    config.seed,
  )
  contract = {
    **contract_lib.to_json(model.contract),
    "data": [corpus.fingerprint for corpus in corpora],
  }
  directory = str(workdir / CHECKPOINTS)
  with contextlib.closing(
    Checkpoints(directory, config.checkpoint.keep)
  ) as checkpoints:
    state, progress = _start(
      config, model, trainer, contract, checkpoints, mesh
    )
    write_config(workdir, config)
    tokenizer_lib.save(model.tokenizer, workdir)
    _announce(config, corpora, plan, state, mesh.devices.size)

    # ----------------------------------------------- the loop
    with MetricsLog(workdir, int(state["step"])) as log:
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
        evaluate_dev,
      )


def _stream(
  batches: Batches, workers: int, start: int, stop: int
) -> Iterator[tuple[int, Batch]]:
  """Batches ahead of time; TensorFlow is imported here, where it is needed."""
  from hybrid_ir.data.pipeline import iterate

  return iterate(batches, start, stop, workers)


def _check_negatives(config: Config, corpora: Sequence[Corpus]) -> None:
  if config.loss.hard_negatives and not any(len(c.negatives) for c in corpora):
    raise UserError(
      f"config key 'loss.hard_negatives' is {config.loss.hard_negatives}, but"
      f" no record of {', '.join(c.name for c in corpora)} has 'negatives'"
    )


def _check_teacher(config: Config, corpora: Sequence[Corpus]) -> None:
  if not config.loss.distillation:
    return
  said = f"config key 'loss.distillation' is {config.loss.distillation}"
  if not config.loss.hard_negatives:
    raise UserError(
      f"{said}, but 'loss.hard_negatives' is 0: there is nothing to weigh a"
      " passage against; set it to the negatives a step"
    )
  if not any(np.isfinite(corpus.negative_scores).any() for corpus in corpora):
    raise UserError(
      f"{said}, but no record of {', '.join(c.name for c in corpora)} has"
      " 'negatives' with 'scores'"
    )


def _check_frozen(config: Config, model: Model) -> None:
  frozen = config.adapt.freeze_layers
  layers = model.contract.architecture.layers
  if frozen >= layers:
    raise UserError(
      f"config key 'adapt.freeze_layers' is {frozen}, but the encoder has"
      f" {layers} layers; expected fewer, so that one trains"
    )


def _check_divisible(config: Config, devices: int) -> None:
  if config.train.batch_size % devices:
    raise UserError(
      f"config key 'train.batch_size' is {config.train.batch_size}; it must be"
      f" a multiple of the {devices} devices that share a batch ('mesh.data')"
    )


def _start(
  config: Config,
  model: Model,
  trainer: Trainer,
  contract: dict[str, object],
  checkpoints: Checkpoints,
  mesh: jax.sharding.Mesh,
) -> tuple[State, Progress]:
  """The newest checkpoint's state, or the first.

  Raises:
    UserError: a checkpoint of another model or of other data.
  """
  if not checkpoints.steps:
    state = trainer.init(initial_params(config, model, mesh))
    return jax.device_put(state, mesh_lib.shardings(mesh, state)), Progress()
  step = checkpoints.steps[-1]
  stored, progress = checkpoints.metadata(step)
  check_same_contract(model.contract, stored, checkpoints.directory)
  if stored["data"] != contract["data"]:
    raise UserError(
      "the training data changed since this run began (fingerprints"
      f" {stored['data']} then, {contract['data']} now); name another workdir"
    )
  like = jax.eval_shape(
    lambda: trainer.init(model.bi_encoder.init(jax.random.key(0)))
  )
  return checkpoints.restore(step, like, mesh), progress


def _dev_evaluation(
  config: Config,
  model: Model,
  mesh: jax.sharding.Mesh,
  cache_dir: pathlib.Path,
) -> loop.Evaluate | None:
  """Gives the dev split's mAP, by setting; "dev" is their mean."""
  if not config.evaluate.every:
    return None
  benchmark = open_benchmark(  # its own passages alone: small, so often
    config.evaluate.dev,
    config.data,
    cache_dir,
    split="dev",
    pool="dev",
  )
  text_encoder = model.text_encoder(config, mesh)

  def evaluate_dev(params: Params, step: int) -> dict[str, float]:
    del step
    result = evaluate(
      benchmark,
      text_encoder.queries(params, benchmark.query_texts),
      text_encoder.passages(params, benchmark.distinct_texts),
      run_depth=0,
    )
    figures = {
      f"{row.setting}_map": row.value
      for row in result.results
      if row.measure == "map"
      and row.query_language == "*"
      and row.passage_language in ("*", "all")
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
