"""Study: X-X, X-Y and hybrid batches, and the grid of alpha between them.

Command:   python -m hybrid_ir.main --config=configs/studies/paper.py \
             --workdir=studies --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER
           first, --config.study.dry_run=True says what it would run
Hardware:  2 CPU cores, 8 GB; a cell takes 6 minutes to train and 3 to
           evaluate: 44 cells, 6 hours; --config.study.seeds=0 is a third of it
Disk:      1.1 GB, of the run that is under way
Expected:  XQuAD-R after MLQA-R, mAP mono / cross / multi, rank distance: X-X
           .811 / .702 / .524, 393; X-Y .788 / .703 / .586, 288; hybrid
           .799 / .707 / .582, 295; untrained .800 / .640 / .298, 1214
           MLQA-R after XQuAD-R: X-X .666 / .530 / .423, 722; X-Y .657 / .569
           / .486, 401; hybrid .664 / .567 / .484, 424; untrained .655 / .460
           / .312, 1573 (docs/results/paper.md, with all of alpha, and
           paper_xquad_r.md, whose alpha .25 to .75 are not yet measured)
Full size: --config=configs/studies/paper.py:full, on one TPU host (v5e-8): the
           paper's encoders on mMARCO, 20,000 steps of 96 pairs, scored on
           XQuAD-R, MLQA-R and MIRACL (docs/studies.md, The paper's data); of
           one encoder with --config.study.only=encoder=XLM-R,data=mmarco
"""

from hybrid_ir.config import Config
from hybrid_ir.studies.start import (
  FULL,
  MMARCO,
  SMALL,
  ZERO_SHOT,
  encoders,
  start,
)


def get_config(size: str = SMALL) -> Config:
  """Seven mixtures and the encoder as it came, by encoder and training set."""
  config = start("paper", size)
  config.study.against = ("batches=X-X", "batches=X-Y")
  config.study.only = ("encoder=E5", "data=mlqa_r", "data=xquad_r")
  if size == FULL:
    config.study.only = ("data=mmarco",)
    config.study.measures = ("map", "rank_distance", "ndcg@10", "recall@100")
  config.study.axes = {
    "batches": {
      "hybrid": {"mix.mono": 0.5, "mix.cross": 0.5},
      "X-X": {"mix.mono": 1.0, "mix.cross": 0.0},
      "X-Y": {"mix.mono": 0.0, "mix.cross": 1.0},
      "alpha .25": {"mix.mono": 0.25, "mix.cross": 0.75},
      "alpha .4": {"mix.mono": 0.4, "mix.cross": 0.6},
      "alpha .6": {"mix.mono": 0.6, "mix.cross": 0.4},
      "alpha .75": {"mix.mono": 0.75, "mix.cross": 0.25},
      "untrained": {"train.steps": 0},
    },
    "encoder": encoders(size),
    "data": {
      "mlqa_r": {
        "data.train": ("mlqa_r",),
        "data.languages": (),
        "evaluate.benchmarks": ("xquad_r",),
      },
      "xquad_r": {
        "data.train": ("xquad_r",),
        "data.languages": (),
        "evaluate.benchmarks": ("mlqa_r",),
      },
      "mmarco": {
        "data.train": ("mmarco",),
        "data.languages": MMARCO,
        "evaluate.benchmarks": ZERO_SHOT,
      },
    },
  }
  return config
