"""What runs were made of and scored on, as fingerprints. To task=study.

  made_of(cell) -> name -> fingerprint       training sets, encoder's files
  fingerprint(config, benchmark) -> str      nothing is opened for it
  check(cells)                               refuses what changed since

A run's name is made of its config, which has names and paths, not contents.
"""

import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tqdm import tqdm

from hybrid_ir.config import Config
from hybrid_ir.data import ir_library, lareqa, slow_tokenizer, tokenizer
from hybrid_ir.data.sources import NAMES, open_source, parse_weights
from hybrid_ir.errors import UserError
from hybrid_ir.model.sentence_transformers import CONTRACT_FILE
from hybrid_ir.studies import state
from hybrid_ir.studies.grid import Cell

_BLOCK = 1 << 20  # bytes read at once
# Of an encoder's folder: its weights, those of its dense layers, its tokenizer.
_ENCODER = (
  *("*.safetensors", "*.bin", "*_*/*.safetensors", "*_*/*.bin"),
  "tokenizer.json",
)
# What says how its weights are read: layers, pooling, lengths, prompts.
_READING = (
  *("config.json", "modules.json", "sentence_bert_config.json"),
  *("config_sentence_transformers.json", "*/config.json"),
)
# And what this package, or an older vocabulary, says of its texts.
_TEXTS = (CONTRACT_FILE, tokenizer.CONFIG_FILE, *slow_tokenizer.FILES)
_Known = dict[tuple[str, ...], str]  # what a check has asked for already
_BEIR = ("corpus.jsonl", "queries.jsonl", "qrels.tsv", "qrels/*.tsv")


def made_of(cell: Cell) -> dict[str, str]:
  """What a run, and what it starts from, is made of -> its fingerprint.

  Of an encoder of the hub there is none: `encoder.revision` says which it is.
  A set that cannot be read now is left out.
  """
  return _made_of(cell, {})


def _made_of(cell: Cell, known: _Known) -> dict[str, str]:
  found: dict[str, str] = {}
  for before in cell.line():
    whose = "" if before is cell else f", in {before.key}"
    config = before.config
    folder = pathlib.Path(config.encoder.path).expanduser()
    if config.encoder.path and folder.is_dir():
      found[f"{config.encoder.path}{whose}"] = _of_files(folder, _ENCODER)
      # Names of their own: runs of earlier versions know the first alone.
      for what, files in (("config files", _READING), ("text files", _TEXTS)):
        name = f"{config.encoder.path}: its {what}{whose}"
        found[name] = _of_files(folder, files)
    if before.is_trained:
      for name in parse_weights(config.data.train)[0]:
        try:
          found[f"{name}{whose}"] = _trained_on(config, name, known)
        except UserError:  # a run that needs it says so
          continue
  return found


def fingerprint(config: Config, benchmark: str) -> str:
  """Changes when one of `evaluate.benchmarks` does.

  Raises:
    UserError: files that are not there.
  """
  data = config.data
  kind, _, rest = benchmark.partition(":")
  if kind in lareqa.NAMES:
    return lareqa.fingerprint(kind)
  if benchmark.startswith(ir_library.PREFIX):
    return ir_library.fingerprint()
  if kind == "mtop":
    return _of_files(pathlib.Path(data.mtop_dir).expanduser(), ("*/*.txt",))
  if kind == "bitext":
    folder = pathlib.Path(data.bitext_dir).expanduser()
    return _of_files(folder, (f"*{rest}.*",))
  path = pathlib.Path(benchmark).expanduser()
  if benchmark not in NAMES and path.is_dir():  # as a benchmark is opened
    return _of_files(path, _BEIR)
  data = dataclasses.replace(data, languages=())  # they limit training alone
  cache_dir = pathlib.Path(config.cache_dir).expanduser()
  return open_source(benchmark, "", data, cache_dir).fingerprint


def check(cells: Iterable[Cell]) -> None:
  """Refuses runs that were made of, or scored on, what has changed since.

  Raises:
    UserError: naming what changed, the runs' folders, and how to mend them.
  """
  remade: dict[str, dict[str, Cell]] = {}  # what changed -> folder -> its run
  rescored: dict[str, dict[str, Cell]] = {}
  known: _Known = {}
  for cell in cells:
    if cell.config.checkpoint.allow_changes:
      continue
    for name in _changed_parts(cell, known):
      remade.setdefault(name, {})[cell.key] = cell
    for name in _changed_benchmarks(cell, known):
      rescored.setdefault(name, {})[cell.key] = cell
  if not (remade or rescored):
    return
  said = [
    f"{name} is not what these runs were made of: {_listed(runs)}; remove these"
    " folders, and they are run again"
    for name, runs in remade.items()
  ] + [
    f"{name} is not what these runs were scored on: {_listed(runs)}; remove"
    " results.jsonl in each, and they are scored again"
    for name, runs in rescored.items()
  ]
  raise UserError(
    f"{'; '.join(said)}; or put back what was there, or set"
    " --config.checkpoint.allow_changes=True"
  )


def _listed(runs: Mapping[str, Cell]) -> str:
  return ", ".join(f"cells/{key} ({cell})" for key, cell in runs.items())


def _changed_parts(cell: Cell, known: _Known) -> Iterator[str]:
  done = state.read(cell.folder)
  before = done.made_of
  there = done.evaluated or state.last_step(cell.folder) is not None
  if before and there:
    now = _made_of(cell, known)
    yield from (n for n in now if n in before and now[n] != before[n])


def _changed_benchmarks(cell: Cell, known: _Known) -> Iterator[str]:
  """Those of which it has figures, of something else."""
  lacking = state.lacking(cell)
  evaluated = state.read(cell.folder).evaluated
  data = cell.config.data
  for name in cell.config.evaluate.benchmarks:
    if name in lacking or not evaluated[name].fingerprint:
      continue
    key = ("benchmark", name, data.mtop_dir, data.bitext_dir)
    if key not in known:
      try:
        known[key] = fingerprint(cell.config, name)
      except UserError:  # its files are not needed again
        known[key] = ""
    if known[key] not in ("", evaluated[name].fingerprint):
      yield name


def _trained_on(config: Config, name: str, known: _Known) -> str:
  key = ("trained on", name, *config.data.languages)
  if key not in known:
    cache_dir = pathlib.Path(config.cache_dir).expanduser()
    source = open_source(name, "train", config.data, cache_dir)
    known[key] = source.fingerprint
  return known[key]


def _of_files(folder: pathlib.Path, patterns: Sequence[str]) -> str:
  """Of the contents and names of a folder's files."""
  digest = hashlib.sha256()
  for path in sorted({p for glob in patterns for p in folder.glob(glob)}):
    about = path.stat()
    content = _of_file(path, about.st_size, about.st_mtime_ns)
    digest.update(f"{path.relative_to(folder)} {content}\n".encode())
  return digest.hexdigest()


@functools.cache
def _of_file(path: pathlib.Path, size: int, mtime_ns: int) -> str:
  """Of a file's content, read once; size and time tell it from a later one."""
  del mtime_ns
  digest = hashlib.sha256()
  with (
    path.open("rb") as file,
    tqdm(
      desc=f"fingerprint of {path.name}",
      total=size,
      unit="B",
      unit_scale=True,
      delay=1,
      leave=False,
    ) as bar,
  ):
    while block := file.read(_BLOCK):
      digest.update(block)
      bar.update(len(block))
  return digest.hexdigest()
