import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.config import Loss
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.distillation import divergence
from hybrid_ir.training.loss import contrastive_loss
from hybrid_ir.training.objective import objective

SCALE = jnp.float32(5)
PLAIN = Loss(hard_negatives=2)


@pytest.fixture(scope="module")
def texts():
  """[32, 6] embeddings for the batch of `make_batch`."""
  texts = np.random.default_rng(1).normal(size=(32, 6))
  texts /= np.linalg.norm(texts, axis=1, keepdims=True)
  return jnp.asarray(texts, jnp.float32)


@pytest.fixture(scope="module")
def batch(make_batch):
  return {name: jnp.asarray(array) for name, array in make_batch().items()}


def losses(texts, batch, normalized=True, **keys):
  """The loss and the accuracy, as numbers."""
  config = dataclasses.replace(PLAIN, **keys)
  both = jax.jit(
    lambda texts, batch: objective(
      texts, batch, SCALE, config, normalized=normalized
    )
  )(texts, batch)
  return [float(x) for x in both]


def contrastive(texts, batch, pairs=None, **keys):
  """InfoNCE; of some pairs alone, by weights."""
  weights = None
  if pairs is not None:
    weights = jnp.zeros(8).at[jnp.array(pairs)].set(8 / len(pairs))
  return float(
    contrastive_loss(
      texts[:8],
      texts[8:16],
      texts[16:],
      batch["group"],
      batch["negative_group"],
      batch["text_segment"][16:].reshape(8, 2) > 0,
      SCALE,
      two_sided=keys.get("two_sided", False),
      mask_groups=keys.get("mask_groups", True),
      weights=weights,
    )[0]
  )


def test_plain_is_the_contrastive_loss(texts, batch):
  found = []
  for two_sided in (False, True):
    for mask_groups in (False, True):
      keys = {"two_sided": two_sided, "mask_groups": mask_groups}
      found.append(losses(texts, batch, **keys)[0])
      expected = contrastive(texts, batch, **keys)
      assert found[-1] == pytest.approx(expected, rel=1e-6)
  assert len(set(found)) == 4  # each key counts


def test_matryoshka_is_the_mean_over_the_leading_dimensions(texts, batch):
  parts = []
  for size in (2, 3, 6):
    leading = texts[:, :size]
    leading /= jnp.linalg.norm(leading, axis=1, keepdims=True)
    parts.append(contrastive(leading, batch))
  loss, accuracy = losses(texts, batch, matryoshka=(2, 3))
  assert loss == pytest.approx(np.mean(parts), rel=1e-6)
  assert accuracy == losses(texts, batch)[1]  # by all dimensions


def test_matryoshka_keeps_the_length_of_embeddings_that_have_one(texts, batch):
  longer = 2 * texts
  parts = [contrastive(longer[:, :size], batch) for size in (2, 6)]
  loss, _ = losses(longer, batch, normalized=False, matryoshka=(2,))
  assert loss == pytest.approx(np.mean(parts), rel=1e-6)


COUNT, OTHERS = [0, 5, 6, 7], [1, 2, 3, 4]  # pairs with a teacher's scores


def divergences(texts, batch, temperature=1.0):
  values, counts = divergence(
    texts[:8],
    texts[8:16],
    texts[16:],
    batch["teacher"],
    batch["text_segment"][16:].reshape(8, 2) > 0,
    SCALE,
    temperature,
  )
  assert np.flatnonzero(counts).tolist() == COUNT
  return np.asarray(values)[COUNT]


@pytest.mark.parametrize("two_sided", [False, True])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_distillation_is_mixed_in_pair_by_pair(texts, batch, share, two_sided):
  scored = contrastive(texts, batch, COUNT, two_sided=two_sided)
  others = contrastive(texts, batch, OTHERS, two_sided=two_sided)
  taught = divergences(texts, batch, 2.0).mean()
  expected = ((1 - share) * scored + share * taught + others) / 2
  loss, _ = losses(
    texts,
    batch,
    distillation=share,
    teacher_temperature=2.0,
    two_sided=two_sided,
  )
  assert loss == pytest.approx(expected, rel=1e-6)


def test_a_batch_without_scores_has_the_plain_loss(texts, batch):
  none = {**batch, "teacher": jnp.full((8, 3), jnp.nan)}
  loss, _ = losses(texts, none, distillation=0.7)
  assert loss == pytest.approx(losses(texts, none)[0], rel=1e-6)


def test_distillation_is_within_each_size(texts, batch):
  leading = texts[:, :4] / jnp.linalg.norm(texts[:, :4], axis=1, keepdims=True)
  parts = [losses(x, batch, distillation=0.5)[0] for x in (leading, texts)]
  loss, _ = losses(texts, batch, distillation=0.5, matryoshka=(4,))
  assert loss == pytest.approx(np.mean(parts), rel=1e-6)


def test_the_gradient_is_that_of_the_loss(texts, batch):
  """A finite difference, with all that can be mixed in, in float64."""
  config = dataclasses.replace(
    PLAIN, distillation=0.4, matryoshka=(2, 3), two_sided=True
  )
  with jax.enable_x64(True):
    texts = jnp.asarray(texts, jnp.float64)
    direction = np.random.default_rng(2).normal(size=texts.shape)
    loss = jax.jit(
      lambda texts: objective(texts, batch, SCALE, config, normalized=True)[0]
    )
    gradient = jax.grad(loss)(texts)
    assert np.isfinite(gradient).all()
    ends = [loss(texts + t * direction) for t in (1e-6, -1e-6)]
    slope = (float(ends[0]) - float(ends[1])) / 2e-6
    assert slope == pytest.approx(
      float(jnp.vdot(gradient, direction)), rel=1e-6
    )


@pytest.mark.parametrize("mesh", [None, (4, 2)], ids=str)
def test_blocks_and_devices_change_nothing(texts, batch, relative_error, mesh):
  """With all that can be mixed in: the loss, the accuracy, the gradient."""
  found = []
  for block, shape in ((1024, None), (3, mesh)):
    config = dataclasses.replace(
      PLAIN,
      distillation=0.4,
      matryoshka=(2, 3),
      two_sided=True,
      block=block,
    )
    mesh_of = None if shape is None else mesh_lib.make_mesh(*shape)

    def loss(texts, batch, config=config, mesh=mesh_of):
      return objective(texts, batch, SCALE, config, normalized=True, mesh=mesh)

    found.append(jax.jit(jax.value_and_grad(loss, has_aux=True))(texts, batch))
  assert relative_error(*found) < 1e-5
