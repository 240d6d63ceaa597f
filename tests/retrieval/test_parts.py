import os
import subprocess
import sys

import numpy as np
import pytest

from hybrid_ir.retrieval import parts
from hybrid_ir.retrieval.blocks import Places

from ..free_ports import free_port

# Each process finds its own number as the shard, and what it was sent, to the
# last bit, as rows and scores: of tiny numbers, -0.0 and numbers near 3e38.
CODE = """
import contextlib, sys
import jax, numpy as np
number, port = int(sys.argv[1]), sys.argv[2]
jax.distributed.initialize(f"127.0.0.1:{port}", 2, number)
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import parts
from hybrid_ir.retrieval.blocks import Places

def find(queries):
  shards = np.full((len(queries), 3), number, np.int32)
  return Places(shards, queries.view(np.int32), queries)

def check(ask, queries):
  for process, places in enumerate(ask(queries)):
    assert places.shards.tolist() == [[process] * 3] * len(queries)
    assert places.rows.tobytes() == queries.tobytes()
    assert places.scores.tobytes() == queries.tobytes()

row = np.array([1e-45, -0.0, 3e38], np.float32)
if number:
  parts.answer(find, 3)
  parts.answer(find, 3)
else:
  with parts.asked(find) as ask:
    for count in (1, parts.QUERIES, 7):
      check(ask, np.tile(row, (count, 1)) * np.float32(1 - count % 2 * 2))
  with contextlib.suppress(UserError), parts.asked(find) as ask:
    check(ask, row[None])
    raise UserError("the others must hear of it")
print("done")
"""


def test_one_process_asks_itself():
  places = Places(*np.zeros((3, 2, 5), np.int32))
  with parts.asked(lambda queries: places) as ask:
    assert ask(np.ones((2, 4), np.float32)) == [places]


def test_two_processes_find_and_end_together():
  port = free_port()
  started = [
    subprocess.Popen(
      [sys.executable, "-c", CODE, str(number), str(port)],
      env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for number in range(2)
  ]
  try:
    for process in started:
      output, errors = process.communicate(timeout=1200)
      # Gloo says on stdout that it is connected.
      assert process.returncode == 0, errors[-3000:]
      assert output.endswith("done\n")
  finally:
    for process in started:
      process.kill()


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_the_others_are_told_of_the_end_whatever_happens(monkeypatch, error):
  told = []
  monkeypatch.setattr(parts.processes, "count", lambda: 2)
  monkeypatch.setattr(
    parts.processes, "tell", lambda _, text: told.append(text)
  )
  with pytest.raises(error), parts.asked(lambda queries: None):
    raise error
  assert told == ["0"]
