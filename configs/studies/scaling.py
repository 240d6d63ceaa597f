"""Study: what more pairs, larger batches, more languages and layers bring.

Command:   python -m hybrid_ir.main --config=configs/studies/scaling.py \
             --workdir=studies --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER
Hardware:  2 CPU cores, 8 GB; 17 choices by 3 seeds, 3 to 30 minutes a cell: 10
           hours; --config.study.seeds=0 is a third of it. Cells are shared
           with configs/studies/paper.py and best_of_both.py
Disk:      1.1 GB, of the run that is under way
Expected:  mono MRR, seed 0, with "--config.study.only=model=3 layers": at 128,
           256, 512, 1148 questions .455 .462 .462 .467; at 800, 1600, 3200,
           12800 pairs .235 .272 .356 .519; batches of 8, 16, 64 .517 .501 .375
           (docs/results/scaling.md; 6 and 12 layers are not yet measured)
Full size: --config.encoder.path=FacebookAI/xlm-roberta-base with its pooling,
           prefixes and rate; the axes' steps and batch sizes times 100 and 16,
           sizes of a pretrained family (`encoder.path`) on the axis `model`,
           and MIRACL:
             --config.evaluate.benchmarks=xquad_r,ir_datasets:miracl/sw/dev
Note:      one axis at a time. `questions` is the size of the data: parallel
           questions of MLQA-R, which has 1,148; all see as many pairs. `pairs`
           is the pairs seen, steps of one batch size: compute. Batch sizes see
           the same number of pairs, at one learning rate, which is not tuned
           for each: the axis tells of both. XQuAD-R's el, ru, th and tr are
           never trained on: fits and plots are of queries in these, then of
           all. `model` keeps the lower layers of the pretrained encoder
           (`encoder.keep_layers`), which is no family pretrained at each size
"""

from hybrid_ir.config import Config


def get_config() -> Config:
  """Five axes around the hybrid run of 200 steps of 32 pairs."""
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
  config.study.name = "scaling"
  config.study.kind = "scaling"
  config.study.design = "one_at_a_time"
  config.study.measures = ("mrr", "map", "rank_distance")
  config.study.axes = {
    "questions": {
      "1148": {},
      "128": {"data.limit": 128},
      "256": {"data.limit": 256},
      "512": {"data.limit": 512},
    },
    "pairs": {
      "6400": {},
      "800": {"train.steps": 25},
      "1600": {"train.steps": 50},
      "3200": {"train.steps": 100},
      "12800": {"train.steps": 400},
    },
    "batch": {
      "32": {},
      "8": {"train.batch_size": 8, "train.steps": 800},
      "16": {"train.batch_size": 16, "train.steps": 400},
      "64": {"train.batch_size": 64, "train.steps": 100},
    },
    "languages": {
      "ar de en es hi vi zh": {},
      "en zh": {"data.languages": ("en", "zh")},
      "en es": {"data.languages": ("en", "es")},
      "de en es": {"data.languages": ("de", "en", "es")},
      "ar en hi zh": {"data.languages": ("ar", "en", "hi", "zh")},
    },
    "model": {
      "12 layers": {},
      "6 layers": {"encoder.keep_layers": 6},
      "3 layers": {"encoder.keep_layers": 3},
    },
  }
  return config
