"""Study: retrieval of MTOP's utterances after hybrid, X-X and X-Y batches.

Command:   python -m hybrid_ir.main --config=configs/studies/mtop.py \
             --workdir=studies --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER \
             --config.data.mtop_dir=MTOP_FOLDER
Hardware:  2 CPU cores, 8 GB; a cell takes 6 minutes to train; not yet run on
           MTOP itself. The hybrid, X-X and X-Y runs are those of
           configs/studies/paper.py, where that ran in the same workdir with
           --config.study.keep_checkpoints=True (else they are trained again)
Disk:      1.1 GB, of the run that is under way; 1.1 GB a run that is kept
Expected:  not yet measured
Full size: --config=configs/studies/mtop.py:full, on one TPU host: XLM-R on
           mMARCO, 20,000 steps of 96 pairs (hybrid_ir/studies/start.py)
Note:      nothing is trained on MTOP: what transfers from questions to
           utterances is measured
"""

from hybrid_ir.config import Config
from hybrid_ir.studies.start import SMALL, start


def get_config(size: str = SMALL) -> Config:
  """Three kinds of batch and the encoder as it came."""
  config = start("mtop", size)
  config.evaluate.benchmarks = ("mtop:utterance", "mtop:intent")
  config.study.measures = ("map", "recall@5")
  config.study.against = ("batches=X-X", "batches=X-Y")
  config.study.axes = {
    "batches": {
      "hybrid": {"mix.mono": 0.5, "mix.cross": 0.5},
      "X-X": {"mix.mono": 1.0, "mix.cross": 0.0},
      "X-Y": {"mix.mono": 0.0, "mix.cross": 1.0},
      "untrained": {"train.steps": 0},
    }
  }
  return config
