"""A step's matrix products, counted. From `hlo` and a layout, to `roofline`.

Two counts: what a chip does, recomputation and padding and copies of the same
work included; and what the model asks for, which MFU is made of. Norms,
softmax, AdamW and other work on single elements count nothing in either.
"""

import math
import re

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.model.architecture import Architecture
from hybrid_ir.training.hlo import Program, Run, Shape

# Passes of a bf16 matrix unit for a float32 product, by its precision (JAX's
# `Precision`: DEFAULT rounds to bf16; HIGH splits a number in two, HIGHEST in
# three).
_PASSES = {"highest": 6, "high": 3}
_BACKWARD = 2  # a product's two gradients cost as much each as the product


def executed(program: Program) -> float:
  """Floating-point operations of one chip's matrix products in a step.

  A loop's body counts as often as it runs. A float32 product that is made of
  several bf16 products counts as these.

  Raises:
    ValueError: a product whose axes cannot be read.
  """
  return float(sum(_of_run(run) for run in program.runs()))


def _of_run(run: Run) -> int:
  opcode = run.instruction.opcode
  if opcode not in ("dot", "convolution"):
    return 0
  left, right = run.operands()[:2]
  attributes = run.instruction.attributes
  if opcode == "dot":
    contracted = _contracted(attributes, left)
  else:
    contracted = _convolved(attributes, right)
  passes = 1
  if left.dtype == right.dtype == "f32":
    precision = re.search(r"operand_precision=\{(\w+)", attributes)
    passes = _PASSES.get(precision[1], 1) if precision else 1
  size = run.instruction.shapes[0].size
  return 2 * size * contracted * passes * run.times


def _contracted(attributes: str, left: Shape) -> int:
  """Terms of each sum of a `dot`."""
  found = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", attributes)
  if found is None:
    raise ValueError(f"a product without axes: {attributes[:200]}")
  return math.prod(left.dims[int(n)] for n in found[1].split(",") if n)


def _convolved(attributes: str, right: Shape) -> int:
  """Terms of each sum of a `convolution`, as which a TPU does all products.

  A batched product's batch axes are a window over dilated operands, of which
  one element at a time is no zero: they add no terms. A window over plain
  operands sums over its axis.
  """
  labels = re.search(r"dim_labels=\w+_(\w+)->", attributes)
  if labels is None:
    raise ValueError(f"a product without axes: {attributes[:200]}")
  terms = right.dims[labels[1].index("i")]
  window = re.search(r"window=\{([^}]*)\}", attributes)
  if window is None:
    return terms
  fields = dict(re.findall(r"(\w+)=([\w-]+)", window[1]))
  if "pad" in fields or "lhs_dilate" in fields or "rhs_dilate" in fields:
    return terms
  return terms * math.prod(int(n) for n in fields["size"].split("x"))


def needed(
  arch: Architecture,
  lengths: NDArray[np.int64],
  scores: int,
  embedding_size: int,
) -> float:
  """Operations that a step's model asks for: forward, and twice that backward.

  A token costs 2 operations for each entry of a layer's kernels, and 4 D for
  each token that it attends to (arXiv 2204.02311, appendix B); a score 2 for
  each of its dimensions. Padding, recomputation, pooling and dense layers count
  nothing.

  Args:
    arch: of the encoder.
    lengths: [T] tokens of the batch's texts.
    scores: products of a query and a passage in the loss.
    embedding_size: E.
  """
  D, F = arch.hidden_size, arch.intermediate_size
  gated = arch.family == "modernbert"
  kernels = 4 * D * D + (3 if gated else 2) * D * F
  tokens = int(lengths.sum())
  layers = range(arch.layers)
  seen = sum(
    int((lengths * _seen(arch, layer, lengths)).sum()) for layer in layers
  )
  forward = 2.0 * kernels * tokens * arch.layers + 4.0 * D * seen
  return (1 + _BACKWARD) * (forward + 2.0 * scores * embedding_size)


def _seen(
  arch: Architecture, layer: int, lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
  """[T] tokens that a token of each text attends to, at the most."""
  if arch.is_global(layer):
    return lengths
  return np.minimum(lengths, 2 * arch.window + 1)
