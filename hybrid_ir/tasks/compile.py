"""task=compile: from a config to its step's cost on a pod, printed.

No chip is needed, and nothing is run: the figures are the compiler's, and a
bound made of them.
"""

import collections
import pathlib
from collections.abc import Iterator, Sequence

from hybrid_ir.config import Config
from hybrid_ir.tasks.pod import Figures, compile_for
from hybrid_ir.training.collectives import Collective
from hybrid_ir.training.roofline import Memory, bound, utilization

_MIB = 2**20


def run(config: Config, workdir: pathlib.Path) -> None:
  """Prints memory, collectives, operations and the bound; writes nothing.

  Raises:
    UserError: a topology, mesh or batch that cannot be, or a step that does
      not fit the chips.
  """
  del workdir
  for line in describe(compile_for(config, _told), config):
    print(line)


def _told(line: str) -> None:
  print(line, flush=True)


def describe(found: Figures, config: Config) -> Iterator[str]:
  """The lines that a user reads.

  Args:
    found: of the compiled step.
    config: that was compiled.
  """
  arch, contract = found.contract.architecture, found.contract
  B = config.train.batch_size
  chips = found.mesh["data"] * found.mesh["fsdp"]
  yield (
    f"step      {arch.family}, {arch.layers} layers of {arch.hidden_size},"
    f" {found.parameters:,} parameters, computed in {config.encoder.dtype}"
  )
  yield (
    f"batch     {B:,} pairs, queries of {contract.query_length} and passages of"
    f" {contract.passage_length} tokens: {found.rows[0]:,} rows of"
    f" {found.rows[1]}, in {config.train.chunks} chunks"
  )
  yield (
    f"chips     {chips} of {found.chip.name}, mesh"
    f" {' x '.join(f'{name} {n}' for name, n in found.mesh.items())}"
  )
  yield from _memory_lines(found.memory, found.chip.memory)
  yield from _collective_lines(found.collectives)
  yield from _bound_lines(found, config, chips)


def _memory_lines(memory: Memory, capacity: int) -> Iterator[str]:
  yield "memory    of one chip, MiB"
  kinds = {
    "parameters": memory.parameters,
    "optimizer state": memory.optimizer,
    "batch": memory.batch,
    "padding": memory.padding,
    "activations, gradients": memory.temporary,
    "program": memory.code,
  }
  for name, size in kinds.items():
    yield f"  {name:24}{size / _MIB:>12,.1f}"
  of_all = memory.total / capacity
  yield (
    f"  {'in all':24}{memory.total / _MIB:>12,.1f} of"
    f" {capacity / _MIB:,.0f} ({of_all:.0%})"
  )


def _collective_lines(exchanged: Sequence[Collective]) -> Iterator[str]:
  """Alike ones together, those that send most first."""
  yield "exchange  between chips, a step: bytes of the whole array, times run"
  counts = collections.Counter(exchanged)
  for one in sorted(counts, key=lambda one: -one.sent * counts[one]):
    alike = f" ({counts[one]} alike)" if counts[one] > 1 else ""
    yield (
      f"  {one.kind:20}{' x '.join(one.axes):14}{one.bytes:>16,} x"
      f" {one.times:,}{alike}"
    )
  if not counts:
    yield "  none"


def _bound_lines(found: Figures, config: Config, chips: int) -> Iterator[str]:
  least = bound(found.chip, found.executed, found.memory, found.collectives)
  if parts := _in_part(config):
    yield f"work      {found.executed / 1e12:,.3f} TFLOP a chip"
    yield (
      f"bound     compute {least.compute * 1e3:,.2f} ms, ICI"
      f" {least.links * 1e3:,.2f} ms a step at the least; HBM's and MFU are not"
      f" known where {' and '.join(parts)} leave parameters as they are"
    )
    return
  pairs = config.train.batch_size
  used = utilization(found.chip, chips, found.needed, least.seconds)
  yield (
    f"work      {found.executed / 1e12:,.3f} TFLOP a chip, of which the model"
    f" needs {found.needed / chips / 1e12:,.3f}"
  )
  yield (
    f"bound     {least.seconds * 1e3:,.2f} ms a step at the least, by"
    f" {least.limit} (compute {least.compute * 1e3:,.2f}, HBM"
    f" {least.memory * 1e3:,.2f}, ICI {least.links * 1e3:,.2f})"
  )
  yield (
    f"          {pairs / least.seconds:,.0f} pairs/s and MFU {used:.0%} at the"
    " most; a bound, not a measurement"
  )


def _in_part(config: Config) -> list[str]:
  """The keys by which a step does not read and write the whole state."""
  adapt = config.adapt
  keys = {
    "optimizer.embeddings": config.optimizer.embeddings == "lazy",
    "adapt.freeze_embeddings": adapt.freeze_embeddings,
    "adapt.freeze_layers": adapt.freeze_layers,
    "adapt.lora_rank": adapt.lora_rank,
  }
  return [f"'{name}'" for name, is_set in keys.items() if is_set]
