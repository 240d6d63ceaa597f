"""task=evaluate: from a system to results.jsonl, runs/ and details/."""

import dataclasses
import json
import math
import pathlib
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any

from hybrid_ir import processes
from hybrid_ir.config import SETTINGS, Config
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import query_values, retrieved, runs
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.catalog import open_benchmark
from hybrid_ir.evaluation.evaluate import Evaluation, evaluate, settings_of
from hybrid_ir.evaluation.examples import every_example
from hybrid_ir.evaluation.query_values import QueryValues
from hybrid_ir.evaluation.results import RESULTS, mean_pool
from hybrid_ir.files import write_aside
from hybrid_ir.tasks import scored
from hybrid_ir.tasks.systems import Ranked, check, open_system
from hybrid_ir.workdir import write_config

# Macro means that are printed; results.jsonl has all.
_PRINTED = ("map", "mrr", "recall@10", "ndcg@10", "rank_distance")
_HITS = 3  # passages a query that are kept with their texts


def run(config: Config, workdir: pathlib.Path) -> None:
  """Scores the workdir's model, or where it has none, that of encoder.path.

  Or what else `evaluate.by` names.

  Raises:
    UserError: nothing to score, or a benchmark that is not there.
  """
  check(config, workdir)
  score(config, workdir, open_benchmarks(config))


def open_benchmarks(config: Config) -> list[Benchmark]:
  """Opens `evaluate.benchmarks`.

  Raises:
    UserError: one that is not there, or not the other processes'; two whose
      files would have one name; no setting that one of them has.
  """
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  benchmarks = [
    open_benchmark(
      name,
      config.data,
      cache_dir,
      allow_faults=config.evaluate.allow_faults,
    )
    for name in config.evaluate.benchmarks
  ]
  names = [benchmark.name for benchmark in benchmarks]
  if len(set(names)) < len(names):
    raise UserError(
      f"config key 'evaluate.benchmarks' is {config.evaluate.benchmarks}; two"
      f" of them would be called the same ({', '.join(names)}); rename a file"
    )
  for benchmark in benchmarks:
    settings_of(benchmark, config.evaluate.settings)
  if processes.count() > 1:
    processes.agree({f"benchmark {b.name}": b.fingerprint for b in benchmarks})
  return benchmarks


def check_system(config: Config, workdir: pathlib.Path) -> None:
  """Refuses a second system: reports and comparisons know a workdir as one.

  Raises:
    UserError: naming the key that says so.
  """
  path = workdir / RESULTS
  before = _read(path)
  if not before:
    return
  if config.system and before[0]["system"] != config.system:
    raise UserError(
      f"config key 'system' is {config.system!r}, but {path} has figures of"
      f" {before[0]['system']!r}; take that name, or another --workdir"
    )
  scored.check(config, workdir, path)


def check_data(
  workdir: pathlib.Path,
  benchmarks: Sequence[Benchmark],
  step: int | None = None,
) -> None:
  """Refuses data that is not what steps were scored on whose figures stay.

  Args:
    workdir: where figures are.
    benchmarks: to be scored.
    step: at which; None: not known before training, but not 0.

  Raises:
    UserError: naming the benchmark.
  """
  path = workdir / RESULTS
  before = _read(path)
  for benchmark in benchmarks:
    there = {x["step"] for x in before if x["benchmark"] == benchmark.name}
    stay = there & {0} if step is None else there - {step}
    scored.check_data(benchmark, workdir, path, stay)


def score(
  config: Config, workdir: pathlib.Path, benchmarks: Sequence[Benchmark]
) -> None:
  """Scores the model on benchmarks that are open already.

  Raises:
    UserError: no model, or what else `evaluate.by` names is not there; figures
      of another system or of other data, which stay.
  """
  check_system(config, workdir)
  system = open_system(config, workdir)
  check_data(workdir, benchmarks, system.step)
  writes = processes.is_first()
  # Where nothing was trained, what is scored came from elsewhere.
  if writes and not system.step:
    write_config(workdir, config)
  for benchmark in benchmarks:
    start = time.perf_counter()
    ranked = system.rank(benchmark)
    evaluation = evaluate(
      benchmark,
      ranked.ranking,
      settings=config.evaluate.settings,
      search=ranked.search,
      run_settings=config.evaluate.runs,
      run_depth=config.evaluate.run_depth,
      approximate=ranked.approximate,
    )
    if writes:
      _write(config, workdir, benchmark, evaluation, ranked, system.step)
    seconds = time.perf_counter() - start
    _print(benchmark, evaluation, ranked, system.step, seconds)


