import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.data.components import components


def slowly(edges, nodes):
  """Spreads the lesser label over each edge until nothing changes."""
  label = list(range(nodes))
  changed = True
  while changed:
    changed = False
    for one, other in edges:
      least = min(label[one], label[other])
      changed |= label[one] != least or label[other] != least
      label[one] = label[other] = least
  return numbered(label)


def numbered(labels):
  """Labels by the order in which they first come."""
  numbers = {}
  return [numbers.setdefault(label, len(numbers)) for label in labels]


def quickly(edges, nodes):
  ends = np.array(edges, np.int64).reshape(-1, 2)
  return components(ends[:, 0], ends[:, 1], nodes).tolist()


@pytest.mark.parametrize(
  ("edges", "expected"),
  [
    ([], [0, 1, 2, 3, 4]),
    ([(4, 3), (1, 0)], [0, 0, 1, 2, 2]),
    ([(4, 0), (4, 1), (4, 2), (4, 3)], [0] * 5),
    ([(0, 4), (4, 1), (1, 3), (3, 2)], [0] * 5),
    ([(2, 2), (1, 3), (1, 3)], [0, 1, 2, 1, 3]),
  ],
)
def test_by_hand(edges, expected):
  assert quickly(edges, 5) == expected


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_as_the_slow_way_has_it(edges):
  assert quickly(edges, 20) == slowly(edges, 20)


def test_a_long_path():
  order = np.random.default_rng(0).permutation(10_000)
  assert not components(order[:-1], order[1:], 10_000).any()
