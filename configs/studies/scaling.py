"""Study: what more pairs, larger batches, more languages and layers bring.

Command:   python -m hybrid_ir.main --config=configs/studies/scaling.py \
             --workdir=studies --config.encoder.path=E5_FOLDER \
             --config.data.lareqa_dir=LAREQA_FOLDER
Hardware:  2 CPU cores, 8 GB; 17 choices by 3 seeds, 3 to 30 minutes a cell: 10
           hours; --config.study.seeds=0 is a third of it. Cells are shared
           with configs/studies/paper.py and best_of_both.py
Disk:      1.1 GB, of the run that is under way
Expected:  mono MRR, "--config.study.only=model=3 layers": at 128, 256, 512,
           1148 questions .459 .462 .464 .466; at 800, 1600, 3200, 12800 pairs
           .236 .272 .354 .520; batches of 8, 16, 64 .519 .503 .375
           (docs/results/scaling.md); 12, 6, 3 layers .799 .525 .466
           (scaling_layers.md; the other axes at 12 layers are not yet measured)
Full size: --config=configs/studies/scaling.py:full, on one TPU host: XLM-R on
           mMARCO, 20,000 steps of 96 pairs (hybrid_ir/studies/start.py),
           scored on MIRACL, too: from an eighth of the pairs to twice as many,
           batches a quarter to twice as large, 8,000 of mMARCO's pairs to all.
           Sizes of a pretrained family, such as E5's, are variants of
           `encoder.path` in place of `encoder.keep_layers`
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
from hybrid_ir.studies.start import FULL, MMARCO, SMALL, start


def get_config(size: str = SMALL) -> Config:
  """Five axes around a hybrid run."""
  config = start("scaling", size)
  config.study.design = "one_at_a_time"
  config.study.measures = ("mrr", "map", "rank_distance")
  B, steps = config.train.batch_size, config.train.steps
  questions, fewer = "1148", (128, 256, 512)
  languages = "ar de en es hi vi zh"
  if size == FULL:
    questions, fewer = "532761", (8_000, 32_000, 128_000)
    languages = " ".join(MMARCO)
  config.study.axes = {
    "questions": {
      questions: {},
      **{str(count): {"data.limit": count} for count in fewer},
    },
    "pairs": {
      str(B * steps): {},
      **{
        str(B * some): {"train.steps": some}
        for some in (steps // 8, steps // 4, steps // 2, 2 * steps)
      },
    },
    "batch": {
      str(B): {},
      **{
        str(some): {
          "train.batch_size": some,
          "train.steps": B * steps // some,
        }
        for some in (B // 4, B // 2, 2 * B)
      },
    },
    "languages": {
      languages: {},
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