def _write(
  config: Config,
  workdir: pathlib.Path,
  benchmark: Benchmark,
  evaluation: Evaluation,
  ranked: Ranked,
  step: int,
) -> None:
  """The files of one benchmark; results.jsonl last."""
  path = workdir / RESULTS
  before = _read(path)
  # A folder that was renamed keeps the name under which it was first scored.
  system = config.system or (before[0]["system"] if before else workdir.name)
  tag = "_".join(system.split())
  for setting in SETTINGS:
    run = workdir / "runs" / f"{benchmark.name}.{setting}.trec"
    if setting not in evaluation.runs:  # one of an earlier evaluation
      run.unlink(missing_ok=True)
      continue
    lists = evaluation.runs[setting]
    runs.write_run(
      run,
      tag,
      benchmark.query_ids,
      benchmark.passage_ids,
      lists.top,
      lists.scores,
    )
  runs.write_qrels(
    workdir / "runs" / f"{benchmark.name}.qrels",
    benchmark.query_ids,
    benchmark.passage_ids,
    benchmark.gold_queries,
    benchmark.gold_passages,
    benchmark.gold_grades,
  )
  query_values.write(
    query_values.path_of(workdir, benchmark.name),
    QueryValues(
      benchmark=benchmark.name,
      unit=benchmark.unit,
      system=system,
      seed=config.seed,
      step=step,
      languages=benchmark.languages,
      query_ids=benchmark.query_ids,
      query_languages=benchmark.query_languages,
      values=evaluation.per_query,
      fingerprint=benchmark.fingerprint,
    ),
  )
  front = evaluation.front
  retrieved.write(
    workdir / "details" / f"{benchmark.name}{retrieved.SUFFIX}",
    every_example(benchmark, front.top[:, :_HITS], front.scores[:, :_HITS]),
  )
  _write_details(workdir, benchmark, evaluation, ranked, step)
  scored.write(config, workdir)
  lines = [
    line
    for line in before
    if (line["benchmark"], line["step"]) != (benchmark.name, step)
  ] + [row.line(system, config.seed, step) for row in evaluation.results]
  with write_aside(path) as aside:
    aside.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _write_details(
  workdir: pathlib.Path,
  benchmark: Benchmark,
  evaluation: Evaluation,
  ranked: Ranked,
  step: int,
) -> None:
  """What is no single figure, for reports and comparisons."""
  # Of an approximate search, the lines say how it was tuned.
  lines = ranked.lines if ranked.approximate is None else ()
  details = {
    "benchmark": benchmark.name,
    "step": step,
    "languages": list(benchmark.languages),
    "top10_language_share": evaluation.language_share.tolist(),
    "pool_language_share": evaluation.pool_share.tolist(),
    "first_language": evaluation.preference.tolist(),
    "left_out": [*benchmark.faults, *lines],
    "examples": [dataclasses.asdict(e) for e in evaluation.examples],
  }
  text = json.dumps(
    _finite(details), ensure_ascii=False, allow_nan=False, indent=1
  )
  with write_aside(workdir / "details" / f"{benchmark.name}.json") as aside:
    aside.write_text(text, encoding="utf-8")


def _finite(value: Any) -> Any:
  """With None for NaN and infinity, which JSON does not have."""
  if isinstance(value, float):
    return value if math.isfinite(value) else None
  if isinstance(value, dict):
    return {key: _finite(item) for key, item in value.items()}
  if isinstance(value, (list, tuple)):
    return [_finite(item) for item in value]
  return value


def _read(path: pathlib.Path) -> list[dict[str, Any]]:
  if not path.exists():
    return []
  lines = []
  for number, line in enumerate(path.read_text().splitlines(), start=1):
    try:
      lines.append(json.loads(line))
    except ValueError as error:
      raise UserError(f"{path}:{number}: not JSON: {error}") from None
  return lines


def _print(
  benchmark: Benchmark,
  evaluation: Evaluation,
  ranked: Ranked,
  step: int,
  seconds: float,
) -> None:
  """What was searched, the macro means a line a setting, and what it cost."""
  print(
    f"{benchmark.name}, step {step}: {len(benchmark.query_ids):,} queries,"
    f" {len(benchmark.passage_ids):,} candidates"
  )
  for line in benchmark.faults:
    print(f"  left out {line}")
  for line in ranked.lines:
    print(f"  {line}")
  for setting in SETTINGS:
    rows = {
      row.measure: row
      for row in evaluation.results
      if row.setting == setting
      and row.search == ranked.search
      and row.query_language == "*"
      and row.passage_language == mean_pool(setting)
    }
    if rows:
      figures = [f"{m} {rows[m].value:.4f}" for m in _PRINTED if m in rows]
      dropped = rows["map"].dropped
      counts = f"{rows['map'].queries:,} scored"
      if dropped:
        counts += f", {dropped:,} dropped for want of a relevant passage"
      print(f"  {setting:5}  {'  '.join(figures)}  ({counts})")
  print(
    f"  in {seconds:,.1f} s; peak memory of the process"
    f" {_peak_bytes() / 1e9:.1f} GB",
    flush=True,
  )


def _peak_bytes() -> int:
  """The most memory that this process had so far."""
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return peak if sys.platform == "darwin" else 1024 * peak
