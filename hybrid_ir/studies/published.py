"""What the paper reports of hybrid batches. Written down, to studies' pages.

Elmahdy, Lin and Ahmad 2024, arXiv 2408.10536, as its tables of results have
them: one model each, for the paper gives neither seeds nor intervals. XQuAD-R
and MLQA-R: mean average precision and rank distance, macro means over
languages. MIRACL: the dev split, mean over 15 languages.
"""

import dataclasses
from collections.abc import Iterator

SOURCE = "Elmahdy, Lin and Ahmad 2024, arXiv 2408.10536"


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
  """One of the paper's figures, named as results.jsonl names its own."""

  encoder: str  # XLM-R, LaBSE
  batches: str  # X-X, X-Y, hybrid
  benchmark: str
  setting: str  # mono, cross, multi
  measure: str
  value: float


# The columns, in the order of the rows below.
_COLUMNS = (
  ("xquad_r", "mono", "map"),
  ("xquad_r", "cross", "map"),
  ("xquad_r", "multi", "map"),
  ("mlqa_r", "mono", "map"),
  ("mlqa_r", "cross", "map"),
  ("mlqa_r", "multi", "map"),
  ("xquad_r", "multi", "rank_distance"),
  ("mlqa_r", "multi", "rank_distance"),
  ("miracl", "mono", "ndcg@10"),
  ("miracl", "mono", "recall@100"),
)
# fmt: off
_ROWS = {
  ("XLM-R", "X-X"): (
    .7918, .6737, .5479, .6475, .5843, .4731, 410.2, 287.5, .4148, .7683),
  ("XLM-R", "X-Y"): (
    .7554, .6997, .5934, .6256, .6200, .5076, 295.4, 226.7, .3993, .7487),
  ("XLM-R", "hybrid"): (
    .7977, .7053, .5927, .6481, .6234, .5121, 286.6, 227.1, .4054, .7628),
  ("LaBSE", "X-X"): (
    .8083, .7519, .6517, .6807, .6561, .5504, 261.5, 225.3, .4551, .8120),
  ("LaBSE", "X-Y"): (
    .8008, .7618, .6791, .6710, .6767, .5755, 225.2, 198.3, .4184, .7768),
  ("LaBSE", "hybrid"): (
    .8167, .7672, .6817, .6864, .6811, .5785, 221.1, 195.0, .4411, .7954),
}
# fmt: on


def _figures() -> Iterator[Figure]:
  for (encoder, batches), values in _ROWS.items():
    for column, value in zip(_COLUMNS, values, strict=True):
      yield Figure(encoder, batches, *column, value)


FIGURES = tuple(_figures())


def value(
  encoder: str, batches: str, benchmark: str, setting: str, measure: str
) -> float | None:
  """A figure of the paper's; None: it has none of these."""
  asked = (encoder, batches, benchmark, setting, measure)
  for figure in FIGURES:
    if asked == dataclasses.astuple(figure)[:5]:
      return figure.value
  return None
