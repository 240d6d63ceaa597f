"""Outcomes of invented scores, whatever a study's runs would have scored."""

import pathlib
import statistics

import pytest

from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.evaluation.comparison.figures import (
  Difference,
  Estimate,
  SeedValue,
)
from hybrid_ir.studies.grid import baselines, choices, make_cells
from hybrid_ir.studies.outcome import Arm, LanguageMean, OnBenchmark, Outcome


def deviation(values):
  return statistics.stdev(values) if len(values) > 1 else None


@pytest.fixture
def make_study():
  """Axes and more keys -> a study's config, checked."""

  def make_study(axes, design="product", seeds=(0, 1), **keys):
    config = Config()
    config.encoder.path = "/encoder"
    config.study.name = "paper"
    config.study.axes = axes
    config.study.design = design
    config.study.seeds = seeds
    for name, value in keys.items():
      section, key = name.split("__")
      setattr(getattr(config, section), key, value)
    check(config)
    return config

  return make_study


@pytest.fixture
def make_outcome():
  """(config, name of an arm by its labels, scores) -> an outcome.

  `scores`: arm -> (setting, measure) -> values by seed, or by language.
  """

  def make_outcome(
    config, scores, benchmark="xquad_r", by_language=(), source=""
  ):
    cells = make_cells(config, pathlib.Path("/study"))
    names = {}
    for labels in choices(config):
      names[tuple(labels.values())] = " ".join(labels.values())
    arms = []
    for labels in choices(config):
      name = names[tuple(labels.values())]
      against = tuple(
        names[tuple(base.values())] for base in baselines(config, labels)
      )
      mine = tuple(cell for cell in cells if cell.labels == labels)
      arms.append(Arm(name, labels, mine, against))
    estimates = {
      (arm, *column): Estimate(
        arm,
        *column,
        statistics.fmean(values),
        deviation(values),
        tuple(SeedValue(i, value) for i, value in enumerate(values)),
        None,
        None,
      )
      for arm, columns in scores.items()
      for column, values in columns.items()
    }
    means = tuple(
      LanguageMean(
        arm,
        *column,
        language,
        statistics.fmean(values),
        deviation(values),
        tuple(SeedValue(i, value) for i, value in enumerate(values)),
      )
      for arm, column, language, values in by_language
    )
    one = OnBenchmark(
      benchmark=benchmark,
      source=source or benchmark,
      unit="sentence",
      arms=tuple(scores),
      estimates=estimates,
      differences={},
      by_language=means,
      tests=0,
      notes=(),
      seedless=frozenset(a.name for a in arms if not a.cells[0].is_trained),
    )
    return Outcome(config, tuple(arms), (one,))

  return make_outcome


@pytest.fixture
def make_difference():
  """A difference of two estimates, whose test said what is given."""

  def make_difference(one, system, against, column, **said):
    ours, theirs = (
      one.estimates[name, *column].value for name in (system, against)
    )
    value = ours - theirs
    return Difference(
      **{
        "system": system,
        "against": against,
        "setting": column[0],
        "measure": column[1],
        "value": value,
        "low": value - 0.003,
        "high": value + 0.003,
        "p": 0.01,
        "p_holm": 0.04,
        "significant": True,
        "questions": 9,
        **dict.fromkeys(("ahead", "behind", "wins", "ties", "losses"), 1),
        **dict.fromkeys(("cells", "won", "lost"), ()),
        **said,
      }
    )

  return make_difference
