"""Study `instruct`: hybrid training and instructions, in either order.

From its outcome, to `write`.
"""

from collections.abc import Sequence

from hybrid_ir.evaluation.comparison.cells import title
from hybrid_ir.evaluation.report.page import slug
from hybrid_ir.studies.outcome import LanguageMean, OnBenchmark, Outcome
from hybrid_ir.studies.page import Extra, Finding, Plot, Table
from hybrid_ir.studies.rows import Mark, in_rows, rows_svg
from hybrid_ir.studies.tables import spread, tests_name

_LANGUAGE = "en"  # of the queries, as in NeuCLIR's MLIR task


def extra(outcome: Outcome) -> Extra:
  """Arms in rows, as none stands at a number; English queries apart."""
  tables: list[Table] = []
  plots = [*in_rows(outcome)]
  findings: list[Finding] = []
  for one in outcome.benchmarks:
    means = [
      mean
      for mean in one.by_language
      if (mean.setting, mean.language) == ("multi", _LANGUAGE)
    ]
    if _queries(one) == {_LANGUAGE}:
      findings.append(_tested(one))
      continue
    there = {mean.measure for mean in means}
    measures = [m for m in outcome.config.study.measures if m in there]
    if measures:
      tables.append(_one_query_language(one, means, measures))
      plots += [_plot(one, means, measure) for measure in measures]
      findings += [_untested(one, means, measure) for measure in measures]
  return Extra(tuple(tables), tuple(plots), tuple(findings))


def _queries(one: OnBenchmark) -> set[str]:
  """The languages that ask in the pool of all."""
  return {m.language for m in one.by_language if m.setting == "multi"}


def _tested(one: OnBenchmark) -> Finding:
  return Finding(
    f"On {one.benchmark} all queries are English: multi is multilingual"
    " retrieval with one query language (MLIR), as it is tested.",
    f"{tests_name(one)}, multi",
  )


def _one_query_language(
  one: OnBenchmark, means: Sequence[LanguageMean], measures: Sequence[str]
) -> Table:
  """Multilingual retrieval (MLIR): one query language, a pool of several."""
  texts = {(mean.arm, mean.measure): _text(mean) for mean in means}
  return Table(
    _name(one),
    f"{one.benchmark}: English queries against the pool of all languages"
    " (MLIR with one query language); ± over seeds. Not tested.",
    ("arm", *map(title, measures)),
    tuple(
      (arm, *(texts.get((arm, measure), "–") for measure in measures))
      for arm in one.arms
    ),
  )


def _plot(
  one: OnBenchmark, means: Sequence[LanguageMean], measure: str
) -> Plot:
  marks = [
    Mark(
      mean.arm,
      "multi, English queries",
      mean.value,
      mean.value - (mean.deviation or 0.0),
      mean.value + (mean.deviation or 0.0),
    )
    for mean in means
    if mean.measure == measure
  ]
  return Plot(
    slug("english", one.benchmark, measure),
    f"{_name(one)}: {title(measure)} by arm; bars: one standard deviation over"
    " seeds (none: one seed).",
    rows_svg(one.arms, marks, axis=title(measure)),
  )


def _untested(
  one: OnBenchmark, means: Sequence[LanguageMean], measure: str
) -> Finding:
  """Every arm's figure, as no test is made of one query language."""
  mine = [mean for mean in means if mean.measure == measure]
  figures = ", ".join(f"{_text(mean)} of {mean.arm}" for mean in mine)
  return Finding(
    f"On {one.benchmark}, English queries against the pool of all languages,"
    f" {title(measure)} is {figures}; these differences are not tested.",
    f"{_name(one)}, rows {', '.join(mean.arm for mean in mine)}",
  )


def _name(one: OnBenchmark) -> str:
  """By which findings name the table."""
  return f"{one.benchmark}: English queries, all passages"


def _text(mean: LanguageMean) -> str:
  return spread(mean.measure, mean.value, mean.deviation)
