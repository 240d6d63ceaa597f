"""Study: hybrid batches, instructions (Dolly), both at once, in either order.

Command:   python -m hybrid_ir.main --config=configs/studies/instruct.py \
             --workdir=studies --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER
Hardware:  2 CPU cores, 8 GB; a cell takes 9 minutes or more (Dolly's responses
           are long): 19 cells, 4 hours
Disk:      1.1 GB, of the run that is under way
Data:      Dolly-15k is downloaded by TFDS, 13 MB (docs/data_sets.md says how to
           bring it to a machine without a network)
Expected:  3 layers (--config.encoder.keep_layers=3), MAP of English queries
           against all passages: untrained .025, hybrid .114, as long as both
           .166 (docs/results/instruct.md; the rest is not yet measured)
Full size: --config=configs/studies/instruct.py:full, on one TPU host: XLM-R on
           mMARCO, 20,000 steps of 96 pairs (hybrid_ir/studies/start.py), scored
           on NeuCLIR, too, whose queries are English and whose pool is Chinese,
           Persian and Russian together. Of Dolly 500 steps, three epochs
Note:      multilingual retrieval with one query language (MLIR) is here the
           setting `multi` with English queries, which are tested apart, too.
           Whatever trains on both takes the steps of both, so it is held
           against hybrid batches alone for as long, too
"""

from hybrid_ir.config import Config
from hybrid_ir.studies.start import FULL, SMALL, start


def get_config(size: str = SMALL) -> Config:
  """Seven ways of training, two of which start from another's end."""
  config = start("instruct", size)
  if size == FULL:
    config.evaluate.benchmarks = (
      *("xquad_r", "ir_datasets:neuclir/1/multi/trec-2023"),
    )
  pairs, steps = config.data.train, config.train.steps
  its = 500 if size == FULL else steps  # of Dolly's 15,011 examples
  hybrid = {
    "data.train": pairs,
    "mix.mono": 0.5,
    "mix.cross": 0.5,
    "mix.instruct": 0.0,
  }
  instructions = {
    "data.train": ("dolly",),
    "data.languages": (),  # Dolly's own, English; not those of the pairs
    "mix.mono": 0.0,
    "mix.cross": 0.0,
    "mix.instruct": 1.0,
    "train.steps": its,
  }
  config.study.against = (
    *("training=hybrid", "training=hybrid as long as both"),
    *("training=instructions", "training=hybrid then instructions"),
  )
  config.study.axes = {
    "training": {
      "hybrid": hybrid,
      "hybrid as long as both": {**hybrid, "train.steps": steps + its},
      "instructions": instructions,
      "both at once": {
        "data.train": (*pairs, "dolly"),
        "mix.mono": steps / (steps + its) / 2,
        "mix.cross": steps / (steps + its) / 2,
        "mix.instruct": its / (steps + its),
        "train.steps": steps + its,
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
