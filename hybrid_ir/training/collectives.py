"""What chips say to each other in a step. From `hlo`, to `roofline`."""

import dataclasses
import math
import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.training.hlo import Program, Run

KINDS = (
  "all-reduce",
  "all-gather",
  "reduce-scatter",
  "all-to-all",
  "collective-permute",
)
# The share of the whole array, times (n - 1) / n on n chips, that each chip
# must send: a reduction comes back (Thakur et al. 2005, section 4).
_SENT = {"all-reduce": 2, "all-gather": 1, "reduce-scatter": 1, "all-to-all": 1}
# A TPU's reduce-scatter is an all-reduce in a fusion of this name.
_FUSED_SCATTER = "all-reduce-scatter"
# One that runs beside computation stands in several fusions: a chain. A channel
# is no name: `shard_map` gives all of its exchanges the same.
_CHAIN = re.compile(r'\bchain_id="(\d+)"')
_LISTED = re.compile(r"replica_groups=\{\{([\d,]+)\}")
_PAIRS = re.compile(r"source_target_pairs=\{(\{\d+,\d+\}(?:,\{\d+,\d+\})*)\}")
_IOTA = re.compile(
  r"replica_groups=\[([\d,]+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?"
)
_MESH = re.compile(
  r"replica_groups=mesh\[([^\]]*)\]"
  r"(?:, device_ids=\(\[([\d,]+)\](?:T\(([\d,]+)\))?\))? \{([^}]*)\}"
)


@dataclasses.dataclass(frozen=True)
class Collective:
  """One exchange between chips."""

  kind: str  # of KINDS
  axes: tuple[str, ...]  # of the mesh, along which chips exchange
  chips: int  # that exchange with each other
  bytes: int  # of the whole array: summed up, gathered or shared out
  times: int  # a step

  @property
  def sent(self) -> float:
    """Bytes that each chip must send in a step, at the least."""
    if self.kind == "collective-permute":
      return float(self.bytes * self.times)
    share = _SENT[self.kind] * (self.chips - 1) / self.chips
    return share * self.bytes * self.times


def collectives(
  program: Program, mesh: Mapping[str, int]
) -> tuple[Collective, ...]:
  """The collectives of a program, in its order.

  One that runs beside computation stands in several fusions, its start, steps
  and end: it counts once.

  Args:
    program: of one chip.
    mesh: axis -> size, in the mesh's order.

  Raises:
    ValueError: groups of chips that cannot be read.
  """
  found: dict[str, Collective] = {}
  for n, run in enumerate(program.runs()):
    kind = run.instruction.opcode.removesuffix("-start")
    if kind not in KINDS:
      continue
    chain = _CHAIN.search(run.instruction.attributes)
    key = f"chain {chain[1]}" if chain else f"run {n}"
    if key not in found:
      found[key] = _collective(kind, run, mesh)
  return tuple(one for one in found.values() if one.chips > 1)


def _collective(kind: str, run: Run, mesh: Mapping[str, int]) -> Collective:
  if kind == "all-reduce" and run.within.startswith(_FUSED_SCATTER):
    kind = "reduce-scatter"
  group = _group(run.instruction.attributes, mesh)
  size = sum(shape.bytes for shape in run.operands())
  if kind == "all-gather":  # a chip gives its part
    size *= len(group)
  return Collective(kind, _axes(group, mesh), len(group), size, run.times)


def _group(attributes: str, mesh: Mapping[str, int]) -> NDArray[np.int64]:
  """[n] the chips that one of them exchanges with, itself included."""
  if found := _LISTED.search(attributes):
    return np.array(_numbers(found[1]))
  if found := _PAIRS.search(attributes):
    # A chip passes on to one other; along which axes, any pair shows.
    return np.array(_numbers(found[1].split("}")[0].strip("{")))
  if found := _IOTA.search(attributes):
    ids = _ids(found[2], found[3])
    return ids.reshape(_numbers(found[1]))[0]
  if found := _MESH.search(attributes):
    names = re.findall(r"'([^']*)'=", found[1])
    sizes = [int(n) for n in re.findall(r"=(\d+)", found[1])]
    ids = _ids(found[2] or str(math.prod(sizes)), found[3]).reshape(sizes)
    along = re.findall(r"'([^']*)'", found[4])
    if {*along} <= {*names} and ":" not in found[4]:
      whole = tuple(slice(None) if n in along else 0 for n in names)
      return ids[whole].reshape(-1)
  if "replica_groups={}" in attributes:  # all chips
    return np.arange(math.prod(mesh.values()))
  raise ValueError(f"the groups of chips cannot be read: {attributes[:200]}")


def _ids(sizes: str, order: str | None) -> NDArray[np.int64]:
  """[n] chips counted through axes of these sizes, taken in another order."""
  shape = _numbers(sizes)
  ids = np.arange(math.prod(shape)).reshape(shape)
  return (ids.transpose(_numbers(order)) if order else ids).reshape(-1)


def _axes(group: NDArray[np.int64], mesh: Mapping[str, int]) -> tuple[str, ...]:
  """Along which axes the chips of a group differ."""
  places = np.unravel_index(group, tuple(mesh.values()))
  return tuple(
    name
    for name, place in zip(mesh, places, strict=True)
    if len(np.unique(place)) > 1
  )


def _numbers(text: str) -> list[int]:
  return [int(n) for n in text.split(",")]
