"""How training went: loss, dev measures, rate, speed. Feeds write."""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.report import figures
from hybrid_ir.evaluation.report.load import DevPoint, TrainingPoint
from hybrid_ir.evaluation.report.page import Picture, Section, percent, slug

_ABSENT = (
  "No training curves: metrics.jsonl is missing or empty (nothing was trained "
  "in this workdir)."
)


def training_section(
  training: Sequence[TrainingPoint], dev: Sequence[DevPoint]
) -> Section:
  """Curves over the steps, from the log lines and the dev evaluations."""
  pictures = [*(_training(training) if training else ()), *_dev(dev)]
  return Section(
    "training",
    "Training",
    notes=() if pictures else (_ABSENT,),
    pictures=tuple(pictures),
  )


def _training(points: Sequence[TrainingPoint]) -> tuple[Picture, ...]:
  loss = [
    _line(kind, [point for point in points if point.kind == kind])
    for kind in sorted({point.kind for point in points})
  ]
  steps = [point.step for point in points]
  rates = [point.learning_rate for point in points]
  speeds = [point.pairs_per_s for point in points]
  # The first log step holds the compilation: the median leaves it out.
  median = {
    name: float(np.median([getattr(point, name) for point in points]))
    for name in ("pairs_per_s", "tokens_per_s", "real_token_share")
  }
  return (
    Picture(
      "loss",
      "Loss by kind of batch",
      _loss_caption(loss),
      figures.curves(loss, axis="loss, nats", from_zero=True),
    ),
    Picture(
      "learning-rate",
      "Learning rate",
      f"It peaks at {max(rates):.2g} at step "
      f"{steps[rates.index(max(rates))]:,} and ends at {rates[-1]:.2g}.",
      figures.curves(
        [figures.Line("learning rate", steps, rates)],
        axis="learning rate",
        from_zero=True,
      ),
    ),
    Picture(
      "speed",
      "Speed",
      f"Medians: {median['pairs_per_s']:,.1f} pairs and "
      f"{median['tokens_per_s']:,.0f} tokens a second; "
      f"{percent(median['real_token_share'])} of the positions held a token, "
      "the rest was padding.",
      figures.curves(
        [figures.Line("pairs/s", steps, speeds)],
        axis="pairs a second",
        from_zero=True,
      ),
    ),
  )


def _line(kind: str, points: Sequence[TrainingPoint]) -> figures.Line:
  losses = [point.loss for point in points]
  return figures.Line(
    kind, [point.step for point in points], losses, _running_mean(losses)
  )


def _running_mean(values: Sequence[float]) -> list[float]:
  """The mean of each value and its neighbours: a tenth of all, centred."""
  reach = len(values) // 20
  return [
    float(np.mean(values[max(0, place - reach) : place + reach + 1]))
    for place in range(len(values))
  ]


def _loss_caption(lines: Sequence[figures.Line]) -> str:
  falls = ", ".join(
    f"{line.label} from {line.trend[0]:.3f} to {line.trend[-1]:.3f}"
    for line in lines
  )
  return (
    f"Running means (thin: each log step): {falls}. Kinds differ in how hard "
    "their negatives are, so compare each with itself."
  )


def _dev(points: Sequence[DevPoint]) -> list[Picture]:
  """One picture of the measures between 0 and 1, and one of each other."""
  lines = []
  for measure in sorted({name for point in points for name in point.dev}):
    having = [point for point in points if measure in point.dev]
    lines.append(
      figures.Line(
        measure,
        [point.step for point in having],
        [point.dev[measure] for point in having],
      )
    )
  shares = [line for line in lines if max(line.values) <= 1]
  panels = [shares] if shares else []
  panels += [[line] for line in lines if max(line.values) > 1]
  return [
    Picture(
      "dev" if panel is shares else slug("dev", panel[0].label),
      "Dev set" if panel is shares else f"Dev set: {panel[0].label}",
      "From the first evaluation to the last: "
      + ", ".join(
        f"{line.label} {line.values[0]:,.4g} to {line.values[-1]:,.4g}"
        for line in panel
      )
      + ".",
      figures.curves(
        panel, axis="measure" if panel is shares else panel[0].label
      ),
    )
    for panel in panels
  ]
