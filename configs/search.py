"""Search your own passages with any model: first task=encode, then task=search.

Command:   python -m hybrid_ir.main --config=configs/search.py \
             --workdir=my_index --config.encoder.path=FOLDER_OR_HUB_ID \
             --config.encode.corpus=passages.jsonl
           python -m hybrid_ir.main --config=configs/search.py \
             --workdir=my_index --config.encoder.path=FOLDER_OR_HUB_ID \
             --config.task=search
Hardware:  2 CPU cores; multilingual-e5-small encodes some 100 sentences a
           second
Note:      for E5 models, add to both
             --config.text.query_prefix="query: " \
             --config.text.passage_prefix="passage: "
           A workdir that was trained has its model: give its own config, and
           leave encoder.path as it was. See docs/search.md
"""

from hybrid_ir.config import Config


def get_config() -> Config:
  """Encodes; with --config.task=search it answers."""
  config = Config()
  config.task = "encode"
  config.encoder.dropout = 0.0
  return config
