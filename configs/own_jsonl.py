"""Your own pairs: a file of JSON lines, from scratch or from an encoder.

Command:   python -m hybrid_ir.main --config=configs/own_jsonl.py \
             --workdir=my_run --config.data.train=my.jsonl \
             --config.evaluate.benchmarks=my.jsonl
           and, to start from a pretrained BERT:
             --config.encoder.path=FOLDER --config.optimizer.learning_rate=2e-5
           and, to keep the best checkpoint on the file's dev split:
             --config.evaluate.dev=my.jsonl --config.evaluate.every=100
Hardware:  2 CPU cores; a step of 64 pairs of short texts takes a fraction of a
           second from scratch, some seconds with multilingual-e5-small
"""

from hybrid_ir.config import Config


def get_config() -> Config:
  """A thousand steps of 64 pairs."""
  config = Config()
  config.data.train = ("my.jsonl",)
  config.optimizer.learning_rate = 5e-4  # from scratch; 2e-5 for fine-tuning
  config.train.batch_size = 64
  config.train.steps = 1000
  config.checkpoint.every = 200
  config.evaluate.benchmarks = ("my.jsonl",)
  return config
