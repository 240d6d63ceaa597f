"""LoRA: products of two small matrices beside the encoder's. To the step.

Source: Hu et al. 2021 (arXiv 2106.09685), section 4.1. Queries, keys and values
each have a product of their own, though their matrices are stored as one.
"""

import jax
import jax.numpy as jnp

from hybrid_ir.config import Adapt
from hybrid_ir.model.encoder import Params

_LAYERS = ("first", "layers")  # "first": ModernBERT's, apart from the stack
_FUSED = {"qkv": 3}  # matrices side by side in a kernel; else one


def init(key: jax.Array, encoder: Params, adapt: Adapt) -> Params:
  """Fresh products, all zero: training starts at the encoder's own weights.

  Args:
    key: of the random numbers.
    encoder: parameters; every kernel [..., in, out] of its layers gets a
      product, of M matrices where it holds so many side by side.
    adapt: rank r and alpha.

  Returns:
    "lora", with "a" [..., in, M, r] (normal, of variance 1 / in) and "b"
    [..., M, r, out / M] (zeros) by the kernels' names; "lora_scale", alpha / r.
  """
  products: Params = {}
  for part in _LAYERS:
    if part not in encoder:
      continue
    products[part] = {}
    for name, weights in sorted(encoder[part].items()):
      if "kernel" not in weights:
        continue
      key, own = jax.random.split(key)
      *stack, width, out = weights["kernel"].shape
      M, r = _FUSED.get(name, 1), adapt.lora_rank
      a = jax.random.normal(own, (*stack, width, M, r)) * width**-0.5
      b = jnp.zeros((*stack, M, r, out // M))
      products[part][name] = {"a": a, "b": b}
  scale = jnp.float32(adapt.lora_alpha / adapt.lora_rank)
  return {"lora": products, "lora_scale": scale}


def encoder_params(params: Params) -> Params:
  """The encoder's parameters in a state's: with LoRA, the products added.

  Args:
    params: "encoder", and what training adds to it.

  Returns:
    Parameters of the encoder's shape; where there is no LoRA, "encoder" itself.
  """
  encoder: Params = params["encoder"]
  if "lora" not in params:
    return encoder
  merged = dict(encoder)
  for part, products in params["lora"].items():
    merged[part] = dict(encoder[part])
    for name, product in products.items():
      weights = encoder[part][name]
      merged[part][name] = {
        **weights,
        "kernel": weights["kernel"]
        + params["lora_scale"] * _product(product, weights["kernel"].shape),
      }
  return merged


def _product(matrices: Params, shape: tuple[int, ...]) -> jax.Array:
  """[..., in, M, r] and [..., M, r, out / M] -> [..., in, out]."""
  return jnp.einsum(
    "...imr,...mro->...imo",
    matrices["a"],
    matrices["b"],
    precision=jax.lax.Precision.HIGHEST,
  ).reshape(shape)
