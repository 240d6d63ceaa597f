"""Pairs of sentences as a benchmark. From `data.bitext`, to the catalog."""

from hybrid_ir.data import bitext
from hybrid_ir.data.judged import Texts
from hybrid_ir.evaluation.benchmarks import Benchmark, build, pairs
from hybrid_ir.evaluation.faults import Faults


def from_bitext(name: str, pair: str, bitext_dir: str) -> Benchmark:
  """Find each sentence's translation, in both directions.

  All sentences of both languages are queries and candidates; line i of one
  language is the gold of line i of the other. A cross task alone: in a pool
  with the query's own language the query finds itself.

  Args:
    name: of the benchmark, in results.
    pair: as `data.bitext.sides` takes it.
    bitext_dir: as `data.bitext.sides` takes it.

  Raises:
    UserError: as `data.bitext.sides`.
  """
  sides = bitext.sides(bitext_dir, pair)
  lines = len(next(iter(sides.values()))[1])
  places = [
    f"{path}:{i}" for path, _ in sides.values() for i in range(1, lines + 1)
  ]
  texts = Texts(
    [f"{language}:{i}" for language in sides for i in range(1, lines + 1)],
    [language for language in sides for _ in range(lines)],
    [text for _, side in sides.values() for text in side],
    lambda i: places[i],
  )
  return build(
    name,
    "sentence",
    texts,
    texts,
    pairs((i, (i + lines) % (2 * lines)) for i in range(2 * lines)),
    faults=Faults(),
    settings=("cross",),
  )
