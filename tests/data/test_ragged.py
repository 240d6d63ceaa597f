import errno
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data.ragged import RaggedWriter, open_ragged

SEQUENCES = st.lists(st.lists(st.integers(0, 99), max_size=12), max_size=8)


def flat(lists):
  return list(itertools.chain.from_iterable(lists))


def write(folder, batches, dtype=np.int32):
  writer = RaggedWriter(folder, "some", dtype)
  for batch in batches:
    writer.write(np.array(flat(batch), dtype), np.array([*map(len, batch)]))
  writer.close()


@settings(deadline=None)
@given(
  batches=st.lists(SEQUENCES, max_size=3),
  dtype=st.sampled_from([np.int32, np.uint8]),
)
def test_what_is_written_is_read_back(tmp_path_factory, batches, dtype):
  folder = tmp_path_factory.mktemp("ragged")
  write(folder, batches, dtype)
  values, offsets = open_ragged(folder, "some", dtype)
  sequences = flat(batches)
  assert values.dtype == dtype
  assert len(offsets) == len(sequences) + 1
  read = [values[a:b].tolist() for a, b in itertools.pairwise(offsets)]
  assert read == sequences


def test_it_stays_on_disk(tmp_path):
  write(tmp_path, [[[1, 2, 3]]])
  values, offsets = open_ragged(tmp_path, "some", np.int32)
  for array in (values, offsets):
    assert isinstance(array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
      array[0] = 1


def test_offsets_go_beyond_32_bits(tmp_path):
  # Only the lengths are large: no values are written for them.
  writer = RaggedWriter(tmp_path, "some", np.uint8)
  for _ in range(3):
    writer.write(np.zeros(0, np.uint8), np.array([2**31 - 1, 1], np.int32))
  writer.close()
  _, offsets = open_ragged(tmp_path, "some", np.uint8)
  assert offsets[-1] == 3 * 2**31
  assert np.diff(offsets).tolist() == [2**31 - 1, 1] * 3


@pytest.mark.parametrize("name", ["some.values", "some.offsets.npy"])
def test_a_full_disk_has_its_number(tmp_path, name):
  (tmp_path / name).symlink_to("/dev/full")
  with pytest.raises(OSError, match="No space left") as caught:
    write(tmp_path, [[[1, 2, 3]]])
  assert caught.value.errno == errno.ENOSPC
