"""Study: what decides whether hybrid batches hold the best of X-X and X-Y.

Command:   python -m hybrid_ir.main --config=configs/studies/best_of_both.py \
             --workdir=studies --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER
Hardware:  2 CPU cores, 8 GB; 21 choices by 3 seeds, 6 to 11 minutes a cell: 7
           hours; --config.study.seeds=0 is a third of it. The cells in which
           nothing is changed are those of configs/studies/paper.py, where that
           ran in the same workdir
Disk:      1.1 GB, of the run that is under way
Expected:  hybrid minus X-X in mono MAP, seed 0: -.016 as it is, -.014 at
           temperature .01, -.013 at .05; hybrid .797 as it is, .801 with 400
           steps, .804 with one pair of languages a batch, which loses 56 ranks
           of rank distance, .797 in batches of 64 (docs/results/best_of_both.md
           and best_of_both_batches.md; the rest is not yet measured)
Full size: as configs/studies/paper.py
Note:      one thing at a time is changed, for each kind of batch. The share of
           X-X batches and the data are what configs/studies/paper.py varies.
           Batches of 64 are half as many: the number of pairs is the same. One
           pair of languages a batch makes all negatives of an X-Y batch
           passages of one language, as those of X-X are. `loss.mask_groups` is
           no change here: a batch holds no question twice
"""

from hybrid_ir.config import Config


def get_config() -> Config:
  """Three mixtures, by what is changed in their training."""
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
  config.evaluate.benchmarks = ("xquad_r",)
  config.evaluate.ann = False
  config.evaluate.run_depth = 0  # no TREC files: a gigabyte each on XQuAD-R
  config.study.name = "best_of_both"
  config.study.kind = "paper"
  config.study.against = ("batches=X-X", "batches=X-Y", "changed=nothing")
  config.study.axes = {
    "batches": {
      "hybrid": {"mix.mono": 0.5, "mix.cross": 0.5},
      "X-X": {"mix.mono": 1.0, "mix.cross": 0.0},
      "X-Y": {"mix.mono": 0.0, "mix.cross": 1.0},
    },
    "changed": {
      "nothing": {},
      "temperature .01": {"loss.temperature": 0.01},
      "temperature .05": {"loss.temperature": 0.05},
      "400 steps": {"train.steps": 400},
      "batches of 64": {"train.batch_size": 64, "train.steps": 100},
      "one pair a batch": {"mix.cross_pairs": "batch"},
      "rate 5e-5": {"optimizer.learning_rate": 5e-5},
    },
  }
  return config
