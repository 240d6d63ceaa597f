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
           MLQA-R after XQuAD-R, seed 0: X-X .665 / .528 / .429, 686; X-Y
           .656 / .571 / .487, 399; hybrid .664 / .569 / .486, 420; untrained
           .656 / .460 / .312, 1573 (docs/results/paper.md; the rest is not yet
           measured)
Full size: the paper's encoders and mMARCO are variants that `study.only` leaves
           out here; on one TPU host (v5e-8), for one of the encoders:
             --config.study.only=encoder=XLM-R,data=mmarco \
             --config.encoder.dtype=bfloat16 --config.train.batch_size=96 \
             --config.train.steps=20000 --config.optimizer.learning_rate=3e-5 \
             --config.study.measures=map,rank_distance,ndcg@10,recall@100
           (docs/studies.md, The paper's data)
"""

from hybrid_ir.config import Config


def get_config() -> Config:
  """Seven mixtures and the encoder as it came, by encoder and training set."""
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
  config.evaluate.ann = False
  config.evaluate.run_depth = 0  # no TREC files: a gigabyte each on XQuAD-R
  config.study.name = "paper"
  config.study.kind = "paper"
  config.study.against = ("batches=X-X", "batches=X-Y")
  config.study.only = ("encoder=E5", "data=mlqa_r", "data=xquad_r")
  bare = {
    "encoder.pooling": "mean",
    "text.query_prefix": "Query: ",
    "text.passage_prefix": "Passage: ",
  }
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
    "encoder": {
      "E5": {},  # as above
      "XLM-R": {"encoder.path": "FacebookAI/xlm-roberta-base", **bare},
      "LaBSE": {
        "encoder.path": "sentence-transformers/LaBSE",
        "text.query_prefix": "",
        "text.passage_prefix": "",
      },
      "mBERT": {
        "encoder.path": "google-bert/bert-base-multilingual-cased",
        **bare,
      },
    },
    "data": {
      "mlqa_r": {
        "data.train": ("mlqa_r",),
        "evaluate.benchmarks": ("xquad_r",),
      },
      "xquad_r": {
        "data.train": ("xquad_r",),
        "evaluate.benchmarks": ("mlqa_r",),
      },
      "mmarco": {
        "data.train": ("mmarco",),
        "data.languages": ("ar", "de", "en", "hi", "ru", "zh"),
        "evaluate.benchmarks": (
          *("xquad_r", "mlqa_r", "ir_datasets:miracl/sw/dev"),
        ),
      },
    },
  }
  return config
