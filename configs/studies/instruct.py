"""Study: hybrid batches, instructions (Dolly), both at once, in either order.

Command:   python -m hybrid_ir.main --config=configs/studies/instruct.py \
             --workdir=studies --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER
Hardware:  2 CPU cores, 8 GB; a cell takes 9 minutes or more (Dolly's responses
           are long): 19 cells, 4 hours
Disk:      1.1 GB, of the run that is under way
Data:      Dolly-15k is downloaded by TFDS, 13 MB (docs/data_sets.md says how to
           bring it to a machine without a network)
Expected:  not yet measured
Full size: as configs/studies/paper.py, and scored on NeuCLIR, whose queries are
           English and whose pool is Chinese, Persian and Russian together:
             --config.evaluate.benchmarks=xquad_r,\
ir_datasets:neuclir/1/multi/trec-2023
Note:      multilingual retrieval with one query language (MLIR) is here the
           setting `multi` with English queries; it has a table of its own.
           Whatever trains on both takes 400 steps, so it is held against hybrid
           batches alone for as long, too
"""

from hybrid_ir.config import Config


def get_config() -> Config:
  """Seven ways of training, two of which start from another's end."""
  config = Config()
  config.task = "study"
  config.encoder.path = "intfloat/multilingual-e5-small"
  config.encoder.dropout = 0.0
  config.text.query_prefix = "query: "
  config.text.passage_prefix = "passage: "
  config.text.query_length = 256
  config.text.passage_length = 256
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
  hybrid = {
    "data.train": ("mlqa_r",),
    "mix.mono": 0.5,
    "mix.cross": 0.5,
    "mix.instruct": 0.0,
  }
  instructions = {
    "data.train": ("dolly",),
    "mix.mono": 0.0,
    "mix.cross": 0.0,
    "mix.instruct": 1.0,
  }
  config.study.name = "instruct"
  config.study.kind = "instruct"
  config.study.against = (
    *("training=hybrid", "training=hybrid twice as long"),
    *("training=instructions", "training=hybrid then instructions"),
  )
  config.study.axes = {
    "training": {
      "hybrid": hybrid,
      "hybrid twice as long": {**hybrid, "train.steps": 400},
      "instructions": instructions,
      "both at once": {
        "data.train": ("mlqa_r", "dolly"),
        "mix.mono": 0.25,
        "mix.cross": 0.25,
        "mix.instruct": 0.5,
        "train.steps": 400,
      },
      "hybrid then instructions": {
        **instructions,
        "train.warm_start": "@training=hybrid",
      },
      "instructions then hybrid": {
        **hybrid,
        "train.warm_start": "@training=instructions",
      },
      "untrained": {"train.steps": 0},
    }
  }
  return config
