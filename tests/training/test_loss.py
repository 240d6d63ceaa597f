import functools
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.training import mesh as mesh_lib
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


# ----------------------------------------------------- in blocks, on devices


def obvious(
  queries,
  passages,
  negatives,
  weights,
  scale,
  group,
  negative_group,
  present,
  two_sided,
  mask_groups,
):
  """The loss from the whole matrix of scores, on one device."""
  B = len(queries)
  own = np.eye(B, dtype=bool)
  seen = np.ones((B, B), bool)
  hard = np.broadcast_to(present.reshape(1, -1), (B, present.size))
  if mask_groups:
    seen = own | (group[:, None] != group[None])
    hard = hard & (group[:, None] != negative_group.reshape(1, -1))
  scores = jnp.where(seen, scale * (queries @ passages.T), -jnp.inf)
  rows = jnp.where(hard, scale * (queries @ negatives.T), -jnp.inf)
  rows = jnp.concatenate([scores, rows], axis=1)
  losses = jax.nn.logsumexp(rows, axis=1) - jnp.diagonal(scores)
  if two_sided:
    backward = jax.nn.logsumexp(scores, axis=0) - jnp.diagonal(scores)
    losses = (losses + backward) / 2
  return jnp.mean(weights * losses), jnp.mean(
    rows.argmax(axis=1) == np.arange(B)
  )


def both(case, block, mesh_shape, dtype, two_sided=True, mask_groups=True):
  """Value, accuracy and gradients: ours, and the obvious version's."""
  queries, passages, negatives, weights = (
    jnp.asarray(x, dtype) for x in case[:4]
  )
  group, negative_group, present = case[4:]
  mesh = None
  if mesh_shape is not None:
    devices = jax.devices()[: math.prod(mesh_shape)]
    mesh = mesh_lib.make_mesh(*mesh_shape, devices=devices)

  def ours(queries, passages, negatives, weights, scale):
    return contrastive_loss(
      queries,
      passages,
      negatives,
      jnp.asarray(group),
      jnp.asarray(negative_group),
      jnp.asarray(present),
      scale,
      two_sided=two_sided,
      mask_groups=mask_groups,
      weights=weights,
      block=block,
      mesh=mesh,
    )

  def theirs(*arrays):
    return obvious(
      *arrays, group, negative_group, present, two_sided, mask_groups
    )

  arrays = queries, passages, negatives, weights, jnp.asarray(7.0, dtype)
  return [
    jax.jit(jax.value_and_grad(f, argnums=range(5), has_aux=True))(*arrays)
    for f in (ours, theirs)
  ]


def drawn(seed, B, N):
  """Embeddings of length 1, weights, groups, hard negatives of a batch."""
  rng = np.random.default_rng(seed)
  texts = [rng.normal(size=(n, 5)) for n in (B, B, B * N)]
  texts = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in texts]
  group = rng.integers(0, B, B)
  negative_group = rng.integers(-1, B, (B, N))
  return (
    *texts,
    rng.random(B),
    group,
    negative_group,
    rng.random((B, N)) < 0.7,
  )


def assert_equal(ours, theirs, relative_error, tolerance):
  (value, accuracy), gradients = ours
  (expected, first), slopes = theirs
  assert float(accuracy) == pytest.approx(float(first), abs=1e-6)
  # Of one whose norm is rounding alone, as a batch of one pair's: absolute.
  scale = max(1.0, float(abs(expected)))
  assert abs(float(value) - float(expected)) < tolerance * scale
  for x, y in zip(gradients, slopes, strict=True):
    if float(jnp.linalg.norm(y)) < 1e-3:
      np.testing.assert_allclose(x, y, atol=1e-3 * tolerance)
    else:
      assert relative_error(x, y) < tolerance


@settings(max_examples=12, deadline=None)
@given(
  seed=st.integers(0, 2**16),
  B=st.integers(1, 11),
  N=st.integers(0, 2),
  block=st.sampled_from([1, 2, 3, 5, 8]),
  mesh=st.sampled_from([None, (1, 1), (2, 1), (1, 3), (2, 4)]),
  two_sided=st.booleans(),
  mask_groups=st.booleans(),
)
def test_blocks_and_devices_are_exact(
  relative_error, seed, B, N, block, mesh, two_sided, mask_groups
):
  """Also where neither blocks nor devices divide the batch."""
  case = drawn(seed, B, N)
  with jax.enable_x64(True):
    ours, theirs = both(case, block, mesh, "float64", two_sided, mask_groups)
    assert_equal(ours, theirs, relative_error, 1e-9)


@pytest.mark.parametrize("mesh", [None, (2, 2)], ids=str)
def test_blocks_in_float32(relative_error, mesh):
  ours, theirs = both(drawn(0, 21, 2), 4, mesh, "float32")
  assert_equal(ours, theirs, relative_error, 1e-5)


def test_blocks_stay_finite_at_sharp_temperatures():
  """A passage may have no query in a block, or one far over the others."""
  value, _ = contrastive_loss(
    jnp.asarray(EYE3),
    jnp.asarray(EYE3[::-1].copy()),
    jnp.zeros((0, 3)),
    NO_GROUPS,
    np.zeros((3, 0), int),
    np.zeros((3, 0), bool),
    jnp.float32(1000),
    two_sided=True,
    mask_groups=True,
    block=1,
  )
  assert float(value) == pytest.approx(2000 / 3, rel=1e-5)


@pytest.mark.parametrize(
  ("block", "mesh", "rows"),
  [(None, None, 512), (64, None, 64), (None, (4, 2), 64), (16, (2, 2), 16)],
  ids=str,
)
def test_a_device_holds_the_scores_of_a_block(block, mesh, rows):
  """Neither pass makes a wider array than a block's, whatever the batch."""
  B = 512
  texts = jax.ShapeDtypeStruct((B, 3), jnp.float32)

  def loss(queries, passages):
    return contrastive_loss(
      queries,
      passages,
      jnp.zeros((0, 3)),
      jnp.arange(B),
      jnp.zeros((B, 0), int),
      jnp.zeros((B, 0), bool),
      jnp.float32(7),
      two_sided=True,
      mask_groups=True,
      block=block,
      mesh=None if mesh is None else mesh_lib.make_mesh(*mesh),
    )[0]

  program = jax.jit(jax.grad(loss, (0, 1))).lower(texts, texts).compile()
  shapes = re.findall(rf"\b\w+\[(\d+),{B}\]", program.as_text())
  assert max(map(int, shapes)) == rows
