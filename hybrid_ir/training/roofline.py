"""How fast a step could be on a chip. From counts, to task=compile.

The roofline (Williams, Waterman, Patterson 2009): a step takes at least as
long as its matrix products at the chip's peak, as its memory traffic at the
memory's rate, and as its messages at the links' rate. All three are taken to
overlap perfectly, and nothing else to take time: a bound, no forecast.
"""

import dataclasses
from collections.abc import Sequence

from hybrid_ir.training.collectives import Collective


@dataclasses.dataclass(frozen=True)
class Chip:
  """What a maker says of a chip."""

  name: str
  memory: int  # bytes of HBM
  flops: float  # bf16 operations a second
  memory_rate: float  # bytes a second from and to HBM
  link_rate: float  # bytes a second that it sends, over all of its links


# Google's pages, docs.cloud.google.com/tpu/docs/v5e and /v6e: HBM capacity (in
# GiB, as the compiler counts it), peak compute in bf16, HBM bandwidth, and half
# of the bidirectional interconnect bandwidth of a chip: what its four links
# send. The pages' all-reduce bandwidth of a pod is that half, times 256 chips.
CHIPS = {
  "v5e": Chip("v5e", 16 * 2**30, 197e12, 819e9, 200e9),
  "v6e": Chip("v6e", 32 * 2**30, 918e12, 1640e9, 400e9),
}


@dataclasses.dataclass(frozen=True)
class Memory:
  """Bytes of one chip's HBM that a step needs, by kind."""

  parameters: int
  optimizer: int
  batch: int
  padding: int  # of these, to whole tiles, and the step's metrics
  temporary: int  # activations, gradients, what is gathered
  code: int

  @property
  def total(self) -> int:
    """All of them; results take the place of what they are made from."""
    return (
      self.parameters
      + self.optimizer
      + self.batch
      + self.padding
      + self.temporary
      + self.code
    )

  @property
  def traffic(self) -> int:
    """Bytes that must pass between chip and HBM in a step, at the least.

    The state is read and written, the batch is read; what is temporary is
    written and read, and counts once, as if memory were never used again.
    """
    state = self.parameters + self.optimizer
    return 2 * state + self.batch + 2 * self.temporary


@dataclasses.dataclass(frozen=True)
class Bound:
  """Seconds that a step takes at the least, by what takes them."""

  compute: float
  memory: float
  links: float

  @property
  def seconds(self) -> float:
    """Of a step."""
    return max(self.compute, self.memory, self.links)

  @property
  def limit(self) -> str:
    """What takes longest."""
    times = {
      "compute": self.compute,
      "HBM": self.memory,
      "ICI": self.links,
    }
    return max(times, key=lambda name: times[name])


def bound(
  chip: Chip, flops: float, memory: Memory, exchanged: Sequence[Collective]
) -> Bound:
  """The roofline of a step.

  Args:
    chip: of which all are.
    flops: operations of one chip in a step.
    memory: of one chip.
    exchanged: the collectives of a step.
  """
  return Bound(
    compute=flops / chip.flops,
    memory=memory.traffic / chip.memory_rate,
    links=sum(one.sent for one in exchanged) / chip.link_rate,
  )


def utilization(chip: Chip, chips: int, needed: float, seconds: float) -> float:
  """MFU: operations that the model needs, of those the chips could do.

  Source: model FLOPs utilization, arXiv 2204.02311, section 4.1.

  Args:
    chip: of which all are.
    chips: how many.
    needed: operations of a step, over all chips.
    seconds: of a step.
  """
  return needed / (seconds * chips * chip.flops)
