import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data.ragged import RaggedWriter
from hybrid_ir.data.tokens import Texts, open_texts


def flat(lists):
  return list(itertools.chain.from_iterable(lists))


def texts(sequences):
  offsets = np.cumsum([0, *map(len, sequences)])
  return Texts(np.array(flat(sequences), np.int32), offsets)


SEQUENCES = st.lists(st.lists(st.integers(0, 99), max_size=12), max_size=8)


@settings(deadline=None)
@given(
  sequences=SEQUENCES,
  length=st.integers(2, 14),
  suffix=st.integers(0, 2),
  data=st.data(),
)
def test_gather(sequences, length, suffix, data):
  number = st.integers(0, len(sequences) - 1)
  chosen = data.draw(st.lists(number, max_size=10)) if sequences else []
  tokens, lengths = texts(sequences).gather(
    np.array(chosen, np.int64), length, suffix
  )
  expected = []
  for text in chosen:
    tokens_of = sequences[text]
    if len(tokens_of) > length:
      end = tokens_of[len(tokens_of) - suffix :]
      tokens_of = tokens_of[: length - suffix] + end
    expected.append(tokens_of)
  assert tokens.tolist() == flat(expected)
  assert tokens.dtype == np.int32
  assert lengths.tolist() == [len(t) for t in expected]


def test_cut_by_hand():
  long = texts([[0, 11, 12, 13, 14, 2], [0, 21, 2]])
  tokens, lengths = long.gather(np.array([1, 0]), 4, 1)
  assert tokens.tolist() == [0, 21, 2, 0, 11, 12, 2]
  assert lengths.tolist() == [3, 4]
  assert long.lengths(np.array([0, 1, 0])).tolist() == [6, 3, 6]
  assert len(long) == 2


def test_stored_texts(tmp_path):
  writer = RaggedWriter(tmp_path, "queries", np.int32)
  writer.write(np.array([0, 11, 2, 0, 2], np.int32), np.array([3, 2]))
  writer.close()
  stored = open_texts(tmp_path, "queries")
  assert len(stored) == 2
  tokens, lengths = stored.gather(np.array([1, 0]), 9, 1)
  assert tokens.tolist() == [0, 2, 0, 11, 2]
  assert lengths.tolist() == [2, 3]
