import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.data.permutation import hash_counters, make_key, permute, uniform

KEYS = st.integers(0, 2**64 - 1)


@given(size=st.integers(1, 3000), key=KEYS)
def test_bijection(size, key):
  images = permute(key, np.arange(size), size)
  np.testing.assert_array_equal(np.sort(images), np.arange(size))


@given(size=st.integers(1, 300), key=KEYS, data=st.data())
def test_a_position_does_not_need_the_others(size, key, data):
  some = np.array(
    data.draw(st.lists(st.integers(0, size - 1), max_size=20)), np.int64
  )
  whole = permute(key, np.arange(size), size)
  np.testing.assert_array_equal(permute(key, some, size), whole[some])


@pytest.mark.parametrize("size", [2**32 - 1, 2**40 + 1, 10**15])
def test_large_domains(size):
  positions = np.concatenate([np.arange(2000), size - 1 - np.arange(2000)])
  images = permute(make_key("large"), positions, size)
  assert len(set(images.tolist())) == len(positions)
  assert images.min() >= 0
  assert images.max() < size
  assert abs(images.mean() / size - 0.5) < 0.02


def test_known_values():
  # What a run was trained on follows from these: they may never change.
  assert make_key(7, "epochs", 3) == 0xB3C6AE2842CF9354
  assert permute(1, np.arange(8), 8).tolist() == [6, 1, 4, 3, 5, 2, 7, 0]
  assert hash_counters(1, np.arange(2)).tolist() == [
    0xBFEF8030DDC2D772,
    0x5E41AB087439611E,
  ]
  assert uniform(1, np.arange(2)).tolist() == [
    (0xBFEF8030DDC2D772 >> 11) / 2**53,
    (0x5E41AB087439611E >> 11) / 2**53,
  ]


def test_key_parts_stay_apart():
  keys = [
    make_key(*parts)
    for parts in [
      ("ab",),
      ("a", "b"),
      ("b", "a"),
      ("a", "b", ""),
      (1, 23),
      (12, 3),
    ]
  ]
  assert len(set(keys)) == len(keys)


def test_every_order_is_alike():
  # 3,000 keys over the 6 orders of 3: 500 each, and chi-squared with 5
  # degrees of freedom is under 20.5 in 999 of 1,000 cases.
  orders = [
    tuple(permute(make_key("orders", key), np.arange(3), 3).tolist())
    for key in range(3000)
  ]
  counts = [orders.count(order) for order in itertools.permutations(range(3))]
  assert sum((count - 500) ** 2 / 500 for count in counts) < 20.5


def test_keys_give_unrelated_orders():
  size = 4096
  a, b = (permute(key, np.arange(size), size) for key in (1, 2))
  assert (a == b).sum() < 10  # one is expected
  assert abs(np.corrcoef(a, b)[0, 1]) < 0.06
  assert abs(np.corrcoef(a, np.arange(size))[0, 1]) < 0.06


def test_uniform_is_flat():
  draws = uniform(make_key("flat"), np.arange(160_000))
  assert draws.min() >= 0
  assert draws.max() < 1
  counts, _ = np.histogram(draws, bins=16, range=(0, 1))
  # Chi-squared with 15 degrees of freedom, 999 in 1,000.
  assert ((counts - 10_000.0) ** 2 / 10_000).sum() < 37.7
  assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.01
  other = uniform(make_key("other"), np.arange(160_000))
  assert abs(np.corrcoef(draws, other)[0, 1]) < 0.01


def test_uniform_keeps_the_shape():
  counters = np.arange(6).reshape(2, 3)
  np.testing.assert_array_equal(
    uniform(5, counters), uniform(5, np.arange(6)).reshape(2, 3)
  )
