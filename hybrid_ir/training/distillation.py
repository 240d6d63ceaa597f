"""How far the model's ranking is from a teacher's. From embeddings, to loss.

A teacher (a cross-encoder, say) has scored a query's passage and its hard
negatives; the model is to spread its probability over them as the teacher does.
Sources: the KL term of E5's fine-tuning (arXiv 2212.03533), over a query's own
candidates alone as RocketQAv2's listwise distillation (arXiv 2110.07367).
"""

import jax
import jax.numpy as jnp

_MASKED = -1e30


def divergence(
  queries: jax.Array,
  passages: jax.Array,
  negatives: jax.Array,
  teacher: jax.Array,
  present: jax.Array,
  inverse_temperature: jax.Array,
  teacher_temperature: float,
) -> tuple[jax.Array, jax.Array]:
  """KL(teacher || model) over each query's passage and own hard negatives.

  A pair counts if the teacher scored its passage and at least one hard negative
  that is there; candidates without a score are left out on both sides. Groups
  mask nothing here: the teacher's scores already say which negative is none.

  Args:
    queries: [B, D].
    passages: [B, D].
    negatives: [B * N, D] hard negatives, pair by pair.
    teacher: [B, 1 + N] scores of the passage and the negatives; NaN: none.
    present: [B, N] whether a negative is there.
    inverse_temperature: scalar that the model's scores are multiplied by.
    teacher_temperature: the teacher's scores are divided by it.

  Returns:
    [B] divergences in nats, 0 for a pair that does not count; [B] whether it
    does.
  """
  B, D = queries.shape
  candidates = jnp.concatenate(
    [passages[:, None], negatives.reshape(B, -1, D)], axis=1
  )  # [B, 1 + N, D]
  student = inverse_temperature * jnp.einsum(
    "bd,bnd->bn", queries, candidates, precision=jax.lax.Precision.HIGHEST
  )
  there = jnp.concatenate([jnp.ones((B, 1), bool), present], axis=1)
  known = there & jnp.isfinite(teacher)
  counts = known[:, 0] & known[:, 1:].any(axis=1)
  wanted = jax.nn.log_softmax(
    jnp.where(known, teacher / teacher_temperature, _MASKED)
  )
  given = jax.nn.log_softmax(jnp.where(known, student, _MASKED))
  terms = jnp.where(known, jnp.exp(wanted) * (wanted - given), 0)
  return jnp.where(counts, terms.sum(axis=1), 0), counts
