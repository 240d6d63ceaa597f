"""The share of monolingual batches, as a study's number. For its studies."""

import dataclasses
from collections.abc import Iterator

from hybrid_ir.config import Config
from hybrid_ir.studies.outcome import Arm, Outcome
from hybrid_ir.studies.page import Plot
from hybrid_ir.studies.plots import along

AXIS = "share of monolingual batches (alpha)"
_TOGETHER = 2  # choices of other variants in one picture


def alpha(config: Config) -> float | None:
  """The paper's alpha (arXiv 2408.10536, section 3); None: not trained so."""
  mix = config.mix
  if not config.train.steps or mix.instruct or not mix.mono + mix.cross:
    return None
  return mix.mono / (mix.mono + mix.cross)


def kind_of_batches(config: Config) -> str:
  """X-X, X-Y, hybrid (alpha .5), or "": none of the paper's three.

  Where examples are mixed, a batch has no kind.
  """
  share = alpha(config)
  if share is None or config.mix.interleave != "batch":
    return ""
  return {1.0: "X-X", 0.0: "X-Y", 0.5: "hybrid"}.get(share, "")


def by_example(outcome: Outcome) -> str:
  """What is to be known of arms that mix examples; "": there are none."""
  if all(arm.config.mix.interleave == "batch" for arm in outcome.arms):
    return ""
  return (
    " Where examples are mixed (mix.interleave='example'), each draws its own"
    " language: monolingual examples alone (1:0) are then not the paper's X-X,"
    " whose batches are of one language each."
  )


def over_alpha(outcome: Outcome) -> Iterator[Plot]:
  """Every measure over alpha, a line a setting.

  Two choices of what is not the mixture have lines in one picture; of more,
  each has its own.
  """
  mixed = axes_of_alpha(outcome.config)

  def choice(arm: Arm) -> str:
    return " ".join(
      variant
      for axis, variant in arm.labels.items()
      if axis not in mixed and len(outcome.config.study.axes[axis]) > 1
    )

  choices = list(dict.fromkeys(map(choice, outcome.arms)))
  groups = [choices] if len(choices) <= _TOGETHER else [[c] for c in choices]
  for group in groups:
    alone = group[0] if len(groups) > 1 else ""

    def place(arm: Arm, group: list[str] = group) -> float | None:
      return alpha(arm.config) if choice(arm) in group else None

    def line(arm: Arm, alone: str = alone) -> str:
      return "" if alone else choice(arm)

    name = f"alpha {alone}".strip()
    for plot in along(outcome, place, line, name=name, axis=AXIS):
      caption = f"{plot.caption}{by_example(outcome)}"
      if alone:
        caption = f"{alone}: {caption}"
      yield dataclasses.replace(plot, caption=caption)


def axes_of_alpha(config: Config) -> set[str]:
  """The axes that set the mixture's weights."""
  return {
    axis
    for axis, variants in config.study.axes.items()
    for keys in variants.values()
    if {"mix.mono", "mix.cross"} & keys.keys()
  }
