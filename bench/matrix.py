"""Prints the best rates of matrix products by JAX, PyTorch and numpy.

    python bench/matrix.py [--rounds=5]   # extra: bench

The libraries take turns. A rate is that of the size at which a library is best,
the median of the rounds with the quartiles; a product of [M, K] and [K, N] is
2 M K N operations. numpy has no bfloat16.

The second table is of the products that a layer of e5-small computes in a
training step on 2,048 tokens (16 rows of 128), by JAX in float32: each alone,
and the rate of all of them together, as often as a step has them.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from turns import spread, table, take_turns

from hybrid_ir.allocator import keep_memory

# [M, K] x [K, N]; the first is e5-small's feed-forward on 2,048 tokens.
SIZES = ((2048, 384, 1536), (1024, 1024, 1024), (2048, 2048, 2048))
TOKENS, ROW = 2048, 128  # of a step; of a row
D, F, HEADS = 384, 1536, 12  # of e5-small
_SECONDS = 0.2  # of one measurement, at the least


def products(dtype: str) -> dict[str, list[Callable[[], float]]]:
  """By library, functions that measure GFLOP/s once, one a size."""
  by_library = {"JAX": _jax, "PyTorch": _torch}
  if dtype == "float32":
    by_library["numpy"] = _numpy
  rng = np.random.default_rng(0)
  found: dict[str, list[Callable[[], float]]] = {}
  for library, make in by_library.items():
    found[library] = []
    for M, K, N in SIZES:
      x = rng.standard_normal((M, K), np.float32)
      y = rng.standard_normal((K, N), np.float32)
      found[library].append(_timed(make(x, y, dtype), 2e-9 * M * K * N))
  return found


def best_rates(dtype: str, rounds: int) -> dict[str, np.ndarray]:
  """By library, GFLOP/s of the rounds at its best size: [rounds]."""
  made = products(dtype)
  variants = {
    f"{library} {dtype} {size}": measure
    for library, measures in made.items()
    for size, measure in zip(SIZES, measures, strict=True)
  }
  found = take_turns(variants, rounds)
  return {
    library: max(
      (found[f"{library} {dtype} {size}"] for size in SIZES), key=np.median
    )
    for library in made
  }


def layer_products() -> dict[str, list[tuple[float, Callable[[], float]]]]:
  """By kind, (GFLOP, what measures GFLOP/s) of a layer's products."""
  weights = [(D, 3 * D), (D, D), (D, F), (F, D)]
  batch = TOKENS // ROW, HEADS
  head = D // HEADS
  shapes: dict[str, list[tuple[str, tuple[int, ...], tuple[int, ...]]]] = {
    "forward": [("ti,io->to", (TOKENS, i), (i, o)) for i, o in weights],
    "gradient of the states": [
      ("to,io->ti", (TOKENS, o), (i, o)) for i, o in weights
    ],
    "gradient of the weights": [
      ("ti,to->io", (TOKENS, i), (TOKENS, o)) for i, o in weights
    ],
    "attention, forward": [
      ("rhqd,rhkd->rhqk", (*batch, ROW, head), (*batch, ROW, head)),
      ("rhqk,rhkd->rhqd", (*batch, ROW, ROW), (*batch, ROW, head)),
    ],
    "attention, gradients": [
      ("rhqd,rhkd->rhqk", (*batch, ROW, head), (*batch, ROW, head)),
      ("rhqk,rhqd->rhkd", (*batch, ROW, ROW), (*batch, ROW, head)),
      ("rhqk,rhkd->rhqd", (*batch, ROW, ROW), (*batch, ROW, head)),
      ("rhqk,rhqd->rhkd", (*batch, ROW, ROW), (*batch, ROW, head)),
    ],
  }
  return {
    kind: [_einsum(*product) for product in products]
    for kind, products in shapes.items()
  }


def layer_table(rounds: int) -> str:
  """The rates of a layer's products, as shares of the best product's."""
  kinds = layer_products()
  variants = {
    f"{kind} {n}": measure
    for kind, products in kinds.items()
    for n, (_, measure) in enumerate(products)
  }
  found = take_turns(variants, rounds)
  best = best_rates("float32", rounds)["JAX"]
  gflop = {
    kind: sum(count for count, _ in products)
    for kind, products in kinds.items()
  }
  seconds = {
    kind: sum(
      (count / found[f"{kind} {n}"] for n, (count, _) in enumerate(products)),
      np.zeros(rounds),
    )
    for kind, products in kinds.items()
  }
  gflop["all"] = sum(gflop.values())
  seconds["all"] = sum(seconds.values(), np.zeros(rounds))
  rows = [
    [
      kind,
      f"{gflop[kind]:.2f}",
      spread(gflop[kind] / seconds[kind], 0),
      spread(gflop[kind] / seconds[kind] / best),
    ]
    for kind in gflop
  ]
  head = ["a layer's products", "GFLOP", "GFLOP/s", "of the best product's"]
  return table(head, rows)


def _einsum(
  spec: str, x_shape: tuple[int, ...], y_shape: tuple[int, ...]
) -> tuple[float, Callable[[], float]]:
  """GFLOP of a product, and what measures its GFLOP/s."""
  import jax
  import jax.numpy as jnp

  rng = np.random.default_rng(0)
  x = jnp.asarray(rng.standard_normal(x_shape, np.float32))
  y = jnp.asarray(rng.standard_normal(y_shape, np.float32))
  product = jax.jit(lambda x, y: jnp.einsum(spec, x, y))
  inputs, _ = spec.split("->")
  one, other = inputs.split(",")
  sizes = dict(zip(one + other, x_shape + y_shape, strict=True))
  gflop = 2e-9 * float(np.prod([*sizes.values()]))
  return gflop, _timed(lambda: product(x, y).block_until_ready(), gflop)


def _timed(run: Callable[[], object], gflop: float) -> Callable[[], float]:
  """GFLOP/s of what `run` computes, over `_SECONDS` or more."""

  def measure() -> float:
    count, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < _SECONDS:
      run()
      count += 1
    return count * gflop / seconds

  return measure


def _jax(x: np.ndarray, y: np.ndarray, dtype: str) -> Callable[[], object]:
  import jax
  import jax.numpy as jnp

  a, b = jnp.asarray(x, dtype), jnp.asarray(y, dtype)
  product = jax.jit(jnp.matmul)
  return lambda: product(a, b).block_until_ready()


def _torch(x: np.ndarray, y: np.ndarray, dtype: str) -> Callable[[], object]:
  import torch

  kind = getattr(torch, dtype)
  a, b = torch.from_numpy(x).to(kind), torch.from_numpy(y).to(kind)
  return lambda: a @ b


def _numpy(x: np.ndarray, y: np.ndarray, dtype: str) -> Callable[[], object]:
  assert dtype == "float32"
  return lambda: x @ y


def main() -> None:
  """Prints a row a library and precision."""
  keep_memory()  # as the command does
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--rounds", type=int, default=5)
  options = parser.parse_args()
  rows = []
  for dtype in ("float32", "bfloat16"):
    rates = best_rates(dtype, options.rounds)
    base = rates["PyTorch"]
    for library, rate in rates.items():
      rows.append([library, dtype, spread(rate, 0), spread(rate / base)])
  head = ["", "precision", "GFLOP/s", "× PyTorch"]
  print(table(head, rows))
  print(layer_table(options.rounds))


if __name__ == "__main__":
  main()
