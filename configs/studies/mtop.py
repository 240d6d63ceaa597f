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
Full size: as configs/studies/paper.py
Note:      nothing is trained on MTOP: what transfers from questions to
           utterances is measured
"""

from hybrid_ir.config import Config


def get_config() -> Config:
  """Three kinds of batch and the encoder as it came."""
  config = Config()
  config.task = "study"
  config.encoder.path = "intfloat/multilingual-e5-small"
  config.encoder.dropout = 0.0
  config.text.query_prefix = "query: "
  config.text.passage_prefix = "passage: "
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
  config.evaluate.benchmarks = ("mtop:utterance", "mtop:intent")
  config.evaluate.ann = False
  config.evaluate.run_depth = 0  # no TREC files: a gigabyte each on XQuAD-R
  config.study.name = "mtop"
  config.study.kind = "mtop"
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
