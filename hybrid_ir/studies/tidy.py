"""A study as one figure a line. From its outcome, to NAME.csv."""

import csv
import io
from collections.abc import Iterator

from hybrid_ir.studies.outcome import OnBenchmark, Outcome
from hybrid_ir.studies.shared_seeds import seeds_of

_Row = dict[str, object]
_COLUMNS = (
  *("benchmark", "unit", "arm", "against", "setting", "measure"),
  *("language", "figure", "seed", "value"),
)


def tidy(outcome: Outcome) -> str:
  """Every figure with the names of what it is of; "" where none applies.

  `figure` is mean, deviation or seed, of all languages or (`language`) of one;
  and of an arm `against` its baseline: difference, low, high, p, p_holm, and
  seeds, how many both have. An axis of the study is a column, too: axis:NAME.
  Fits, overlap and means of groups of languages are on the page alone.
  """
  axes = [*outcome.config.study.axes]
  columns = [*_COLUMNS[:3], *(f"axis:{axis}" for axis in axes), *_COLUMNS[3:]]
  labels = {
    arm.name: {f"axis:{axis}": arm.labels[axis] for axis in axes}
    for arm in outcome.arms
  }
  text = io.StringIO()
  table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
  table.writeheader()
  for one in outcome.benchmarks:
    for row in _rows(one):
      about = {"benchmark": one.benchmark, "unit": one.unit}
      table.writerow({**about, **labels[str(row["arm"])], **row})
  return text.getvalue()


def _rows(one: OnBenchmark) -> Iterator[_Row]:
  for estimate in one.estimates.values():
    names: _Row = {
      "arm": estimate.system,
      "setting": estimate.setting,
      "measure": estimate.measure,
    }
    yield {**names, "figure": "mean", "value": estimate.value}
    if estimate.deviation is not None:
      yield {**names, "figure": "deviation", "value": estimate.deviation}
    for each in estimate.seeds:
      yield {
        **names,
        "figure": "seed",
        "seed": each.seed,
        "value": each.value,
      }
  for mean in one.by_language:
    names = {
      "arm": mean.arm,
      "setting": mean.setting,
      "measure": mean.measure,
      "language": mean.language,
    }
    yield {**names, "figure": "mean", "value": mean.value}
    if mean.deviation is not None:
      yield {**names, "figure": "deviation", "value": mean.deviation}
  for d in one.differences.values():
    names = {
      "arm": d.system,
      "against": d.against,
      "setting": d.setting,
      "measure": d.measure,
    }
    for figure in ("value", "low", "high", "p", "p_holm"):
      yield {
        **names,
        "figure": "difference" if figure == "value" else figure,
        "value": getattr(d, figure),
      }
    seeds = seeds_of(one, (d.system, d.against), d.setting, d.measure)
    yield {**names, "figure": "seeds", "value": len(seeds)}
