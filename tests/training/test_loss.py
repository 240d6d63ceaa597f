import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.training.loss import contrastive_loss

COMPILED = jax.jit(
  contrastive_loss, static_argnames=("two_sided", "mask_groups")
)
EYE3 = np.eye(3, dtype=np.float32)
NO_GROUPS = np.arange(3)


def loss(
  queries,
  passages,
  negatives=(),
  group=NO_GROUPS,
  negative_group=None,
  present=None,
  scale=2.0,
  two_sided=False,
  mask_groups=True,
):
  """`contrastive_loss` in which absent arguments are empty."""
  B, D = len(queries), len(queries[0])
  none = np.full((B, len(negatives) // B), -1)
  value, accuracy = COMPILED(
    jnp.asarray(queries),
    jnp.asarray(passages),
    jnp.asarray(negatives, jnp.float32).reshape(-1, D),
    jnp.asarray(group),
    jnp.asarray(none if negative_group is None else negative_group),
    jnp.asarray(none < 0 if present is None else present),
    jnp.float32(scale),
    two_sided=two_sided,
    mask_groups=mask_groups,
  )
  return float(value), float(accuracy)


def log_sum(*logits):
  return np.log(np.exp(logits).sum())


QUERIES2 = np.array([[1, 0], [0, 1]], np.float32)
PASSAGES2 = np.array([[0.6, 0.8], [0, 1]], np.float32)  # logits: 1.2 0; 1.6 2


def test_two_by_two_by_hand():
  rows = (log_sum(1.2, 0) - 1.2 + log_sum(1.6, 2) - 2) / 2
  columns = (log_sum(1.2, 1.6) - 1.2 + log_sum(0, 2) - 2) / 2
  group = np.arange(2)
  value, accuracy = loss(QUERIES2, PASSAGES2, group=group)
  assert value == pytest.approx(rows, rel=1e-6)
  assert accuracy == 1
  value, _ = loss(QUERIES2, PASSAGES2, group=group, two_sided=True)
  assert value == pytest.approx((rows + columns) / 2, rel=1e-6)


def test_a_wrong_first_counts():
  swapped = PASSAGES2[::-1].copy()  # logits: 0 1.2; 2 1.6
  value, accuracy = loss(QUERIES2, swapped, group=np.arange(2))
  assert accuracy == 0
  expected = (log_sum(0, 1.2) - 0 + log_sum(2, 1.6) - 1.6) / 2
  assert value == pytest.approx(expected, rel=1e-6)


def test_ragged_hard_negatives_by_hand():
  # Pair 0 has two, pair 1 none, pair 2 one; all are every query's negatives.
  negatives = np.zeros((6, 3), np.float32)
  negatives[0], negatives[1], negatives[4] = (
    (0.5, 0, 0),
    (0, 0.5, 0),
    (-1, 0, 0),
  )
  present = np.array([[1, 1], [0, 0], [1, 0]]) > 0
  value, accuracy = loss(EYE3, EYE3, negatives, present=present)
  expected = np.mean(
    [
      log_sum(2, 0, 0, 1, 0, -2) - 2,
      log_sum(0, 2, 0, 0, 1, 0) - 2,
      log_sum(0, 0, 2, 0, 0, 0) - 2,
    ]
  )
  assert value == pytest.approx(expected, rel=1e-6)
  assert accuracy == 1
  # Of passages, only the batch's queries are ranked: no hard negatives.
  both, _ = loss(EYE3, EYE3, negatives, present=present, two_sided=True)
  column = log_sum(2, 0, 0) - 2
  assert both == pytest.approx((expected + column) / 2, rel=1e-6)


def test_members_of_a_group_are_no_negatives():
  group = np.array([7, 7, 9])
  one, alone = log_sum(2, 0) - 2, log_sum(2, 0, 0) - 2
  expected = (2 * one + alone) / 3
  for two_sided in (False, True):
    value, _ = loss(EYE3, EYE3, group=group, two_sided=two_sided)
    assert value == pytest.approx(expected, rel=1e-6)
  value, _ = loss(EYE3, EYE3, group=group, mask_groups=False)
  assert value == pytest.approx(alone, rel=1e-6)


def test_a_hard_negative_of_the_querys_group_is_none():
  negatives = EYE3.copy()  # each query's own passage: would hurt most
  group = np.array([4, 5, 6])
  own = {"group": group, "negative_group": group[:, None]}
  value, _ = loss(EYE3, EYE3, negatives, **own)
  assert value == pytest.approx(log_sum(2, 0, 0, 0, 0) - 2, rel=1e-6)
  value, _ = loss(EYE3, EYE3, negatives, mask_groups=False, **own)
  assert value == pytest.approx(log_sum(2, 0, 0, 2, 0, 0) - 2, rel=1e-6)


def test_a_batch_of_one_group_has_no_loss():
  value, accuracy = loss(EYE3, EYE3, group=[1, 1, 1], two_sided=True)
  assert (value, accuracy) == (0, 1)


def test_sharp_temperatures_do_not_overflow():
  value, _ = loss(EYE3, EYE3[::-1].copy(), scale=1000)
  assert value == pytest.approx(2000 / 3, rel=1e-5)


@functools.cache
def random_case():
  rng = np.random.default_rng(0)
  x = rng.normal(size=(4, 6, 5)).astype(np.float32)
  x /= np.linalg.norm(x, axis=-1, keepdims=True)
  group = np.array([0, 0, 1, 2, 3, 4])
  negative_group = rng.integers(-1, 4, (6, 2))
  present = rng.random((6, 2)) < 0.6
  return x[0], x[1], x[2:].swapaxes(0, 1), group, negative_group, present


def test_the_order_of_pairs_does_not_matter():
  queries, passages, negatives, group, negative_group, present = random_case()
  order = np.random.default_rng(1).permutation(6)
  flat = functools.partial(np.reshape, shape=(12, 5))
  for two_sided in (False, True):
    one = loss(
      queries,
      passages,
      flat(negatives),
      group,
      negative_group,
      present,
      two_sided=two_sided,
    )
    other = loss(
      queries[order],
      passages[order],
      flat(negatives[order]),
      group[order],
      negative_group[order],
      present[order],
      two_sided=two_sided,
    )
    assert one == pytest.approx(other, rel=1e-6)


def test_gradients_pull_the_positive_and_push_the_rest():
  queries, passages, negatives, group, negative_group, present = random_case()

  @jax.jit
  def value(passages, negatives):
    return contrastive_loss(
      queries,
      passages,
      negatives.reshape(12, 5),
      group,
      negative_group,
      present,
      jnp.float32(2),
      two_sided=False,
      mask_groups=True,
    )[0]

  to_passages, to_negatives = jax.jit(jax.grad(value, (0, 1)))(
    passages, negatives
  )
  # Pair 4 is in no one's group: its passage is pulled by its query alone.
  rest = np.delete(queries, 4, axis=0)
  pulled = np.linalg.lstsq(
    np.vstack([queries[4], rest]).T, to_passages[4], rcond=None
  )
  assert pulled[2] == 5
  step = passages - 0.1 * to_passages
  assert value(step, negatives) < value(passages, negatives)
  assert value(passages, negatives - 0.1 * to_negatives) < value(
    passages, negatives
  )
  # An absent hard negative is nobody's, whatever its array holds.
  assert not np.asarray(to_negatives)[~present].any()
  assert np.asarray(to_negatives)[present].any(axis=-1).all()


def test_the_gradient_of_a_cosine_by_hand():
  def value(scores):
    return contrastive_loss(
      scores,
      EYE3,
      jnp.zeros((0, 3)),
      NO_GROUPS,
      np.zeros((3, 0), int),
      np.zeros((3, 0), bool),
      jnp.float32(2),
      two_sided=False,
      mask_groups=True,
    )[0]

  probability = np.exp(2 * EYE3) / np.exp(2 * EYE3).sum(axis=1, keepdims=True)
  np.testing.assert_allclose(
    jax.grad(value)(jnp.asarray(EYE3)),
    2 * (probability - EYE3) / 3,
    rtol=1e-5,
  )
