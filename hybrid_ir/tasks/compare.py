"""task=compare: from other runs' workdirs to WORKDIR/compare."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import retrieved
from hybrid_ir.evaluation.comparison.compare import compare
from hybrid_ir.evaluation.comparison.figures import Comparison
from hybrid_ir.evaluation.comparison.latex import latex
from hybrid_ir.evaluation.comparison.markdown import markdown
from hybrid_ir.evaluation.comparison.systems import Scored, load
from hybrid_ir.evaluation.comparison.tidy import tidy
from hybrid_ir.evaluation.examples import Example
from hybrid_ir.evaluation.report.compare import (
  Examples,
  Retrieved,
  comparison_files,
)
from hybrid_ir.files import not_of, replace_folder

FOLDER = "compare"
JSON = "comparison.json"
# All that a comparison may have; which figures, its systems and measures say.
_OURS = (
  *("compare.md", "compare.tex", "compare.csv", "compare.html", JSON),
  *("figures", "figures/*.svg", "figures/*.png"),
)


def run(config: Config, workdir: pathlib.Path) -> None:
  """Compares `compare.systems` and writes tables, figures and JSON.

  Raises:
    UserError: fewer than two systems, a workdir without results, a damaged
      file, systems that were scored on other queries, a folder in the way, or
      a file in an older comparison that is not of it.
  """
  folder = workdir / FOLDER
  if folder.exists() and not (folder / JSON).exists():
    raise UserError(
      f"{folder}: in the way, and not a comparison; move it, or name another"
      " --workdir"
    )
  _check_nothing_is_lost(folder)
  scored = load(config.compare.systems)
  comparison = compare(
    scored,
    baseline=config.compare.baseline,
    measures=config.compare.measures,
    resamples=config.compare.resamples,
    level=config.compare.level,
    seed=config.seed,
  )
  _write(folder, comparison, _examples(scored), _retrieved(scored, comparison))
  for name in sorted(path.name for path in folder.iterdir()):
    print(f"wrote {folder / name}")


def _check_nothing_is_lost(folder: pathlib.Path) -> None:
  if others := not_of(folder, _OURS):
    raise UserError(
      f"{folder}: a new comparison would take its place, and lose"
      f" {others[0]!r}, which is not of the older one; move it away, or name"
      " another --workdir"
    )


def _examples(
  scored: Mapping[str, Sequence[Scored]],
) -> Examples:
  """By benchmark and system: what a run's details hold; the first run's."""
  found: dict[str, dict[str, tuple[Example, ...]]] = {}
  for benchmark, runs in scored.items():
    for run in runs:
      if run.details:
        by_system = found.setdefault(benchmark, {})
        by_system.setdefault(run.system, run.details.examples)
  return found


def _retrieved(
  scored: Mapping[str, Sequence[Scored]], comparison: Comparison
) -> Retrieved:
  """What systems' first runs retrieved for the queries that one of two wins."""
  found: dict[str, dict[str, dict[str, Example]]] = {}
  for one in comparison.benchmarks:
    wanted = {
      query.query_id
      for item in one.differences
      for query in (*item.won, *item.lost)
    }
    by_system = found.setdefault(one.benchmark, {})
    for run in scored[one.benchmark]:
      if run.system not in by_system:
        path = run.folder / "details" / f"{one.benchmark}{retrieved.SUFFIX}"
        by_system[run.system] = retrieved.read(path, wanted)
  return found


def _write(
  folder: pathlib.Path,
  comparison: Comparison,
  examples: Examples,
  of_queries: Retrieved,
) -> None:
  """Puts a new folder in the place of an older comparison."""
  found = dataclasses.asdict(comparison)
  texts = {
    "compare.md": markdown(comparison),
    "compare.tex": latex(comparison),
    "compare.csv": tidy(comparison),
    JSON: json.dumps(found, ensure_ascii=False, allow_nan=False, indent=1)
    + "\n",
  }
  files = {name: text.encode() for name, text in texts.items()}
  files |= comparison_files(comparison, examples, of_queries)
  with replace_folder(folder) as aside:
    for name, content in files.items():
      (aside / name).parent.mkdir(exist_ok=True)
      (aside / name).write_bytes(content)
    _check_nothing_is_lost(folder)  # it may have come in the meantime
