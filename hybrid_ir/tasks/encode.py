"""task=encode: from a model and a corpus to WORKDIR/index, for task=search.

Of several processes each encodes its own shards on its own devices, without
waiting for the others; the first one says at the end that all are there.
"""

import difflib
import functools
import itertools
import pathlib
from collections.abc import Collection, Iterator

import jax
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hybrid_ir import processes
from hybrid_ir.ahead import ahead
from hybrid_ir.config import Config
from hybrid_ir.data import cldr, ir_corpora, ir_sets, lareqa, passages
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.own_files import is_own
from hybrid_ir.data.passages import Passage, Passages
from hybrid_ir.data.sources import NAMES, is_other_file, is_source
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.catalog import open_benchmark
from hybrid_ir.retrieval import shards
from hybrid_ir.retrieval.origin import origin_of
from hybrid_ir.retrieval.shards import Plan
from hybrid_ir.tasks.model import load_model
from hybrid_ir.training.mesh import make_mesh
from hybrid_ir.workdir import write_config


def run(config: Config, workdir: pathlib.Path) -> None:
  """Encodes `encode.corpus`, or goes on where it was stopped.

  Where `data.prefixes` has some for it, these are used, and later in search.
  `mesh` lays out the devices of each process.

  Raises:
    UserError: a fault of the corpus, no model, another index in the workdir,
      or a workdir that the processes do not share.
  """
  corpus = _open_once(config)
  mesh = make_mesh(config.mesh.data, config.mesh.fsdp, jax.local_devices())
  loaded = load_model(config, workdir, mesh)
  text_encoder = loaded.model.text_encoder(config, mesh).of(
    config.encode.corpus, config.data
  )
  folder = workdir / shards.FOLDER
  plan = Plan(
    origin_of(text_encoder.contract, loaded.params, text_encoder.size),
    corpus.fingerprint,
    config.encode.corpus,  # as `data.prefixes` has it, ~ and ./ included
    corpus.languages,
    config.encode.dtype,
    config.encode.shard_size,
  )
  processes.agree({"corpus": plan.corpus, "model": repr(plan.origin)})
  if processes.is_first():
    shards.start(folder, plan)
    if not loaded.step:  # nothing was trained here: the model is another's
      write_config(workdir, config)
      tokenizer_lib.save(loaded.model.tokenizer, workdir)
  processes.wait("index begun")
  missing = shards.missing(folder, plan)
  processes.wait("what is missing is known")
  mine = range(processes.index(), plan.shards, processes.count())
  wanted = missing.intersection(mine)

  def embed(texts: list[str], number: int) -> NDArray[np.float32]:
    name = f"shard {number + 1} of {plan.shards}"
    return text_encoder.passages(loaded.params, texts, name)

  with tqdm(
    total=_count(plan, mine), desc=corpus.name, unit=" passages", leave=False
  ) as bar:
    # What was encoded before is no part of the rate.
    bar.initial = bar.n = bar.total - _count(plan, wanted)
    bar.refresh()
    # To the end, whatever is wanted: it tells whether the corpus has changed.
    read = (
      shard for shard in _shards(corpus, plan, folder) if shard[0] in wanted
    )
    for written in shards.write_shards(folder, plan, ahead(read, 1), embed):
      processes.tick()
      bar.update(written)
  processes.wait("index encoded")
  if not processes.is_first():
    return
  shards.finish(folder, plan)
  kept = plan.shards - len(missing)
  print(
    f"{folder}: {len(corpus):,} passages ({', '.join(corpus.languages)});"
    f" shards: {plan.shards}" + (f", {kept} were there" if kept else ""),
    flush=True,
  )


def _open_once(config: Config) -> Passages:
  """The corpus; what must be built is built by the first process."""
  if not config.encode.corpus.startswith(ir_sets.PREFIX):
    return open_corpus(config)
  if not processes.is_first():
    processes.wait("corpus built")
    return open_corpus(config)
  with processes.waiting():  # for downloads, too
    corpus = open_corpus(config)
  processes.wait("corpus built")
  return corpus


def open_corpus(config: Config) -> Passages:
  """The passages that `encode.corpus` names.

  A collection of ir_datasets' is read whole, from where TFDS has built it. A
  data set by name, and a file of pairs, is held in memory: the distinct
  passages of all its splits, as a benchmark has them.

  Raises:
    UserError: no such corpus, or a fault in it.
  """
  name, language = config.encode.corpus, config.encode.language
  if not name:
    raise UserError(
      "config key 'encode.corpus' is empty; name a .jsonl or .tsv file of"
      " passages, or a data set"
    )
  if language and not cldr.is_language(language):
    raise UserError(
      f"config key 'encode.language' is {language!r}; expected a code of CLDR,"
      ' such as "en" or "zh"'
    )
  path = pathlib.Path(name).expanduser()
  if name not in NAMES and path.is_dir():
    for file in ("corpus.jsonl", "queries.jsonl"):
      if not (path / file).is_file():
        raise UserError(
          f"config key 'encode.corpus' is {name!r}, a folder without {file};"
          " name a .jsonl or .tsv file of passages, or a folder in BEIR's"
          " layout (docs/benchmarks.md)"
        )
  if path.suffix in passages.EXTENSIONS and not (
    path.suffix == ".jsonl" and passages.holds_pairs(str(path))
  ):
    return passages.open_file(str(path), language)
  if not is_own(name) and is_other_file(name):
    raise UserError(
      f"config key 'encode.corpus' is {name!r}; of files, .jsonl and .tsv of"
      " passages are read, and .jsonl and .parquet of pairs (docs/search.md)"
    )
  is_lareqa = name.partition(":")[0] in lareqa.NAMES  # or one of its units
  if not (is_source(name) or is_lareqa or path.is_dir()):
    near = difflib.get_close_matches(name, NAMES, n=1)
    raise UserError(
      f"config key 'encode.corpus' is {name!r}, no file and no data set;"
      + (f" did you mean '{near[0]}'? There are" if near else " expected")
      + " a .jsonl or .tsv file of passages, a .jsonl or .parquet file of"
      f" pairs, {', '.join(NAMES)}, and ir_datasets:ID with an id of theirs"
      " (docs/search.md)"
    )
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  if name.startswith(ir_sets.PREFIX):
    return passages.survey(
      name, functools.partial(ir_corpora.passages, name, config.data, cache_dir)
    )
  benchmark = open_benchmark(
    name,
    config.data,
    cache_dir,
    split="",
    allow_faults=config.evaluate.allow_faults,
  )
  if processes.is_first():
    for line in benchmark.faults:
      print(f"{name}: left out {line}", flush=True)
  members = [
    Passage(id, benchmark.languages[code], text, name)
    for id, code, text in zip(
      benchmark.passage_ids,
      benchmark.passage_languages.tolist(),
      benchmark.passage_texts,
      strict=True,
    )
  ]
  return passages.survey(name, lambda: iter(members))


def _count(plan: Plan, shards: Collection[int]) -> int:
  """The passages of these shards."""
  return sum(
    min(plan.shard_size, plan.passages - number * plan.shard_size)
    for number in shards
  )


def _shards(
  corpus: Passages, plan: Plan, folder: pathlib.Path
) -> Iterator[tuple[int, list[Passage]]]:
  """The corpus in order, a shard at a time.

  Raises:
    UserError: it has changed since it was surveyed.
  """
  # What is there may be of the changed corpus: nothing of it is kept.
  mend = f"delete {folder} and run task=encode again"
  stream = passages.read_again(corpus, mend)
  for number in itertools.count():
    members = list(itertools.islice(stream, plan.shard_size))
    if not members:
      return
    yield number, members
