"""A config to its step on a TPU pod that is not here. To `compile`.

libtpu compiles for a topology on a machine without one. Neither data nor
weights are needed: arrays are given by their shapes.
"""

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hybrid_ir.config import Config
from hybrid_ir.data.batch import OF_ROWS, OF_TEXTS, Batch, lay_out_as
from hybrid_ir.errors import UserError
from hybrid_ir.model import architecture as architecture_lib
from hybrid_ir.model import hub
from hybrid_ir.model.bi_encoder import make_bi_encoder
from hybrid_ir.model.contract import Contract, make_contract
from hybrid_ir.model.sentence_transformers import Modules, read_modules
from hybrid_ir.model.weights import read_architecture
from hybrid_ir.tasks.topology import open_topology, pod_mesh
from hybrid_ir.tasks.train_checks import check_divisible, check_frozen
from hybrid_ir.training import arithmetic
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.collectives import Collective, collectives
from hybrid_ir.training.hlo import parse
from hybrid_ir.training.roofline import Chip, Memory
from hybrid_ir.training.step import State, compile_step, make_trainer


@dataclasses.dataclass(frozen=True)
class Figures:
  """What a compiled step says."""

  chip: Chip
  mesh: dict[str, int]  # axis -> size
  contract: Contract
  parameters: int
  rows: tuple[int, int]  # R, L
  memory: Memory
  collectives: tuple[Collective, ...]
  executed: float  # operations of one chip in a step
  needed: float  # of all chips, by the model


def compile_for(
  config: Config, note: Callable[[str], None] = lambda line: None
) -> Figures:
  """Compiles a config's training step for `compile.topology`.

  Every text is taken to be as long as `text.query_length` and
  `text.passage_length` let it be.

  Args:
    config: of the run.
    note: told that compiling begins, when all is checked.

  Raises:
    UserError: an unknown topology, no libtpu, keys that do not fit together, or
      a step that does not fit the chips.
  """
  chip, devices = open_topology(config.compile.topology)
  mesh = pod_mesh(config, devices)
  check_divisible(config, mesh.devices.size)
  contract = _contract(config)
  check_frozen(config, contract.architecture.layers)
  trainer = make_trainer(config, make_bi_encoder(contract, config.encoder))
  state: State = jax.eval_shape(
    lambda: trainer.init(trainer.model.init(jax.random.key(0)))
  )
  lengths = text_lengths(config, contract)
  batch = batch_shapes(config, lengths, mesh.devices.size)
  own = {
    name: shard_bytes(mesh, state[name]) for name in ("params", "optimizer")
  }
  note(f"compiling for {config.compile.topology}; a large step takes minutes")
  lowered = compile_step(trainer, mesh, state).lower(state, batch)
  try:
    compiled = lowered.compile()
  except jax.errors.JaxRuntimeError as error:
    if "RESOURCE_EXHAUSTED" not in str(error):
      raise
    raise does_not_fit(config, chip, sum(own.values()), str(error)) from None
  rows = batch["tokens"].shape
  parts = mesh.devices.size
  memory = _memory(compiled.memory_analysis(), own, batch, parts)
  if memory.total > chip.memory:
    said = f"{memory.total / 2**30:.2f}G of {chip.memory / 2**30:.2f}G"
    raise does_not_fit(config, chip, sum(own.values()), said)
  program = parse(compiled.as_text())
  B, N = config.train.batch_size, config.loss.hard_negatives
  return Figures(
    chip,
    dict(mesh.shape),
    contract,
    sum(x.size for x in jax.tree.leaves(state["params"])),
    (rows[0], rows[1]),
    memory,
    collectives(program, mesh.shape),
    arithmetic.executed(program),
    arithmetic.needed(
      contract.architecture, lengths, B * B * (1 + N), contract.embedding_size
    ),
  )


def text_lengths(config: Config, contract: Contract) -> NDArray[np.int64]:
  """[T] tokens of queries, passages and hard negatives, all of them cut."""
  B, N = config.train.batch_size, config.loss.hard_negatives
  longest = contract.query_length, contract.passage_length
  return np.repeat(np.array(longest, np.int64), [B, B + B * N])


