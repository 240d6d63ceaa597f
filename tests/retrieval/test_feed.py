import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.config import Layout
from hybrid_ir.data.tokenizer import train_unigram
from hybrid_ir.data.tokens import Texts
from hybrid_ir.retrieval import feed as feed_lib
from hybrid_ir.retrieval.feed import Feed

WORDS = ("der", "zug", "fährt", "nach", "norden", "wenn", "es", "regnet")
TOKENIZER = train_unigram([" ".join(WORDS)] * 3, vocab_size=64)


def make_feed(
  tokens_per_batch=64, rows_multiple=1, row_lengths=(16, 32), **layout
):
  layout = {"texts_per_row": 3, **layout, "row_lengths": row_lengths}
  return Feed(TOKENIZER, Layout(**layout), tokens_per_batch, rows_multiple)


def texts_of(sizes):
  return [" ".join(WORDS[(i + j) % 8] for j in range(n)) for i, n in sizes]


def read(batch):
  """The token sequences of a batch's arrays, by text number."""
  numbers, arrays = batch
  for nth, number in enumerate(numbers.tolist()):
    row, start = arrays["text_row"][nth], arrays["text_start"][nth]
    mine = arrays["segments"][row] == arrays["text_segment"][nth]
    columns = np.flatnonzero(mine)
    assert columns[0] == start
    assert arrays["positions"][row][columns].tolist() == [*range(len(columns))]
    yield number, arrays["tokens"][row][columns].tolist()


@settings(deadline=None, max_examples=50)
@given(
  sizes=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 20)), max_size=60),
  tokens_per_batch=st.sampled_from([1, 64, 200]),
  rows_multiple=st.sampled_from([1, 2, 4]),
  packing=st.booleans(),
)
def test_every_text_comes_once_and_whole(
  sizes, tokens_per_batch, rows_multiple, packing
):
  texts = texts_of(sizes)
  feed = make_feed(tokens_per_batch, rows_multiple, packing=packing)
  found = {}
  for batch in feed(texts, length=32):
    for number, tokens in read(batch):
      assert number not in found
      found[number] = tokens
    assert batch[1]["tokens"].shape[0] % rows_multiple == 0
  whole = [tokens.tolist()[:32] for tokens in TOKENIZER.encode(texts)]
  for number, tokens in enumerate(whole):
    assert len(found[number]) == len(tokens)
    assert found[number][:-1] == tokens[:-1]
  assert len(found) == len(texts)


def test_no_batch_is_empty():
  """641 rows are laid out in 656: the last fifteen hold nothing."""
  feed = make_feed(tokens_per_batch=32, row_lengths=(16,), texts_per_row=1)
  texts = texts_of((i, 12) for i in range(641))
  sizes = [len(numbers) for numbers, _ in feed(texts, length=16)]
  assert sizes == [2] * 320 + [1]


@pytest.mark.parametrize("length", [4, 8, 32])
def test_a_long_text_is_cut_as_training_cuts_it(length):
  text = " ".join(WORDS * 2)
  (tokens,) = TOKENIZER.encode([text])
  assert len(tokens) > length
  stored = Texts(tokens, np.array([0, len(tokens)]))
  trained_on, _ = stored.gather(np.array([0]), length, TOKENIZER.suffix)
  ((_, cut),) = read(next(make_feed()([text], length)))
  assert cut == trained_on.tolist()
  assert cut[-1] == tokens[-1]  # it is closed


def test_full_batches_have_one_shape_a_row_length(monkeypatch):
  monkeypatch.setattr(feed_lib, "_WINDOW", 16)
  rng = np.random.default_rng(0)
  sizes = rng.choice([0, 1, 8], 300, p=[0.5, 0.4, 0.1])
  texts = texts_of(enumerate(sizes.tolist()))
  batches = [arrays for _, arrays in make_feed()(texts, 32)]
  assert {x["tokens"].shape[1] for x in batches} == {16, 32}
  for row_length, rows in ((16, 4), (32, 2)):
    mine = [x for x in batches if x["tokens"].shape[1] == row_length]
    *full, last = mine
    assert {x["tokens"].shape for x in full} == {(rows, row_length)}
    assert last["tokens"].shape[0] in (1, 2, rows)
    assert {len(x["text_row"]) for x in full} == {3 * rows}


def test_texts_that_half_fill_a_row_go_into_longer_rows():
  """Alone in its row each of them would leave a third of it empty."""
  texts = [" ".join(WORDS[:3])] * 8
  (tokens,) = TOKENIZER.encode(texts[:1])
  assert 8 < len(tokens) <= 16
  ((_, packed),) = make_feed(tokens_per_batch=1024)(texts, 32)
  assert packed["tokens"].shape[1] == 32
  ((_, alone),) = make_feed(tokens_per_batch=1024, packing=False)(texts, 32)
  assert alone["tokens"].shape[1] == 16


def test_no_texts_no_batches():
  assert not [*make_feed()([], 32)]
