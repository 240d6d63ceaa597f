"""Study: what decides whether hybrid batches hold the best of X-X and X-Y.

Command:   python -m hybrid_ir.main --config=configs/studies/best_of_both.py \
             --workdir=studies --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER
Hardware:  2 CPU cores, 8 GB; 24 choices by 3 seeds, 6 to 11 minutes a cell: 8
           hours; --config.study.seeds=0 is a third of it. The cells in which
           nothing is changed are those of configs/studies/paper.py, where that
           ran in the same workdir
Disk:      1.1 GB, of the run that is under way
Expected:  hybrid minus X-X in mono MAP, three seeds: -.012 as it is, -.012 at
           temperature .01, -.011 at .05, -.012 in batches of 64; hybrid .799
           as it is, .807 at .01, .779 at .05, .805 with one pair of languages
           a batch, which loses 55 ranks of rank distance
           (docs/results/best_of_both.md). After XQuAD-R: -.003 with
           and -.004 without the mask (best_of_both_mask.md; the rest is not
           yet measured)
Full size: --config=configs/studies/best_of_both.py:full, on one TPU host: XLM-R
           on mMARCO, 20,000 steps of 96 pairs (hybrid_ir/studies/start.py)
Note:      one thing at a time is changed, for each kind of batch. The share of
           X-X batches and the data are what configs/studies/paper.py varies.
           Batches of 64 are half as many: the number of pairs is the same. One
           pair of languages a batch makes all negatives of an X-Y batch
           passages of one language, as those of X-X are: X-X is then trained as
           it is. The mask is of questions with one answer: in a batch of 32 of
           MLQA-R there are .006 pairs of them on the average, so that it
           changes next to nothing there; of XQuAD-R there are 1.15:
             "--config.study.only=changed=nothing,changed=no mask" \
             --config.data.train=xquad_r --config.evaluate.benchmarks=mlqa_r
"""

from hybrid_ir.config import Config
from hybrid_ir.studies.start import SMALL, start


def get_config(size: str = SMALL) -> Config:
  """Three mixtures, by what is changed in their training."""
  config = start("best_of_both", size)
  config.study.kind = "paper"
  config.study.against = ("batches=X-X", "batches=X-Y", "changed=nothing")
  B, steps = config.train.batch_size, config.train.steps
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
      f"{2 * steps} steps": {"train.steps": 2 * steps},
      f"batches of {2 * B}": {
        "train.batch_size": 2 * B,
        "train.steps": steps // 2,
      },
      "one pair a batch": {"mix.cross_pairs": "batch"},
      "no mask": {"loss.mask_groups": False},
      "rate 5e-5": {"optimizer.learning_rate": 5e-5},
    },
  }
  return config
