"""Batches made ahead of the loop by tf.data; the importer of TensorFlow.

From `batch`, to the loop. The dataset is `range(step, steps)` mapped through a
pure function, so resuming is starting the range elsewhere: there is no
iterator to save.
"""

import os
from collections.abc import Iterator
from typing import cast

import numpy as np

from hybrid_ir.data.batch import Batch, Batches

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before the import
os.environ.setdefault("NO_GCE_CHECK", "true")

import tensorflow as tf

_AHEAD = 4  # batches made before they are asked for


def iterate(
  batches: Batches, start: int, stop: int, workers: int
) -> Iterator[tuple[int, Batch]]:
  """Yields (step, batch) for `range(start, stop)`, in order.

  Args:
    batches: the pure function.
    start: the first step.
    stop: one past the last.
    workers: threads that make batches.
  """
  tf.config.set_visible_devices([], "GPU")  # the GPU's memory is JAX's
  names = tuple(Batch.__annotations__)
  types = [tf.float32 if name == "teacher" else tf.int32 for name in names]

  def make(step: np.int64) -> list[np.ndarray]:
    batch = cast(dict[str, np.ndarray], batches(int(step)))
    return [batch[name] for name in names]

  steps = tf.data.Dataset.range(start, stop)
  dataset = steps.map(
    lambda step: (
      step,
      *tf.numpy_function(make, [step], types),
    ),
    num_parallel_calls=workers,
    deterministic=True,
  ).prefetch(_AHEAD)
  for step, *arrays in dataset.as_numpy_iterator():
    yield int(step), cast(Batch, dict(zip(names, arrays, strict=True)))
