"""What a study's runs scored. From their folders, to the outcome."""

import dataclasses
import pathlib
import statistics
from collections.abc import Iterator, Mapping, Sequence

from hybrid_ir.config import Config
from hybrid_ir.evaluation.comparison.figures import SeedValue
from hybrid_ir.evaluation.comparison.matching import NOT_CHECKED
from hybrid_ir.evaluation.comparison.systems import Scored, load
from hybrid_ir.evaluation.report.load import Score, load_workdir
from hybrid_ir.studies import state
from hybrid_ir.studies.axes import describe
from hybrid_ir.studies.grid import Cell, Labels, baselines, choices
from hybrid_ir.studies.moves import moves
from hybrid_ir.studies.one_language import MLIR, asked_in
from hybrid_ir.studies.outcome import Arm, LanguageMean, OnBenchmark, Outcome
from hybrid_ir.studies.pairs import compare_pairs


def read_outcome(config: Config, cells: Sequence[Cell]) -> Outcome:
  """Reads what is done, and tests each arm against its baselines.

  Args:
    config: of the study.
    cells: all of its runs.

  Raises:
    UserError: a damaged file, or runs that were scored on other queries.
  """
  arms = tuple(_arms(config, cells))
  folders = dict.fromkeys(str(c.folder) for arm in arms for c in arm.cells)
  found = load(tuple(folders)) if folders else {}
  scores = {path: load_workdir(pathlib.Path(path)).scores for path in folders}
  return Outcome(
    config,
    arms,
    tuple(
      one
      for benchmark, runs in found.items()
      if (mine := [arm for arm in arms if benchmark in _sources(arm)])
      for one in _on_benchmark(config, benchmark, mine, runs, scores)
    ),
  )


def _arms(config: Config, cells: Sequence[Cell]) -> Iterator[Arm]:
  groups: dict[str, list[Cell]] = {}
  for cell in cells:
    groups.setdefault(describe(cell.labels), []).append(cell)
  for group in groups.values():
    labels = group[0].labels
    done = tuple(
      sorted(filter(state.is_done, group), key=lambda cell: cell.seed)
    )
    if done:
      against = tuple(_name(config, b) for b in baselines(config, labels))
      yield Arm(_name(config, labels), labels, done, against)


def _name(config: Config, labels: Labels) -> str:
  """The variants that tell an arm from others."""
  study = config.study
  varied = {
    axis: variant
    for axis, variant in labels.items()
    if len(study.axes[axis]) > 1
  }
  if study.design == "product":
    return ", ".join(varied.values()) or "baseline"
  changed = {
    axis: variant
    for axis, variant in varied.items()
    if variant != next(iter(study.axes[axis]))
  }
  if not changed:
    return "baseline"
  return ", ".join(f"{axis} {variant}" for axis, variant in changed.items())


def _sources(arm: Arm) -> dict[str, str]:
  """What results.jsonl calls its `evaluate.benchmarks` -> these.

  A shared run may have others' too, that the study did not ask for.
  """
  cell = arm.cells[0]
  evaluated = state.read(cell.folder).evaluated
  wanted = cell.config.evaluate.benchmarks
  return {evaluated[name].benchmark: name for name in wanted}


def _on_benchmark(
  config: Config,
  benchmark: str,
  arms: Sequence[Arm],
  runs: Sequence[Scored],
  scores: Mapping[str, Sequence[Score]],
) -> Iterator[OnBenchmark]:
  """Of the arms that are to be scored on it.

  In a study of instructions English queries stand by themselves, too, where
  others ask as well: that is the task that it is about.
  """
  by_path = {run.run.path: run for run in runs}
  groups = {
    arm.name: [_asked(by_path[str(cell.folder)], arm) for cell in arm.cells]
    for arm in arms
  }
  count = {path: _that_count(benchmark, scores[path]) for path in by_path}
  one = _tested(config, benchmark, arms, groups)
  languages = tuple(_by_language(config, arms, groups, count))
  yield dataclasses.replace(one, by_language=languages)
  asking = {mean.language for mean in languages if mean.setting == "multi"}
  if config.study.kind == "instruct" and asking > {MLIR}:
    pooled = {mean.arm for mean in languages if mean.setting == "multi"}
    alone = {
      name: [asked_in(MLIR, run, count[run.run.path]) for run in group]
      for name, group in groups.items()
      if name in pooled
    }
    there = [arm for arm in arms if arm.name in pooled]
    yield dataclasses.replace(
      _tested(config, benchmark, there, alone),
      benchmark=f"{benchmark}, queries in {MLIR}",
      asked_in=MLIR,
    )


