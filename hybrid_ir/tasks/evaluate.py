"""task=evaluate: from a model to results.jsonl, runs/ and details/."""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from hybrid_ir.config import Config
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import runs
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.catalog import open_benchmark
from hybrid_ir.evaluation.evaluate import Evaluation, evaluate
from hybrid_ir.files import write_aside
from hybrid_ir.model.encoder import Params
from hybrid_ir.retrieval.ann import AnnUnavailableError, load
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.tasks.model import load_model
from hybrid_ir.training.mesh import make_mesh
from hybrid_ir.workdir import write_config

RESULTS = "results.jsonl"


def run(config: Config, workdir: pathlib.Path) -> None:
  """Scores the workdir's model, or where it has none, that of encoder.path.

  Raises:
    UserError: no model, or a benchmark that is not there.
  """
  score(config, workdir, open_benchmarks(config))


def open_benchmarks(config: Config) -> list[Benchmark]:
  """Opens `evaluate.benchmarks`.

  Raises:
    UserError: one that is not there, or two whose files would have one name.
  """
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  benchmarks = [
    open_benchmark(name, config.data, cache_dir)
    for name in config.evaluate.benchmarks
  ]
  names = [benchmark.name for benchmark in benchmarks]
  if len(set(names)) < len(names):
    raise UserError(
      f"config key 'evaluate.benchmarks' is {config.evaluate.benchmarks}; two"
      f" of them would be called the same ({', '.join(names)}); rename a file"
    )
  return benchmarks


def score(
  config: Config, workdir: pathlib.Path, benchmarks: Sequence[Benchmark]
) -> None:
  """Scores the model on benchmarks that are open already.

  Raises:
    UserError: no model.
  """
  mesh = make_mesh(config.mesh.data)
  loaded = load_model(config, workdir, mesh)
  if not loaded.step:  # nothing was trained here: the model came from elsewhere
    write_config(workdir, config)
    tokenizer_lib.save(loaded.model.tokenizer, workdir)
  text_encoder = loaded.model.text_encoder(config, mesh)
  ann = config.evaluate.ann and _ann_is_there()
  for benchmark in benchmarks:
    evaluation = _evaluate(config, benchmark, text_encoder, loaded.params, ann)
    _write(config, workdir, benchmark, evaluation, loaded.step)
    _print(benchmark, evaluation, loaded.step)


def _ann_is_there() -> bool:
  try:
    load()
  except AnnUnavailableError as error:
    print(f"{error}; exact search instead", flush=True)
    return False
  return True


def _evaluate(
  config: Config,
  benchmark: Benchmark,
  text_encoder: TextEncoder,
  params: Params,
  ann: bool,
) -> Evaluation:
  name = benchmark.name
  return evaluate(
    benchmark,
    text_encoder.queries(params, benchmark.query_texts, f"{name}: queries"),
    text_encoder.passages(
      params, benchmark.distinct_texts, f"{name}: passages"
    ),
    settings=config.evaluate.settings,
    run_settings=config.evaluate.runs,
    run_depth=config.evaluate.run_depth,
    ann=ann,
  )


def _write(
  config: Config,
  workdir: pathlib.Path,
  benchmark: Benchmark,
  evaluation: Evaluation,
  step: int,
) -> None:
  """The files of one benchmark; results.jsonl last."""
  path = workdir / RESULTS
  before = _read(path)
  # A folder that was renamed keeps the name under which it was first scored.
  system = config.system or (before[0]["system"] if before else workdir.name)
  tag = "_".join(system.split())
  for setting, lists in evaluation.runs.items():
    runs.write_run(
      workdir / "runs" / f"{benchmark.name}.{setting}.trec",
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
  )
  details = {
    "benchmark": benchmark.name,
    "step": step,
    "languages": list(benchmark.languages),
    "top10_language_share": evaluation.language_share.tolist(),
    "pool_language_share": evaluation.pool_share.tolist(),
    "examples": [dataclasses.asdict(e) for e in evaluation.examples],
  }
  with write_aside(workdir / "details" / f"{benchmark.name}.json") as aside:
    aside.write_text(json.dumps(details, ensure_ascii=False, indent=1))
  lines = [
    line
    for line in before
    if (line["benchmark"], line["step"]) != (benchmark.name, step)
  ] + [row.line(system, config.seed, step) for row in evaluation.results]
  with write_aside(path) as aside:
    aside.write_text("".join(json.dumps(line) + "\n" for line in lines))


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


def _print(benchmark: Benchmark, evaluation: Evaluation, step: int) -> None:
  """The macro means, a line a setting."""
  print(
    f"{benchmark.name}, step {step}: {len(benchmark.query_ids):,} queries,"
    f" {len(benchmark.passage_ids):,} candidates"
  )
  for setting in ("mono", "cross", "multi"):
    figures = [
      f"{row.measure} {row.value:.4f}"
      for row in evaluation.results
      if row.setting == setting
      and row.search == "exact"
      and row.query_language == "*"
      and row.passage_language in ("*", "all")
    ]
    if figures:
      print(f"  {setting:5}  {'  '.join(figures)}", flush=True)
