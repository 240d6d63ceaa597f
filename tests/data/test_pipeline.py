import threading

import numpy as np
import pytest

from hybrid_ir.config import Layout, Mix
from hybrid_ir.data.batch import Batches
from hybrid_ir.data.plan import Plan
from hybrid_ir.data.records import Record

pytest.importorskip("tensorflow")


@pytest.fixture
def batches(make_corpus):
  corpus = make_corpus(
    [
      Record(
        id=str(i),
        language=language,
        query=f"{language} {i}?",
        passage=f"{language} " + "so " * i,
        where="toy",
        negatives=("no", "nor") if i % 2 else (),
      )
      for i in range(9)
      for language in ("de", "en", "zh")
    ]
  )
  return Batches(
    plan=Plan([corpus], [None], Mix(), 4, seed=1),
    corpora=[corpus],
    query_length=64,
    passage_length=256,
    layout=Layout(row_lengths=(16, 32, 64)),
    hard_negatives=2,
    suffix=1,
    rows_multiple=2,
    seed=1,
  )


def iterate(*arguments):
  from hybrid_ir.data.pipeline import iterate

  return iterate(*arguments)


@pytest.mark.parametrize("start", [0, 7, 10**9])
@pytest.mark.parametrize("workers", [1, 3])
def test_yields_every_batch_in_order(batches, start, workers):
  stop = start + 11
  steps = []
  for step, batch in iterate(batches, start, stop, workers):
    steps.append(step)
    expected = batches(step)
    assert batch.keys() == expected.keys()
    for name, array in expected.items():
      np.testing.assert_array_equal(batch[name], array, strict=True)
  assert steps == list(range(start, stop))


def test_nothing_is_left_to_do(batches):
  assert list(iterate(batches, 5, 5, 2)) == []


def test_batches_are_made_ahead(batches):
  made = threading.Event()

  def count(step):
    if step == 3:
      made.set()
    return batches(step)

  stream = iterate(count, 0, 100, 2)
  assert next(stream)[0] == 0
  assert made.wait(timeout=30)  # though nobody has asked for step 3
  stream.close()


def test_a_failing_batch_is_an_error(batches):
  def fail(step):
    if step == 2:
      raise ValueError("batch 2 cannot be made")
    return batches(step)

  with pytest.raises(Exception, match="batch 2 cannot be made"):
    list(iterate(fail, 0, 5, 1))
