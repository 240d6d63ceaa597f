"""Items made in a thread before they are asked for. For whoever waits."""

import collections
import concurrent.futures
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T], count: int) -> Iterator[T]:
  """Yields the items in order, up to `count` of them made beforehand.

  Args:
    items: none of them None; advanced in one thread of its own.
    count: most items that wait, at least 1.

  Raises:
    Whatever `items` raises, where its item would have come.
  """
  with concurrent.futures.ThreadPoolExecutor(1) as thread:
    waiting = collections.deque(
      thread.submit(next, items, None) for _ in range(count)
    )
    while (item := waiting.popleft().result()) is not None:
      waiting.append(thread.submit(next, items, None))
      yield item
