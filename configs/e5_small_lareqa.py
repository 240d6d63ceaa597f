"""multilingual-e5-small, hybrid-trained on MLQA-R, tested on XQuAD-R.

Command:   python -m hybrid_ir.main --config=configs/e5_small_lareqa.py \
             --workdir=e5_run --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER
Hardware:  2 CPU cores, 8 GB; 6 minutes to train, 3 to evaluate
Expected:  mAP mono .799, cross .707, multi .582; rank distance 295 (means of
           three seeds). Untrained (--config.task=evaluate): .7997, .6401,
           .2985, 1213.7
Note:      offline, name the encoder's folder in encoder.path; without
           lareqa_dir, LAReQA is downloaded
"""

from hybrid_ir.config import Config


def get_config() -> Config:
  """200 steps of 32 pairs; without --config.task=evaluate it trains first."""
  config = Config()
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
  config.train.batch_size = 32
  config.train.steps = 200
  config.checkpoint.every = 50
  config.evaluate.benchmarks = ("xquad_r",)
  return config