def _tested(
  config: Config,
  benchmark: str,
  arms: Sequence[Arm],
  groups: Mapping[str, Sequence[Scored]],
) -> OnBenchmark:
  tested = compare_pairs(config, benchmark, arms, groups)
  moved, unmoved = moves(config, benchmark, arms, groups, tested.estimates)
  notes = [
    note
    for note in tested.notes
    if NOT_CHECKED not in note or not _is_known(arms, benchmark)
  ]
  return OnBenchmark(
    benchmark=benchmark,
    source=_sources(arms[0])[benchmark],
    unit=tested.unit,
    arms=tuple(groups),
    estimates=tested.estimates,
    differences=tested.differences,
    by_language=(),
    tests=len(tested.differences),
    notes=(*notes, *_untested(config, arms), *unmoved),
    seedless=frozenset(a.name for a in arms if not a.cells[0].is_trained),
    moved=moved,
  )


def _asked(run: Scored, arm: Arm) -> Scored:
  """An arm's run, in the settings that it asks for.

  A shared run may have others' too: Holm's correction would count them.
  """
  settings = arm.config.evaluate.settings
  macro = {at: score for at, score in run.macro.items() if at[0] in settings}
  return dataclasses.replace(run, system=arm.name, macro=macro)


def _is_known(arms: Sequence[Arm], benchmark: str) -> bool:
  """Whether cell.json says what all were scored on, which the study checks."""
  return all(
    one.fingerprint
    for arm in arms
    for cell in arm.cells
    for one in state.read(cell.folder).evaluated.values()
    if one.benchmark == benchmark
  )


def _untested(config: Config, arms: Sequence[Arm]) -> Iterator[str]:
  """Arms whose baselines have no figures, a line a pair."""
  there = {arm.name for arm in arms}
  kept = {_name(config, labels) for labels in choices(config)}
  for arm in arms:
    for base in arm.against:
      if base not in there:
        why = (
          "has no figures of it" if base in kept else "study.only leaves out"
        )
        yield f"{arm.name}: no test against {base}, which {why}"


def _that_count(benchmark: str, scores: Sequence[Score]) -> list[Score]:
  """Figures of exact search, of the step of the last line, as in `load`."""
  mine = [
    score
    for score in scores
    if score.benchmark == benchmark and score.search != "scann"
  ]
  return [score for score in mine if score.step == mine[-1].step]


def _by_language(
  config: Config,
  arms: Sequence[Arm],
  groups: Mapping[str, Sequence[Scored]],
  count: Mapping[str, Sequence[Score]],
) -> Iterator[LanguageMean]:
  for arm in arms:
    values: dict[tuple[str, str, str], list[SeedValue]] = {}
    for run in groups[arm.name]:
      for score in count[run.run.path]:
        language = score.query_language
        pool = {"mono": language, "cross": "*", "multi": "all"}[score.setting]
        if (
          score.setting in arm.config.evaluate.settings
          and score.measure in config.study.measures
          and language not in ("*", "micro")
          and score.passage_language == pool
        ):
          key = score.setting, score.measure, language
          values.setdefault(key, []).append(SeedValue(score.seed, score.value))
    for (setting, measure, language), seeds in values.items():
      each = [one.value for one in seeds]
      yield LanguageMean(
        arm.name,
        setting,
        measure,
        language,
        statistics.fmean(each),
        statistics.stdev(each) if len(each) > 1 else None,
        tuple(seeds),
      )
