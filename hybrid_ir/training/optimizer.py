"""AdamW, its schedule and its masks; the only importer of optax. To `step`."""

from typing import Any, TypeAlias

import jax
import optax

from hybrid_ir.config import Optimizer

Transformation: TypeAlias = optax.GradientTransformation


def learning_rate(config: Optimizer, steps: int) -> optax.Schedule:
  """Step (0 for the first) -> learning rate."""
  if config.schedule == "constant":
    warmup = round(config.warmup)
    decay = optax.constant_schedule(config.learning_rate)
  else:
    warmup = round(config.warmup * steps)
    rest = max(steps - warmup, 1)
    decay = (
      optax.cosine_decay_schedule(config.learning_rate, rest)
      if config.schedule == "cosine"
      else optax.linear_schedule(config.learning_rate, 0.0, rest)
    )
  rise = optax.linear_schedule(0.0, config.learning_rate, max(warmup, 1))
  # A rate of 0 at step 0 would waste it: the warm-up's first step is 1 / n.
  return optax.join_schedules([lambda step: rise(step + 1), decay], [warmup])


def make_optimizer(config: Optimizer, steps: int) -> Transformation:
  """AdamW (arXiv 1711.05101) after clipping by the global norm."""
  clip = (
    optax.clip_by_global_norm(config.clip_norm)
    if config.clip_norm
    else optax.identity()
  )
  return optax.chain(
    clip,
    optax.adamw(
      learning_rate(config, steps),
      b1=config.beta1,
      b2=config.beta2,
      eps=config.epsilon,
      weight_decay=config.weight_decay,
      mask=decay_mask,
    ),
  )


def update(
  transformation: Transformation, gradients: Any, state: Any, params: Any
) -> tuple[Any, Any]:
  """One step down the gradients: the new parameters, and the new state."""
  updates, state = transformation.update(gradients, state, params)
  return optax.apply_updates(params, updates), state


def global_norm(tree: Any) -> jax.Array:
  """The Euclidean norm over all arrays of a tree."""
  return optax.tree.norm(tree)


def decay_mask(params: Any) -> Any:
  """True for the parameters that decay: all but biases, norms, temperature.

  Told by the names that our own modules give ("bias"; "scale" is a norm's).
  """

  def decays(path: tuple[Any, ...], _: Any) -> bool:
    return path[-1].key not in ("bias", "scale", "log_inverse_temperature")

  return jax.tree_util.tree_map_with_path(decays, params)
