import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.model.encoder import Encoder, pad_table


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_packed_rows_give_the_embeddings_of_single_rows(
  arch, params, texts, rows_of, embed, pooling
):
  packed, single = rows_of(texts, packed=True), rows_of(texts, packed=False)
  assert len(packed["tokens"]) < len(single["tokens"])
  _, one = embed(Encoder(arch), params, packed, pooling)
  _, other = embed(Encoder(arch), params, single, pooling)
  assert one.shape == (len(texts), arch.hidden_size)
  np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_text_does_not_see_its_neighbours(
  arch, params, texts, rows_of, embed, pooling
):
  changed = [*texts[:3], (texts[3] + 17) % 60 + 1, *texts[4:]]
  before = rows_of(texts, packed=True)
  after = rows_of(changed, packed=True)
  mates = before["text_row"] == before["text_row"][3]
  assert mates.sum() > 1  # it does have neighbours
  _, one = embed(Encoder(arch), params, before, pooling)
  _, other = embed(Encoder(arch), params, after, pooling)
  same = (np.asarray(one) == np.asarray(other)).all(axis=1)
  assert same.tolist() == [i != 3 for i in range(len(texts))]


def test_padding_is_not_seen(arch, params, texts, rows_of, embed):
  rows = rows_of(texts, packed=True)
  _, before = embed(Encoder(arch), params, rows)
  tokens = np.where(rows["segments"] == 0, 33, rows["tokens"])
  _, after = embed(Encoder(arch), params, {**rows, "tokens": tokens})
  assert (np.asarray(before) == np.asarray(after)).all()


def test_order_matters(arch, params, rows_of, embed):
  _, embeddings = embed(
    Encoder(arch),
    params,
    rows_of([np.array([5, 6, 7]), np.array([7, 6, 5])], 1),
  )
  assert float(embeddings[0] @ embeddings[1]) < 0.999


def test_empty_rows_and_absent_texts_give_no_nan(
  arch, params, texts, rows_of, embed
):
  rows = rows_of(texts, packed=True)
  rows = {
    name: np.concatenate([x, np.zeros_like(x[:1])]) for name, x in rows.items()
  }  # one row of padding, one text that is in no row
  assert rows["text_segment"][-1] == 0

  @jax.jit
  @jax.value_and_grad
  def total(params):
    states, embeddings = embed(Encoder(arch), params, rows)
    return jnp.sum(embeddings[:, 0]) + jnp.sum(states)

  for leaf in jax.tree.leaves(total(params)):
    assert np.isfinite(leaf).all()


def test_recomputing_layers_changes_nothing(
  arch, params, texts, rows_of, embed
):
  rows = rows_of(texts, packed=True)

  @functools.partial(jax.jit, static_argnums=1)
  @jax.value_and_grad
  def total(params, remat):
    encoder = Encoder(arch, remat=remat)
    return jnp.sum(embed(encoder, params, rows)[1][:, 0])

  kept, again = total(params, False), total(params, True)
  jax.tree.map(
    lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5),
    kept,
    again,
  )


def test_dropout_follows_its_key(arch, params, texts, rows_of, embed):
  rows = rows_of(texts, packed=True)

  def states(rate, key):
    return np.asarray(
      embed(Encoder(arch, dropout=rate), params, rows, key=key)[0]
    )

  one, other = jax.random.key(1), jax.random.key(2)
  assert (states(0.3, one) == states(0.3, one)).all()
  assert (states(0.3, one) != states(0.3, other)).any()
  assert (states(0.3, None) == states(0.0, None)).all()
  np.testing.assert_allclose(states(0.0, one), states(0.0, None), atol=1e-6)


def test_bfloat16_is_near_float32(arch, params, texts, rows_of, embed):
  rows = rows_of(texts, packed=True)
  states, coarse = embed(Encoder(arch, "bfloat16"), params, rows)
  _, fine = embed(Encoder(arch), params, rows)
  assert states.dtype == jnp.bfloat16
  assert coarse.dtype == jnp.float32
  cosines = np.sum(np.asarray(coarse) * np.asarray(fine), axis=1)
  assert cosines.min() > 0.99
  assert cosines.max() < 1 - 1e-7  # it was not computed in float32


def test_the_activation_is_used(arch, params, texts, rows_of, embed):
  rows = rows_of(texts, packed=True)
  relu = dataclasses.replace(arch, activation="relu")
  _, one = embed(Encoder(arch), params, rows)
  _, other = embed(Encoder(relu), params, rows)
  assert float(jnp.abs(one - other).max()) > 1e-3


def test_fresh_parameters(arch):
  init = jax.jit(Encoder(arch).init)
  params = init(jax.random.key(0))
  shapes = jax.tree.map(jnp.shape, params)
  assert shapes["tokens"] == (128, 16)  # 61 rows, padded
  assert shapes["embeddings"]["positions"] == (20, 16)
  assert shapes["embeddings"]["types"] == (2, 16)
  assert shapes["layers"]["qkv"] == {"kernel": (2, 16, 48), "bias": (2, 48)}
  assert {x.dtype for x in jax.tree.leaves(params)} == {jnp.dtype("float32")}
  assert not params["tokens"][61:].any()
  kernels = params["layers"]["up"]["kernel"]
  assert float(jnp.abs(kernels[0] - kernels[1]).max()) > 0  # layers differ
  again, other = init(jax.random.key(0)), init(jax.random.key(1))
  assert (params["tokens"] == again["tokens"]).all()
  assert (params["tokens"] != other["tokens"]).any()


@pytest.mark.parametrize(("rows", "padded"), [(1, 128), (128, 128), (129, 256)])
def test_the_table_is_padded_to_a_multiple(rows, padded):
  table = pad_table(jnp.ones((rows, 3)))
  assert table.shape == (padded, 3)
  assert float(table.sum()) == rows * 3
