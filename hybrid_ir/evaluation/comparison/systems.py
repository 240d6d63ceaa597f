"""What is compared, read from disk. From workdirs, to compare."""

import dataclasses
import itertools
import pathlib
from collections.abc import Mapping, Sequence

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import query_values
from hybrid_ir.evaluation.comparison.figures import Run
from hybrid_ir.evaluation.query_values import QueryValues
from hybrid_ir.evaluation.report.load import Details, Score, load_workdir
from hybrid_ir.evaluation.results import RESULTS, mean_pool


@dataclasses.dataclass(frozen=True, eq=False)
class Scored:
  """A run on one benchmark, as it was scored last."""

  system: str
  run: Run
  folder: pathlib.Path
  macro: Mapping[tuple[str, str], Score]  # (setting, measure) -> macro mean
  values: QueryValues | None  # None: the workdir has results.jsonl alone
  details: Details | None


def load(paths: Sequence[str]) -> dict[str, list[Scored]]:
  """Reads workdirs.

  Args:
    paths: of workdirs, or of the results.jsonl in one.

  Returns:
    benchmark -> its runs, in the order of `paths`.

  Raises:
    UserError: a workdir that is not there, has no results or stands twice, two
      of one system with the same seed, or a damaged file.
  """
  seen: dict[pathlib.Path, str] = {}
  seeds: dict[tuple[str, int], str] = {}
  found: dict[str, list[Scored]] = {}
  for path in paths:
    folder = _folder(path)
    real = folder.resolve()
    if real in seen:
      raise UserError(
        f"config key 'compare.systems': {path} is the workdir {seen[real]} once"
        " more; name each once"
      )
    seen[real] = path
    for benchmark, scored in _load_run(folder, path).items():
      found.setdefault(benchmark, []).append(scored)
      key = scored.system, scored.run.seed
      if seeds.setdefault(key, path) != path:
        raise UserError(
          f"{path}: system {key[0]!r} with seed {key[1]} is that of"
          f" {seeds[key]}, too; another system takes another name"
          " (--config.system), another run of this one another seed"
        )
  return found


def _folder(path: str) -> pathlib.Path:
  given = pathlib.Path(path).expanduser()
  if given.is_dir():
    return given
  if given.is_file() and given.name == RESULTS:
    return given.parent
  raise UserError(
    f"config key 'compare.systems': {path}: no such workdir; expected a folder"
    f" with {RESULTS}, or that file"
  )


def _load_run(folder: pathlib.Path, path: str) -> dict[str, Scored]:
  """By benchmark."""
  workdir = load_workdir(folder)
  exact = [score for score in workdir.scores if score.search != "scann"]
  if not exact:
    raise UserError(
      f"{folder / RESULTS}: missing or empty; run task=evaluate in {path}"
    )
  details = {item.benchmark: item for item in workdir.details}
  found = {}
  for benchmark, group in itertools.groupby(
    sorted(exact, key=lambda score: score.benchmark),  # keeps lines' order
    key=lambda score: score.benchmark,
  ):
    scores = list(group)
    step = scores[-1].step
    found[benchmark] = Scored(
      system=scores[-1].system,
      run=Run(path, scores[-1].seed),
      folder=folder,
      macro={
        (score.setting, score.measure): score
        for score in scores
        if score.step == step
        and score.query_language == "*"
        and score.passage_language == mean_pool(score.setting)
      },
      values=_load_values(folder, scores[-1]),
      details=details.get(benchmark),
    )
  return found


def _load_values(folder: pathlib.Path, score: Score) -> QueryValues | None:
  """The per-query values behind a line of results.jsonl, if there are any."""
  path = query_values.path_of(folder, score.benchmark)
  if not path.exists():
    return None
  values = query_values.read(path)
  expected = score.benchmark, score.seed, score.step
  if (values.benchmark, values.seed, values.step) != expected:
    raise UserError(
      f"{path}: holds {values.benchmark}, seed {values.seed}, step"
      f" {values.step}, but {RESULTS} ends with {score.benchmark}, seed"
      f" {score.seed}, step {score.step}; run task=evaluate again"
    )
  return values
