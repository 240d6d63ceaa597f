import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hybrid_ir.data import epochs as epochs_lib
from hybrid_ir.data.epochs import Epochs

KEYS = st.integers(0, 2**64 - 1)


@st.composite
def sizes(draw):
  """(ids, batch size): from one batch an epoch to several."""
  batch = draw(st.integers(1, 14))
  return batch + draw(st.integers(0, 3 * batch)), batch


def make(count, batch_size, key=0):
  return np.arange(count), Epochs(count, batch_size, key)


@settings(deadline=None)
@given(size=sizes(), key=KEYS)
@example(size=(7, 7), key=0)
@example(size=(8, 7), key=0)
@example(size=(13, 7), key=0)
@example(size=(14, 7), key=0)
@example(size=(15, 7), key=0)
def test_an_epoch_holds_every_id_once(size, key):
  count, batch_size = size
  ids, epochs = make(count, batch_size, key)
  whole = math.lcm(count, batch_size)  # ends with an epoch and with a batch
  batches = [epochs.batch(i) for i in range(2 * whole // batch_size)]
  for batch in batches:
    assert batch.shape == (batch_size,)
    assert len(set(batch.tolist())) == batch_size
  for epoch in np.concatenate(batches).reshape(-1, count):
    np.testing.assert_array_equal(np.sort(epoch), ids)


@settings(deadline=None)
@given(size=sizes(), key=KEYS, data=st.data())
def test_any_batch_first(size, key, data):
  order = data.draw(st.permutations(range(12)))
  _, in_order = make(*size, key)
  _, at_random = make(*size, key)
  expected = [in_order.batch(i) for i in range(12)]
  for i in order:
    np.testing.assert_array_equal(at_random.batch(i), expected[i])


@settings(deadline=None)
@given(size=sizes(), index=st.integers(10**9, 10**9 + 1000))
def test_far_batches(size, index):
  ids, epochs = make(*size)
  batch = epochs.batch(index)
  assert len(set(batch.tolist())) == size[1]
  assert set(batch.tolist()) <= set(ids.tolist())


@pytest.mark.parametrize("index", [0, 10**3, 10**9, 10**9 + 999])
def test_a_batch_costs_a_batch(monkeypatch, index):
  positions = []

  def permute(key, asked, size):
    positions.extend(asked)
    return np.asarray(asked) % size

  monkeypatch.setattr(epochs_lib, "permute", permute)
  make(1_000_003, 64)[1].batch(index)
  assert len(positions) <= 3 * 64


def test_only_clashes_move():
  # Ids that the seam's batch holds already are deferred; the others keep the
  # order of the epoch's permutation.
  count, batch_size = 20, 6
  _, epochs = make(count, batch_size, key=1)
  stream = np.concatenate([epochs.batch(i) for i in range(10)])
  key = epochs_lib.make_key(1, 1)
  raw = epochs_lib.permute(key, np.arange(count), count)
  tail, places = stream[18:20], 4  # the seam's batch: two old, four new
  clash = np.isin(raw, tail)
  assert clash[:places].sum() == 2
  kept = np.flatnonzero(~clash)[:places]
  expected = np.concatenate([raw[kept], np.delete(raw, kept)])
  np.testing.assert_array_equal(stream[20:40], expected)


def test_epochs_and_keys_differ():
  orders = {
    tuple(make(50, 50, key)[1].batch(epoch).tolist())
    for key in (1, 2)
    for epoch in range(10)
  }
  assert len(orders) == 20
