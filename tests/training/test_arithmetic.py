import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.model.architecture import Architecture
from hybrid_ir.training.arithmetic import executed, needed
from hybrid_ir.training.hlo import parse


def product(left, right, line):
  """A program of one product."""
  return parse(f"""
ENTRY %main (a: {left}, b: {right}) -> f32[] {{
  %a = {left}{{1,0:T(8,128)(2,1)}} parameter(0)
  %b = {right}{{1,0}} parameter(1)
  ROOT %c = {line}
}}
""")


@pytest.mark.parametrize(
  ("left", "right", "line", "operations"),
  [
    (
      "f32[2,3,5]",
      "f32[2,5,7]",
      "f32[2,3,7]{2,1,0} dot(%a, %b), lhs_batch_dims={0},"
      " lhs_contracting_dims={2}, rhs_batch_dims={0}, rhs_contracting_dims={1}",
      2 * (2 * 3 * 7) * 5,
    ),
    (
      "bf16[3,5]",
      "bf16[5,7]",
      "bf16[3,7]{1,0} convolution(%a, %b), dim_labels=bf_io->bf",
      2 * (3 * 7) * 5,
    ),
    (
      "bf16[3,5]",
      "bf16[7,5]",
      "bf16[3,7]{1,0} convolution(%a, %b), dim_labels=bf_oi->bf",
      2 * (3 * 7) * 5,
    ),
    (  # the highest precision, six products of halves
      "f32[3,5]",
      "f32[7,5]",
      "f32[3,7]{1,0} convolution(%a, %b), dim_labels=bf_oi->bf,"
      " operand_precision={highest,highest}",
      6 * 2 * (3 * 7) * 5,
    ),
    (  # of 16-bit numbers, highest is one product
      "bf16[3,5]",
      "bf16[7,5]",
      "f32[3,7]{1,0} convolution(%a, %b), dim_labels=bf_oi->bf,"
      " operand_precision={highest,highest}",
      2 * (3 * 7) * 5,
    ),
    (  # batched over two axes: 4 x 2 products [3, 5] by [5, 7]
      "bf16[4,2,3,5]",
      "bf16[4,2,7,5]",
      "f32[4,2,3,7]{3,2,1,0} convolution(%a, %b), window={size=4x2 stride=3x1"
      " lhs_dilate=4x2}, dim_labels=01bf_01oi->01bf",
      2 * (4 * 2 * 3 * 7) * 5,
    ),
    (
      "bf16[4,2,3,5]",
      "bf16[4,2,5,7]",
      "bf16[4,2,3,7]{3,2,1,0} convolution(%a, %b), window={size=4x2 stride=4x2"
      " pad=3_3x1_1 lhs_dilate=3x1 rhs_reversal=1x1},"
      " dim_labels=01bf_01io->01bf",
      2 * (4 * 2 * 3 * 7) * 5,
    ),
    (  # summed over two axes, of which one is a window
      "bf16[4,3,5]",
      "bf16[4,5,7]",
      "f32[1,3,7]{2,1,0} convolution(%a, %b), window={size=4},"
      " dim_labels=0bf_0io->0bf",
      2 * (3 * 7) * 4 * 5,
    ),
  ],
)
def test_a_product_is_counted(left, right, line, operations):
  assert executed(product(left, right, line)) == operations


def test_a_product_without_axes_is_refused():
  line = "f32[3,7]{1,0} convolution(%a, %b)"
  with pytest.raises(ValueError, match="without axes"):
    executed(product("f32[3,5]", "f32[5,7]", line))


def test_a_scanned_product_counts_once_a_layer():
  def step(x, ws):
    return jax.lax.scan(lambda x, w: (x @ w, None), x, ws)[0]

  shapes = jnp.zeros((16, 8)), jnp.zeros((7, 8, 8))
  compiled = jax.jit(step).lower(*shapes).compile()
  assert executed(parse(compiled.as_text())) == 7 * 2 * 16 * 8 * 8


def test_what_a_model_needs_by_hand():
  arch = Architecture("bert", 40, 8, 3, 2, 12, 16, 1, 1e-12, "gelu")
  lengths = np.array([2, 5])
  # Of a layer: q, k, v and what joins heads, 4 x 8 x 8; the MLP 2 x 8 x 12.
  products = 2 * (4 * 8 * 8 + 2 * 8 * 12) * (2 + 5)
  attention = 4 * 8 * (2 * 2 + 5 * 5)  # q by k, weights by v; in a text
  scores = 2 * 6 * 10  # six products of vectors of 10
  forward = 3 * (products + attention) + scores
  assert needed(arch, lengths, 6, 10) == 3 * forward


def test_a_local_layer_sees_its_window_alone():
  fields = ("modernbert", 40, 8, 3, 2, 12, 16, 0, 1e-5, "gelu")
  arch = Architecture(*fields, window=1, global_every=3)
  lengths = np.array([2, 5])
  products = 3 * 2 * (4 * 8 * 8 + 3 * 8 * 12) * (2 + 5)  # a gated MLP
  seen = (2 * 2 + 5 * 5) + 2 * (2 * 2 + 5 * 3)  # a global layer, two local
  assert needed(arch, lengths, 0, 8) == 3 * (products + 4 * 8 * seen)