def batch_shapes(
  config: Config, lengths: NDArray[np.int64], devices: int
) -> dict[str, jax.ShapeDtypeStruct]:
  """A `Batch` by its shapes.

  Args:
    config: of the run.
    lengths: [T] tokens of the texts.
    devices: that share the rows.
  """
  places = lay_out_as(config.layout, lengths, devices * config.train.chunks)
  B, N = config.train.batch_size, config.loss.hard_negatives
  grid, texts = (places.rows, places.length), (len(lengths),)
  shapes: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(OF_ROWS, grid),
    **dict.fromkeys(OF_TEXTS, texts),
    "group": (B,),
    "negative_group": (B, N),
    "teacher": (B, 1 + N),
  }
  return {
    name: jax.ShapeDtypeStruct(
      shapes[name], jnp.float32 if name == "teacher" else jnp.int32
    )
    for name in Batch.__annotations__
  }


def shard_bytes(mesh: jax.sharding.Mesh, tree: Any) -> int:
  """Bytes of a tree of parameters (or of their moments) on one device."""
  shards = jax.tree.map(
    lambda x, where: math.prod(where.shard_shape(x.shape)) * x.dtype.itemsize,
    tree,
    mesh_lib.shardings(mesh, tree),
  )
  return sum(jax.tree.leaves(shards))


def does_not_fit(
  config: Config, chip: Chip, state: int, said: str
) -> UserError:
  """Says how much is asked for, and which key to change, the best first.

  Args:
    config: of the run.
    chip: that is too small.
    state: bytes of parameters and optimizer state on one chip.
    said: by the compiler; sizes in it are in GiB ("78.60G").
  """
  B, N = config.train.batch_size, config.loss.hard_negatives
  ways = []
  if state > chip.memory / 3:
    ways.append(f"raise 'mesh.fsdp' ({config.mesh.fsdp})")
  if config.encoder.remat != "full" and config.train.chunks == 1:
    ways.append(
      f"set 'encoder.remat' to 'full' (it is {config.encoder.remat!r})"
    )
  ways.append(f"raise 'train.chunks' ({config.train.chunks})")
  if 4 * config.loss.block * B * (1 + N) > chip.memory / 3:  # scores at once
    ways.append(f"lower 'loss.block' ({config.loss.block})")
  ways.append(f"lower 'train.batch_size' ({B})")
  sizes = re.findall(r"\d+(?:\.\d+)?[KMGT]\b", said)
  needs = (
    f"it needs {sizes[0]}iB, of {sizes[1]}iB"
    if sizes[1:]
    else "it needs too much"
  )
  return UserError(
    f"config key 'compile.topology' is {config.compile.topology!r}: the step"
    f" does not fit a chip's memory ({needs}); {', or '.join(ways)}"
  )


def _contract(config: Config) -> Contract:
  """Of `encoder.path`'s config.json, or from scratch."""
  if config.adapt.trim_vocabulary:
    raise UserError(
      "config key 'adapt.trim_vocabulary' is True, but task=compile reads no"
      " data that would say which tokens stay; leave it out: the whole table is"
      " compiled"
    )
  if not config.encoder.path:
    arch = architecture_lib.from_scratch(
      config.encoder, config.encoder.vocab_size
    )
    return make_contract(config, arch, "", Modules())
  folder = hub.resolve(config.encoder.path, config.encoder.revision)
  arch = read_architecture(folder, config.encoder.keep_layers)
  return make_contract(config, arch, "", read_modules(folder))


def _memory(
  said: Any,
  own: dict[str, int],
  batch: dict[str, jax.ShapeDtypeStruct],
  devices: int,
) -> Memory:
  """The compiler's sum, by kind."""
  of_batch = sum(
    math.prod(x.shape) * x.dtype.itemsize // (devices if n in OF_ROWS else 1)
    for n, x in batch.items()
  )
  results = said.output_size_in_bytes - said.alias_size_in_bytes
  known = own["params"] + own["optimizer"] + of_batch
  return Memory(
    parameters=own["params"],
    optimizer=own["optimizer"],
    batch=of_batch,
    # What the step does not read is left out of its arguments.
    padding=max(said.argument_size_in_bytes + results - known, 0),
    temporary=said.temp_size_in_bytes,
    code=said.generated_code_size_in_bytes,
  )
