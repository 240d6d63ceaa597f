"""Scores by benchmark and step, to look figures up. From load; feeds sections.

A snapshot is one benchmark's figures at one step; a benchmark shows its latest
step and, where it was measured, the state before training beside it.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping

import numpy as np

from hybrid_ir.evaluation.report.load import Score
from hybrid_ir.evaluation.results import MICRO, mean_pool

# setting, query language, passage language, measure, search
_Key = tuple[str, str, str, str, str]


@dataclasses.dataclass(frozen=True)
class Snapshot:
  """One benchmark's figures at one step."""

  benchmark: str
  unit: str
  step: int
  scores: Mapping[_Key, Score]
  is_trained: bool  # the workdir has been trained, at this step or later

  @property
  def title(self) -> str:
    """The benchmark and what it retrieves: `xquad_r (sentence)`."""
    return f"{self.benchmark} ({self.unit})"

  @property
  def state(self) -> str:
    """How far the model was trained, in words."""
    if self.step:
      return f"step {self.step:,}"
    return "before training" if self.is_trained else "as it is"

  @functools.cached_property
  def languages(self) -> tuple[str, ...]:
    """The languages that have a figure of their own, sorted."""
    return tuple(
      sorted(
        {code for key in self.scores for code in key[1:3]} - {"*", "all", MICRO}
      )
    )

  @functools.cached_property
  def ranking(self) -> str:
    """What ranked: `exact` search, or a `run` that was read."""
    return "run" if any(key[4] == "run" for key in self.scores) else "exact"

  def score(
    self,
    setting: str,
    query_language: str,
    passage_language: str,
    measure: str,
    search: str = "",
  ) -> Score | None:
    """One figure, or None where it was not measured.

    Args:
      setting: mono, cross or multi.
      query_language: a code, `*` or `micro`.
      passage_language: a code, `all` or `*`.
      measure: its name.
      search: `scann`; empty: what ranked.
    """
    return self.scores.get(
      (
        setting,
        query_language,
        passage_language,
        measure,
        search or self.ranking,
      )
    )

  def macro(self, setting: str, measure: str, search: str = "") -> Score | None:
    """A setting's macro mean over languages."""
    return self.score(setting, "*", mean_pool(setting), measure, search)

  def micro(self, setting: str, measure: str) -> Score | None:
    """A setting's mean over queries."""
    return self.score(setting, MICRO, mean_pool(setting), measure)

  def matrix(self, measure: str) -> np.ndarray:
    """Mono on the diagonal, cross off it; NaN where it was not measured.

    Returns:
      [L query languages, L passage languages], in the order of `languages`.
    """
    L = len(self.languages)
    values = np.full((L, L), np.nan)
    for row, query in enumerate(self.languages):
      for column, passage in enumerate(self.languages):
        setting = "mono" if query == passage else "cross"
        score = self.score(setting, query, passage, measure)
        if score is not None:
          values[row, column] = score.value
    return values

  def pooled(self, measure: str) -> np.ndarray:
    """Each query language in the pool of all, in the order of `languages`.

    Returns:
      [L]; NaN where it was not measured.
    """
    scores = [
      self.score("multi", code, "all", measure) for code in self.languages
    ]
    return np.array([score.value if score else np.nan for score in scores])


def snapshots(
  scores: Iterable[Score], is_trained: bool
) -> list[list[Snapshot]]:
  """For each benchmark: step 0, if measured, then the latest step.

  A figure that stands twice counts as its last line says.

  Args:
    scores: a workdir's.
    is_trained: whether the workdir has a step later than 0. Without one, step
      0 is no state before training: BM25, or an encoder that came trained.
  """
  steps: dict[tuple[str, str], dict[int, dict[_Key, Score]]] = {}
  for score in scores:
    by_step = steps.setdefault((score.benchmark, score.unit), {})
    by_step.setdefault(score.step, {})[
      score.setting,
      score.query_language,
      score.passage_language,
      score.measure,
      score.search,
    ] = score
  return [
    [
      Snapshot(benchmark, unit, step, by_step[step], is_trained)
      for step in sorted({0, max(by_step)} & by_step.keys())
    ]
    for (benchmark, unit), by_step in steps.items()
  ]
