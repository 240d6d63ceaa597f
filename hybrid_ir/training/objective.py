"""What is minimised, as the config mixes it. From embeddings, to the step."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from hybrid_ir.config import Loss
from hybrid_ir.model.pooling import normalize
from hybrid_ir.training.distillation import divergence
from hybrid_ir.training.loss import contrastive_loss

Arrays = Mapping[str, jax.Array]  # a `Batch` on device


def objective(
  texts: jax.Array,
  batch: Arrays,
  inverse_temperature: jax.Array,
  config: Loss,
  *,
  normalized: bool,
  mesh: Mesh | None = None,
) -> tuple[jax.Array, jax.Array]:
  """The loss of a batch's embeddings.

  With `matryoshka`, the mean of the losses of the leading dimensions, and of
  all (arXiv 2205.13147, equation 1, all weights alike).

  Args:
    texts: [T, E] embeddings: queries, passages, hard negatives.
    batch: what they are the texts of.
    inverse_temperature: scalar that scores are multiplied by.
    config: what is mixed.
    normalized: whether embeddings have length 1; leading dimensions alone are
      then given it, too.
    mesh: devices that share the queries; None: the compiler's choice.

  Returns:
    The scalar loss, and the share of queries whose positive ranks first (by
    all dimensions).
  """
  loss, first = _of_size(texts, batch, inverse_temperature, config, mesh)
  if not config.matryoshka:
    return loss, first
  losses = [loss]
  for size in config.matryoshka:
    leading = texts[:, :size]
    if normalized:
      leading = normalize(leading)
    one, _ = _of_size(leading, batch, inverse_temperature, config, mesh)
    losses.append(one)
  return jnp.mean(jnp.stack(losses)), first


def _of_size(
  texts: jax.Array,
  batch: Arrays,
  inverse_temperature: jax.Array,
  config: Loss,
  mesh: Mesh | None,
) -> tuple[jax.Array, jax.Array]:
  """InfoNCE, and with `distillation` = w the teacher's part in it.

  A pair that the teacher has scored (`divergence` says which) gives
  (1 - w) InfoNCE + w KL, any other its InfoNCE; the loss is their mean.
  """
  B, N = batch["negative_group"].shape
  queries, passages, negatives = texts[:B], texts[B : 2 * B], texts[2 * B :]
  present = batch["text_segment"][2 * B :].reshape(B, N) > 0
  weights, distilled = None, None
  if config.distillation:
    divergences, counts = divergence(
      queries,
      passages,
      negatives,
      batch["teacher"],
      present,
      inverse_temperature,
      config.teacher_temperature,
    )
    weights = jnp.where(counts, 1 - config.distillation, 1)
    distilled = config.distillation * jnp.mean(divergences)
  loss, first = contrastive_loss(
    queries,
    passages,
    negatives,
    batch["group"],
    batch["negative_group"],
    present,
    inverse_temperature,
    two_sided=config.two_sided,
    mask_groups=config.mask_groups,
    weights=weights,
    block=config.block,
    mesh=mesh,
  )
  return (loss if distilled is None else loss + distilled), first
