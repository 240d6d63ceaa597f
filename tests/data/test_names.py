import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data.names import NamesWriter, open_names

# Any character, and halves of surrogate pairs, which JSON lets through.
NAMES = st.lists(st.text(max_size=9), max_size=9)


def stored(folder, *batches):
  writer = NamesWriter(folder, "ids")
  for names in batches:
    writer.write_names(names)
  writer.close()
  return open_names(folder, "ids")


@settings(deadline=None)
@given(first=NAMES, second=NAMES)
def test_they_are_a_sequence(tmp_path_factory, first, second):
  names = stored(tmp_path_factory.mktemp("names"), first, second)
  expected = (*first, *second)
  assert len(names) == len(expected)
  assert tuple(names) == expected
  assert names[1:-1] == expected[1:-1]
  for name in expected:
    assert name in names
    assert names.index(name) == expected.index(name)


def test_places(tmp_path):
  names = stored(tmp_path, ["q1", "", "ü\ud800"])
  assert names[-1] == names[np.int64(2)] == "ü\ud800"
  assert names[-2] == ""
  for place in (3, -4):
    with pytest.raises(IndexError):
      names[place]
