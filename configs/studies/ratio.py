"""Study: how many batches are monolingual, and whether batches or examples mix.

Command:   python -m hybrid_ir.main --config=configs/studies/ratio.py \
             --workdir=studies --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER
Hardware:  2 CPU cores, 8 GB; a cell takes 9 minutes: 30 cells, 4.5 hours. The
           cells by batch are those of configs/studies/paper.py, where that ran
           in the same workdir
Disk:      1.1 GB, of the run that is under way
Expected:  XQuAD-R, token F1 in mono, MAP in multi, rank distance, at 1:0, 3:1,
           1:1, 1:3, 0:1 by batch: .773 .767 .761 .756 .751; .524 .576 .582 .585
           .586; 393 301 295 293 288; 1:1 by example .759, .562, 305
           (docs/results/ratio.md; the rest is not yet measured)
Full size: --config=configs/studies/ratio.py:full, on one TPU host: mBERT and
           LaBSE, another multilingual BERT, on mMARCO, 20,000 steps of 96
           pairs (hybrid_ir/studies/start.py)
"""

from hybrid_ir.config import Config
from hybrid_ir.studies.start import FULL, SMALL, encoders, start


def get_config(size: str = SMALL) -> Config:
  """Five ratios, by batch and by example, of one encoder or more."""
  config = start("ratio", size)
  config.study.measures = (
    *("map", "f1@10", "token_f1", "rank_distance"),
    *("language_divergence@10", "own_language_share@10"),
  )
  config.study.only = ("encoder=E5",)
  if size == FULL:
    config.study.only = ("encoder=mBERT", "encoder=LaBSE")
  config.study.against = ("mono:cross=1:0", "mixed by=batch")
  config.study.axes = {
    "mono:cross": {
      "1:1": {"mix.mono": 0.5, "mix.cross": 0.5},
      "1:0": {"mix.mono": 1.0, "mix.cross": 0.0},
      "3:1": {"mix.mono": 0.75, "mix.cross": 0.25},
      "1:3": {"mix.mono": 0.25, "mix.cross": 0.75},
      "0:1": {"mix.mono": 0.0, "mix.cross": 1.0},
    },
    "mixed by": {
      "batch": {"mix.interleave": "batch"},
      "example": {"mix.interleave": "example"},
    },
    "encoder": encoders(size),
  }
  return config
