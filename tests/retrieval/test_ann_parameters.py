import dataclasses

import pytest

from hybrid_ir.retrieval import ann_parameters
from hybrid_ir.retrieval.ann_tuning import Setting


@pytest.mark.parametrize(
  ("passages", "method"),
  [
    (19_999, "brute force"),
    (20_000, "hashing"),
    (99_999, "hashing"),
    (100_000, "partitions and hashing"),
  ],
)
def test_the_method_follows_the_size(passages, method):
  parameters = ann_parameters.choose(passages)
  assert parameters.method == method
  assert parameters.brute_force == (passages < 20_000)
  assert bool(parameters.leaves) == (passages >= 100_000)


def test_what_can_be_set_without_partitions():
  space = ann_parameters.space(ann_parameters.choose(30_000), 64, depth=10)
  assert space.leaves == (0,)
  assert space.rescored[0] == 10
  assert space.rescored[-1] == 1000
  assert list(space.rescored) == sorted(set(space.rescored))


def test_all_partitions_and_no_more_passages_than_there_are():
  parameters = ann_parameters.choose(100_000)
  space = ann_parameters.space(parameters, 64, depth=5000)
  assert (space.leaves[0], space.leaves[-1]) == (1, parameters.leaves)
  assert space.rescored[-1] == 100_000
  assert ann_parameters.space(parameters, 64, 200_000).rescored == (100_000,)


def test_cost_rises_with_all_that_is_looked_at():
  parameters = ann_parameters.choose(1_000_000)
  cost = ann_parameters.space(parameters, 384, depth=10).cost
  assert cost(Setting(10, 50)) < cost(Setting(20, 50))
  assert cost(Setting(10, 50)) < cost(Setting(10, 100))
  twice = dataclasses.replace(parameters, soar_lambda=1.5)
  cost_of_twice = ann_parameters.space(twice, 384, depth=10).cost
  assert cost_of_twice(Setting(10, 50)) > cost(Setting(10, 50))


def test_a_line_names_what_was_built():
  line = ann_parameters.choose(1_000_000).line()
  assert "partitions" in line
  assert "2 dimensions a block" in line
  assert ann_parameters.choose(3).line() == "brute force"
