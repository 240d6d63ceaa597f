import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data.tokens import Texts, TextsWriter, open_texts


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


@settings(deadline=None)
@given(batches=st.lists(SEQUENCES, max_size=3))
def test_written_texts_are_read_back(tmp_path_factory, batches):
  folder = tmp_path_factory.mktemp("texts")
  writer = TextsWriter(folder, "queries")
  for batch in batches:
    writer.write([np.array(tokens, np.int32) for tokens in batch])
  writer.close()
  sequences = flat(batches)
  stored = open_texts(folder, "queries")
  assert len(stored) == len(sequences)
  assert stored.tokens.tolist() == flat(sequences)
  for i, tokens in enumerate(sequences):
    gathered, _ = stored.gather(np.array([i]), 100, 0)
    assert gathered.tolist() == tokens


def test_texts_stay_on_disk(tmp_path):
  writer = TextsWriter(tmp_path, "passages")
  writer.write([np.arange(5, dtype=np.int32)])
  writer.close()
  stored = open_texts(tmp_path, "passages")
  assert isinstance(stored.tokens, np.memmap)
  with pytest.raises(ValueError, match="read-only"):
    stored.tokens[0] = 1
