import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.training.distillation import divergence

NAN = np.nan
COMPILED = jax.jit(divergence)
# Two queries; passages and two hard negatives each, in the plane.
QUERIES = np.array([[1, 0], [0, 1]], np.float32)
PASSAGES = np.array([[0.6, 0.8], [0.8, 0.6]], np.float32)
NEGATIVES = np.array([[1, 0], [0, 1], [0, -1], [0.6, 0.8]], np.float32)
COSINES = np.array([[0.6, 1, 0], [0.6, -1, 0.8]])
ALL = np.ones((2, 2), bool)


def run(teacher, present=ALL, scale=2.0, temperature=1.0):
  values, counts = COMPILED(
    QUERIES,
    PASSAGES,
    NEGATIVES,
    jnp.asarray(teacher, jnp.float32),
    jnp.asarray(present),
    jnp.float32(scale),
    temperature,
  )
  return np.asarray(values), np.asarray(counts).tolist()


def kl(teacher, student):
  """Written out, in float64."""
  p = np.exp(teacher) / np.exp(teacher).sum()
  q = np.exp(student) / np.exp(student).sum()
  return float((p * np.log(p / q)).sum())


def test_by_hand():
  teacher = np.array([[3.0, 1.0, -1.0], [0.5, 0.0, 2.0]])
  values, counts = run(teacher)
  assert counts == [True, True]
  # p = (1, e^-2, e^-4) / z for the first pair.
  expected = [kl(t, 2 * c) for t, c in zip(teacher, COSINES, strict=True)]
  np.testing.assert_allclose(values, expected, rtol=1e-5)
  values, _ = run(teacher, scale=5.0, temperature=4.0)
  expected = [kl(t / 4, 5 * c) for t, c in zip(teacher, COSINES, strict=True)]
  np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_a_model_that_ranks_as_the_teacher_is_at_zero():
  values, _ = run(2 * COSINES + np.array([[7.0], [-3.0]]))
  np.testing.assert_allclose(values, 0, atol=1e-6)


def test_candidates_without_a_score_are_left_out():
  teacher = np.array([[3.0, NAN, -1.0], [0.5, 0.0, NAN]])
  values, counts = run(teacher)
  assert counts == [True, True]
  expected = [
    kl(teacher[0, [0, 2]], 2 * COSINES[0, [0, 2]]),
    kl(teacher[1, :2], 2 * COSINES[1, :2]),
  ]
  np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_absent_negatives_are_left_out_whatever_their_arrays_hold():
  present = np.array([[False, True], [True, False]])
  full = np.array([[3.0, 1.0, -1.0], [0.5, 0.0, 2.0]])
  scored = np.where(np.insert(present, 0, True, axis=1), full, NAN)
  np.testing.assert_array_equal(run(full, present)[0], run(scored)[0])


@pytest.mark.parametrize(
  ("row", "there"),
  [
    ([NAN, NAN, NAN], [1, 1]),
    ([NAN, 1.0, 2.0], [1, 1]),  # the passage has no score
    ([1.0, NAN, NAN], [1, 1]),
    ([1.0, 2.0, NAN], [0, 1]),  # the negative that has one is not there
    ([1.0, 2.0, 3.0], [0, 0]),
  ],
)
def test_pairs_that_do_not_count(row, there):
  present = np.array([there, [1, 1]]) > 0
  values, counts = run([row, [0.5, 0.0, 2.0]], present)
  assert counts == [False, True]
  assert values[0] == 0
  assert values[1] == pytest.approx(kl([0.5, 0, 2], 2 * COSINES[1]), rel=1e-5)


def test_the_gradient_is_the_difference_of_the_probabilities():
  """d KL / d logit = q - p; nothing flows to pairs that do not count."""
  teacher = np.array([[3.0, 1.0, NAN], [NAN, 1.0, 2.0]], np.float32)

  def total(passages):
    values, _ = divergence(
      QUERIES, passages, NEGATIVES, teacher, ALL, jnp.float32(2), 1.0
    )
    return values.sum()

  gradient = jax.jit(jax.grad(total))(jnp.asarray(PASSAGES))
  p = np.exp(3) / (np.exp(3) + np.exp(1))
  q = np.exp(1.2) / (np.exp(1.2) + np.exp(2))
  np.testing.assert_allclose(
    gradient, [2 * (q - p) * QUERIES[0], [0, 0]], rtol=1e-5
  )


def test_a_teacher_that_is_sure_does_not_overflow():
  values, _ = run([[1e4, -1e4, 0.0], [0.0, 1e4, 0.0]])
  expected = [
    -np.log(np.exp(2 * c[i]) / np.exp(2 * c).sum())
    for c, i in zip(COSINES, (0, 1), strict=True)
  ]
  np.testing.assert_allclose(values, expected, rtol=1e-5)
