import dataclasses

import pytest

from hybrid_ir.training.collectives import Collective
from hybrid_ir.training.roofline import CHIPS, Chip, Memory, bound, utilization

CHIP = Chip("a chip", memory=1000, flops=100.0, memory_rate=10.0, link_rate=5.0)
MEMORY = Memory(
  parameters=10, optimizer=20, batch=3, padding=1, temporary=40, code=2
)


def test_memory_is_summed_and_moved():
  assert MEMORY.total == 76
  assert MEMORY.traffic == 2 * (10 + 20) + 3 + 2 * 40


def test_a_step_takes_as_long_as_its_longest_part():
  exchanged = (
    Collective("all-reduce", ("data",), 4, 8, 3),  # 2 x 3 / 4 x 8 x 3 = 36
    Collective("all-gather", ("fsdp",), 2, 8, 1),  # 1 / 2 x 8 = 4
  )
  least = bound(CHIP, 500.0, MEMORY, exchanged)
  assert (least.compute, least.memory, least.links) == (5.0, 14.3, 8.0)
  assert (least.seconds, least.limit) == (14.3, "HBM")
  assert bound(CHIP, 5000.0, MEMORY, exchanged).limit == "compute"
  slow = dataclasses.replace(CHIP, link_rate=0.1)
  assert bound(slow, 500.0, MEMORY, exchanged).limit == "ICI"


def test_utilization_is_of_all_chips():
  assert utilization(CHIP, 4, needed=600.0, seconds=3.0) == 0.5


@pytest.mark.parametrize("name", CHIPS)
def test_a_pods_all_reduce_bandwidth_is_its_chips_links(name):
  # Google's pages give both; they must agree.
  of_pod = {"v5e": 51.2e12, "v6e": 102.4e12}[name]
  assert CHIPS[name].link_rate * 256 == of_pod
