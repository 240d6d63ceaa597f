"""What hybrid batches are held against, where. To founding and moves.

The question is that of Elmahdy, Lin and Ahmad (arXiv 2408.10536, section 1):
monolingual retrieval as after X-X, cross-lingual and multilingual as after X-Y,
and the least bias.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from hybrid_ir.config import Config
from hybrid_ir.evaluation.comparison.figures import direction
from hybrid_ir.studies.mixture import axes_of_alpha, kind_of_batches
from hybrid_ir.studies.outcome import Arm

DISTANCE = "rank_distance"
# Setting, and the kind of batch that hybrid is held against there.
_RELEVANCE = (("mono", "X-X"), ("cross", "X-Y"), ("multi", "X-Y"))
_BIAS = (("multi", "X-X"), ("multi", "X-Y"))


def questions(
  columns: Collection[tuple[str, str]], measures: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
  """Setting, measure and kind of batch: relevance first, then bias.

  Of bias, rank distance is the measure that the paper has.

  Args:
    columns: the (setting, measure) that a benchmark has figures of.
    measures: the study's.
  """
  for measure in sorted(measures, key=lambda name: name == DISTANCE):
    if measure == DISTANCE or direction(measure) > 0:
      kinds = _BIAS if measure == DISTANCE else _RELEVANCE
      for setting, kind in kinds:
        if (setting, measure) in columns:
          yield setting, measure, kind


def beside(config: Config, arm: Arm, arms: Sequence[Arm]) -> Mapping[str, Arm]:
  """Kind of batch -> the arm of it that nothing but the mixture tells apart.

  Args:
    config: of the study.
    arm: the one to look beside.
    arms: where to look.
  """
  mixed = axes_of_alpha(config)
  return {
    kind_of_batches(other.config): other
    for other in arms
    if all(
      other.labels[axis] == variant
      for axis, variant in arm.labels.items()
      if axis not in mixed
    )
  }
