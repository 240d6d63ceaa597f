import threading

import pytest

from hybrid_ir.ahead import ahead


def test_all_items_in_order():
  assert [*ahead(iter(range(1, 50)), 3)] == [*range(1, 50)]
  assert not [*ahead(iter(()), 2)]


def test_items_are_made_before_they_are_asked_for():
  made = threading.Event()

  def items():
    yield 1
    made.set()
    yield 2

  stream = ahead(items(), 2)
  assert next(stream) == 1
  assert made.wait(10)  # nobody has asked for the second
  assert [*stream] == [2]


def test_no_more_than_that_are_made():
  made = []

  def items():
    for i in range(1, 20):
      made.append(i)
      yield i

  stream = ahead(items(), 2)
  next(stream)
  assert len(made) <= 4
  stream.close()
  assert len(made) <= 4


def test_an_error_comes_where_its_item_would():
  def items():
    yield 1
    raise ValueError("second")

  stream = ahead(items(), 3)
  assert next(stream) == 1
  with pytest.raises(ValueError, match="second"):
    next(stream)
