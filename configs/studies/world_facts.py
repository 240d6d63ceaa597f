"""Study: X-X, X-Y and hybrid batches on the embedded data, from scratch.

Command:   python -m hybrid_ir.main --config=configs/studies/world_facts.py \
             --workdir=studies
Hardware:  2 CPU cores, 4 GB; no downloads; 9 cells of some three minutes
Expected:  hybrid, X-X, X-Y: mono MAP .848, .868, .725; multi .357, .091, .369;
           rank distance 830, 15075, 695 (docs/results/world_facts.md);
           configs/studies/paper.py is the same on real data
Longer:    --config.study.only=steps=800; both, named together, are twice as
           many runs. Half of the batches of a hybrid run are X-X, so at 800
           steps it has seen as many of them as the X-X run at 400
"""

from hybrid_ir.config import Config


def get_config() -> Config:
  """The quickstart's run in three mixtures."""
  config = Config()
  config.task = "study"
  config.encoder.hidden_size = 128
  config.encoder.layers = 2
  config.encoder.heads = 4
  config.encoder.intermediate_size = 512
  config.encoder.vocab_size = 12_000
  config.encoder.dropout = 0.0
  config.encoder.max_positions = 128
  config.text.query_length = 64
  config.text.passage_length = 64
  config.layout.row_lengths = (64,)
  config.loss.temperature = 0.05
  config.optimizer.learning_rate = 1e-3
  config.train.batch_size = 128
  config.train.steps = 400
  config.train.log_every = 20
  config.checkpoint.every = 100
  config.evaluate.ann = False
  config.evaluate.run_depth = 0
  config.evaluate.tokens_per_batch = 8192
  config.study.name = "world_facts"
  config.study.kind = "paper"
  config.study.only = ("steps=400",)
  config.study.against = ("batches=X-X", "batches=X-Y")
  config.study.axes = {
    "batches": {
      "hybrid": {"mix.mono": 0.5, "mix.cross": 0.5},
      "X-X": {"mix.mono": 1.0, "mix.cross": 0.0},
      "X-Y": {"mix.mono": 0.0, "mix.cross": 1.0},
    },
    "steps": {"400": {}, "800": {"train.steps": 800}},
  }
  return config
