"""Our side of a comparison, wired as the tasks wire it. To the scripts here.

Of `configs/e5_small_lareqa.py`, with texts of at most `LENGTH` tokens and the
loss that sentence-transformers has too: queries against passages, no masks.
"""

import argparse
import dataclasses
import pathlib
import runpy
import tempfile

import jax

from hybrid_ir.config import Config
from hybrid_ir.data.batch import Batches
from hybrid_ir.data.corpus import open_corpus
from hybrid_ir.data.plan import Plan
from hybrid_ir.data.sources import open_source
from hybrid_ir.model.encoder import Params
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.tasks.model import (
  Model,
  initial_params,
  load_model,
  open_model,
)
from hybrid_ir.training.mesh import make_mesh, shardings
from hybrid_ir.training.step import Trainer, make_trainer

ROOT = pathlib.Path(__file__).resolve().parents[1]
LENGTH = 128  # tokens of a text


def add_options(parser: argparse.ArgumentParser) -> None:
  """The encoder, the data, and how often to measure."""
  parser.add_argument(
    "--encoder", required=True, help="folder of multilingual-e5-small"
  )
  parser.add_argument("--lareqa_dir", default="", help="as data.lareqa_dir")
  parser.add_argument(
    "--cache_dir", default=Config().cache_dir, help="as cache_dir"
  )
  parser.add_argument("--rounds", type=int, default=5, help="that count")


def load_config(name: str) -> Config:
  """What a file in `configs/` gives."""
  config: Config = runpy.run_path(str(ROOT / "configs" / name))["get_config"]()
  return config


def make_config(options: argparse.Namespace) -> Config:
  """The config of both sides; AdamW at a constant rate, without clipping."""
  config = load_config("e5_small_lareqa.py")
  config.encoder.path = options.encoder
  config.data.lareqa_dir = options.lareqa_dir
  config.cache_dir = options.cache_dir
  config.text.query_length = config.text.passage_length = LENGTH
  config.loss.two_sided = config.loss.mask_groups = False
  config.optimizer.schedule, config.optimizer.warmup = "constant", 0.0
  return config


@dataclasses.dataclass(frozen=True)
class Training:
  """A model, its data as batches, and what trains it."""

  config: Config
  mesh: jax.sharding.Mesh
  model: Model
  batches: Batches
  trainer: Trainer

  def params(self) -> Params:
    """The encoder's parameters, in memory of their own."""
    params = initial_params(self.config, self.model, self.mesh)
    return jax.device_put(params, shardings(self.mesh, params))

  def texts(self, steps: int) -> tuple[list[str], list[str]]:
    """Queries and passages of the first steps' pairs, prefixes included."""
    source = _source(self.config)
    prefixes = self.model.contract.prefixes
    records = {(r.id, r.language): r for r in source.read()}
    queries, passages = [], []
    for step in range(steps):
      planned, corpus = self.batches.describe(step)
      for i, x, y in zip(
        planned.ids,
        planned.query_language,
        planned.passage_language,
        strict=True,
      ):
        query = records[corpus.ids[i], corpus.languages[x]].query
        passage = records[corpus.ids[i], corpus.languages[y]].passage
        queries.append(prefixes.write_query(query))
        passages.append(prefixes.write_passage(passage))
    return queries, passages


def open_training(config: Config) -> Training:
  """Opens what a config names, as task=train does."""
  mesh = make_mesh(config.mesh.data, config.mesh.fsdp)
  source = _source(config)
  with tempfile.TemporaryDirectory() as workdir:  # of no run
    model = open_model(config, pathlib.Path(workdir), [source])
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  prefixes = model.contract.prefixes
  corpus = open_corpus(source, model.tokenizer, prefixes, cache_dir)
  plan = Plan([corpus], [1.0], config.mix, config.train.batch_size, config.seed)
  batches = Batches(
    plan,
    [corpus],
    model.contract.query_length,
    model.contract.passage_length,
    config.layout,
    config.loss.hard_negatives,
    model.tokenizer.suffix,
    mesh.devices.size * config.train.chunks,
    config.seed,
  )
  trainer = make_trainer(config, model.bi_encoder)
  return Training(config, mesh, model, batches, trainer)


def open_encoder(config: Config) -> tuple[TextEncoder, Params]:
  """What embeds texts, and its parameters, as task=encode has them."""
  mesh = make_mesh(config.mesh.data, config.mesh.fsdp)
  with tempfile.TemporaryDirectory() as workdir:  # of no run
    loaded = load_model(config, pathlib.Path(workdir), mesh)
  return loaded.model.text_encoder(config, mesh), loaded.params


def _source(config: Config):
  """The training set's records."""
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  return open_source(config.data.train[0], "train", config.data, cache_dir)
