"""Where the studies of configs/studies/ start from, so that they share runs.

Each adds its axes. Sizes on an axis are made of what is set here, so that they
hold at either size.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError

SMALL, FULL = "small", "full"
# XLM-R and mBERT were not trained for retrieval: their folders say nothing of
# how to pool, and their prefixes are the paper's (arXiv 2408.10536).
_BARE = {
  "encoder.pooling": "mean",
  "text.query_prefix": "Query: ",
  "text.passage_prefix": "Passage: ",
}
_ENCODERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
  {
    "E5": {
      "encoder.path": "intfloat/multilingual-e5-small",
      "encoder.pooling": None,
      "text.query_prefix": "query: ",
      "text.passage_prefix": "passage: ",
    },
    "XLM-R": {"encoder.path": "FacebookAI/xlm-roberta-base", **_BARE},
    "LaBSE": {
      "encoder.path": "sentence-transformers/LaBSE",
      "encoder.pooling": None,
      "text.query_prefix": "",
      "text.passage_prefix": "",
    },
    "mBERT": {
      "encoder.path": "google-bert/bert-base-multilingual-cased",
      **_BARE,
    },
  }
)
_FIRST = {SMALL: "E5", FULL: "XLM-R"}
MMARCO = ("ar", "de", "en", "es", "hi", "ru", "zh")  # the paper's, section 4
# MIRACL's smaller collections (1.5 million passages), in languages that mMARCO
# has not: of four scripts and families, as one pool.
_MIRACL = "+".join(f"miracl/{code}/dev" for code in ("bn", "sw", "te", "th"))
ZERO_SHOT = ("xquad_r", "mlqa_r", f"ir_datasets:{_MIRACL}")


def encoders(size: str) -> dict[str, dict[str, Any]]:
  """An axis of encoders, the first of which is the one that `start` sets.

  That one sets nothing, so that `--config.encoder.path` counts.

  Args:
    size: as in `start`.
  """
  first = _FIRST[size]
  others = {name: {**keys} for name, keys in _ENCODERS.items() if name != first}
  return {first: {}, **others}


def start(name: str, size: str) -> Config:
  """A study's config without axes.

  Args:
    name: of the study.
    size: "small": multilingual-e5-small, 200 steps of 32 pairs of MLQA-R,
      scored on XQuAD-R, for two CPU cores. "full": XLM-R, 20,000 steps of 96
      pairs of mMARCO in the paper's seven languages, scored on XQuAD-R, MLQA-R
      and MIRACL, for one TPU host (v5e-8). `--config=FILE.py:full` asks for it.

  Raises:
    UserError: another size.
  """
  if size not in (SMALL, FULL):
    raise UserError(
      f"--config=….py:{size}: expected {SMALL} or {FULL} after the colon, or"
      f" neither for {SMALL}"
    )
  config = Config()
  config.task = "study"
  config.study.name = name
  config.study.kind = name
  _set(config, _ENCODERS[_FIRST[size]])
  config.encoder.dropout = 0.0
  config.text.query_length = 256
  config.text.passage_length = 256
  config.data.train = ("mlqa_r",)
  config.layout.row_lengths = (128, 256)
  config.loss.two_sided = True
  config.optimizer.embeddings = "lazy"
  config.adapt.trim_vocabulary = True
  config.train.batch_size = 32
  config.train.steps = 200
  config.checkpoint.every = 50
  config.checkpoint.keep = 1
  config.evaluate.benchmarks = ("xquad_r",)
  config.evaluate.ann = False
  config.evaluate.run_depth = 0  # no TREC files: a gigabyte each on XQuAD-R
  if size == FULL:
    config.encoder.dtype = "bfloat16"
    config.data.train = ("mmarco",)
    config.data.languages = MMARCO
    config.optimizer.learning_rate = 3e-5
    config.train.batch_size = 96
    config.train.steps = 20_000
    config.checkpoint.every = 1000
    config.evaluate.benchmarks = ZERO_SHOT
    config.evaluate.tokens_per_batch = 65_536
  return config


def _set(config: Config, keys: Mapping[str, Any]) -> None:
  for name, value in keys.items():
    section, key = name.split(".")
    setattr(getattr(config, section), key, value)
