"""Prints what a training step costs on TPU pods that are not here.

    python bench/scaling.py [--page=docs/scaling.md] [--cells=FILE]

Needs the extra `tpu`, no TPU, no weights and no data: architectures are made of
the config.json that is written here. `task=compile` compiles each step; what
does not fit is tried again with twice the chunks. A figure is a bound, not a
measurement.

Compiling takes minutes a cell. With --cells, a file of JSON lines, each cell
is written there when it is done, and those that stand there are not compiled
again; delete the file after a change of the step.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import pathlib
import tempfile
from collections.abc import Iterator

from ours import ROOT
from tqdm import tqdm
from turns import table

from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.errors import UserError
from hybrid_ir.files import write_aside
from hybrid_ir.tasks.pod import compile_for
from hybrid_ir.training.roofline import CHIPS, bound, utilization

BERT = {
  "hidden_act": "gelu",
  "hidden_size": 768,
  "intermediate_size": 3072,
  "layer_norm_eps": 1e-05,
  "num_attention_heads": 12,
  "num_hidden_layers": 12,
  "pad_token_id": 1,
  "type_vocab_size": 1,
}
XLM_R = {
  **BERT,
  "model_type": "xlm-roberta",
  "max_position_embeddings": 514,
  "vocab_size": 250_002,
}
ENCODERS = {
  "XLM-R base": XLM_R,
  "XLM-R large": {
    **XLM_R,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
  },
  "LaBSE": {
    **BERT,
    "model_type": "bert",
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "type_vocab_size": 2,
    "vocab_size": 501_153,
  },
}
TOPOLOGIES = {
  "v5e:4x4": 16,
  "v5e:8x8": 64,
  "v5e:16x16": 256,
  "v6e:8x8": 64,
}
BATCHES = (1024, 8192, 65_536)
# Rows of 256 tokens that a v5e encodes at once, to begin with; others by their
# memory.
_ROWS = {"XLM-R base": 80, "XLM-R large": 10, "LaBSE": 40}
_TRIES = 3
_PAIRS_A_ROW = 4 / 5  # a passage fills a row; four queries another
BEGIN, END = "<!-- scaling -->", "<!-- end -->"
HEAD = [
  "encoder",
  "chips",
  "pairs",
  "chunks",
  "fsdp",
  "state",
  "activations",
  "in all, GiB",
  "compute",
  "HBM",
  "ICI, ms",
  "pairs/s ≤",
  "MFU ≤",
]


def make_config(
  folder: pathlib.Path, topology: str, pairs: int, chunks: int, fsdp: int
) -> Config:
  """A run in bfloat16, queries of 64 and passages of 256 tokens."""
  config = Config()
  config.task = "compile"
  config.encoder.path = str(folder)
  config.encoder.dtype = "bfloat16"
  config.text.query_length, config.text.passage_length = 64, 256
  config.layout.row_lengths = (256,)
  config.train.batch_size = pairs
  config.train.chunks = chunks
  config.mesh.fsdp = fsdp
  config.compile.topology = topology
  check(config)
  return config


def measure(
  encoder: str, folder: pathlib.Path, topology: str, pairs: int
) -> list[str]:
  """A cell's row: of the first setting that fits, or what the last one said."""
  chips = TOPOLOGIES[topology]
  kind = topology.split(":")[0]
  rows = pairs / _PAIRS_A_ROW / chips
  at_once = _ROWS[encoder] * CHIPS[kind].memory / CHIPS["v5e"].memory
  chunks = 1
  while rows / chunks > at_once:
    chunks *= 2
  name = [encoder, f"{chips} {kind}", f"{pairs:,}"]
  for _ in range(_TRIES):
    config = make_config(folder, topology, pairs, chunks, fsdp=1)
    try:
      found = compile_for(config)
    except UserError as error:
      said = str(error)
      if "does not fit" not in said:
        raise
      chunks *= 2
      continue
    least = bound(found.chip, found.executed, found.memory, found.collectives)
    used = utilization(found.chip, chips, found.needed, least.seconds)
    memory = found.memory
    sizes = (
      memory.parameters + memory.optimizer,
      memory.temporary,
      memory.total,
    )
    times = (least.compute, least.memory, least.links)
    return [
      *name,
      str(chunks),
      str(config.mesh.fsdp),
      *(f"{size / 2**30:.1f}" for size in sizes),
      *(f"{seconds * 1e3:,.1f}" for seconds in times),
      f"{pairs / least.seconds:,.0f}",
      f"{used:.0%}",
    ]
  needs = said[said.index("(") + 1 : said.index(")")]
  return [*name, str(chunks), "1", f"does not fit: {needs}", *[""] * 7]


@contextlib.contextmanager
def folders() -> Iterator[dict[str, pathlib.Path]]:
  """Gives each encoder's folder, of a config.json alone."""
  with tempfile.TemporaryDirectory() as root:
    made = {}
    for number, (name, fields) in enumerate(ENCODERS.items()):
      made[name] = pathlib.Path(root) / str(number)
      made[name].mkdir()
      (made[name] / "config.json").write_text(json.dumps(fields))
    yield made


def write_page(path: pathlib.Path, rows: list[list[str]]) -> None:
  """Puts the table between the page's marks."""
  versions = ", ".join(
    f"{name} {importlib.metadata.version(name)}" for name in ("jax", "libtpu")
  )
  stamp = f"{versions}; {datetime.date.today()}."
  page = path.read_text(encoding="utf-8")
  before, rest = page.split(BEGIN)
  _, after = rest.split(END)
  block = f"{BEGIN}\n{stamp}\n\n{table(HEAD, rows)}\n{END}"
  with write_aside(path) as aside:
    aside.write_text(before + block + after, encoding="utf-8")


def main() -> None:
  """Compiles every cell that is not there, and writes the table."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument(
    "--page", type=pathlib.Path, default=ROOT / "docs" / "scaling.md"
  )
  parser.add_argument("--cells", type=pathlib.Path, help="what is done already")
  names = {"nargs": "+", "metavar": "NAME"}
  parser.add_argument("--encoders", **names, default=[*ENCODERS])
  parser.add_argument("--topologies", **names, default=[*TOPOLOGIES])
  parser.add_argument("--batches", type=int, nargs="+", default=[*BATCHES])
  options = parser.parse_args()
  done = {}
  if options.cells and options.cells.exists():
    for line in options.cells.read_text(encoding="utf-8").splitlines():
      key, row = json.loads(line)
      done[tuple(key)] = row
  cells = [
    (encoder, topology, pairs)
    for encoder in options.encoders
    for topology in options.topologies
    for pairs in options.batches
  ]
  with folders() as made:
    for cell in tqdm(cells, disable=None):
      if cell in done:
        continue
      encoder, topology, pairs = cell
      done[cell] = measure(encoder, made[encoder], topology, pairs)
      if options.cells:
        with options.cells.open("a", encoding="utf-8") as file:
          file.write(json.dumps([cell, done[cell]]) + "\n")
  order = {name: place for place, name in enumerate((*ENCODERS, *TOPOLOGIES))}
  kept = sorted(
    done, key=lambda cell: (order[cell[0]], order[cell[1]], cell[2])
  )
  rows = [done[cell] for cell in kept]
  print(table(HEAD, rows))
  write_page(options.page, rows)


if __name__ == "__main__":
  main()
