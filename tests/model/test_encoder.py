import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir.model.encoder import Encoder, pad_table

FAMILIES = ("bert", "xlm-roberta", "modernbert")


@pytest.fixture(scope="module", params=["bert", "modernbert"])
def arch(request, arches):
  return arches(request.param)


@pytest.fixture(scope="module")
def params(arch, draw):
  return draw(arch)


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

  kept = total(params, "none")
  for remat in ("dots", "full"):
    jax.tree.map(
      lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5),
      kept,
      total(params, remat),
    )


def test_what_is_recomputed_takes_no_memory(
  arch, params, texts, rows_of, embed
):
  rows = rows_of(texts, packed=True)

  def held(remat):
    encoder = Encoder(arch, remat=remat)
    gradient = jax.grad(lambda params: jnp.sum(embed(encoder, params, rows)[1]))
    compiled = jax.jit(gradient).lower(params).compile()
    return compiled.memory_analysis().temp_size_in_bytes

  assert held("full") < held("dots") < held("none")


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


def test_each_place_of_dropout_has_a_key_of_its_own(
  arch, params, texts, rows_of, embed, monkeypatch
):
  """The embeddings; in a block attention's weights and output, the output."""
  found = []

  def drop(x, rate, key):
    assert rate == 0.4
    jax.debug.callback(
      lambda data: found.append(tuple(data.tolist())), jax.random.key_data(key)
    )
    return x

  for module in ("attention", "encoder", "layers"):
    monkeypatch.setattr(f"hybrid_ir.model.{module}.drop", drop)
  key = jax.random.key(1)
  rows = rows_of(texts, packed=True)
  # A rate that no other test has compiled.
  embed(Encoder(arch, dropout=0.4), params, rows, key=key)
  jax.effects_barrier()
  assert len(found) == len(set(found)) == 1 + 3 * arch.layers


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


def test_local_layers_see_their_window_alone(arches, draw, rows_of, embed):
  """What a token sees grows by the window with each local layer."""
  arch = arches("modernbert", layers=4, global_every=9, window=2)
  alone = arches("modernbert", layers=2, global_every=9, window=2)
  text = np.arange(1, 17)
  changed = np.where(np.arange(16) == 12, 40, text)

  def moved(arch, first_is_global):
    params = draw(arch)
    if not first_is_global:  # layer 0 is: without its attention it is no more
      kernel = params["first"]["attention_out"]["kernel"]
      params["first"]["attention_out"]["kernel"] = np.zeros_like(kernel)
    states = [
      np.asarray(embed(Encoder(arch), params, rows_of([t], True))[0][0])
      for t in (text, changed)
    ]
    return np.flatnonzero((states[0] != states[1]).any(axis=-1)).tolist()

  assert moved(alone, False) == [10, 11, 12, 13, 14]  # one local layer
  assert moved(arch, False) == [6, 7, 8, 9, 10, 11, 12, 13, 14, 15]  # three
  assert moved(alone, True) == [*range(16)]


def test_a_window_over_the_text_is_no_window(arches, draw, texts, rows_of):
  wide = arches("modernbert", window=16, local_theta=160_000.0)
  whole = dataclasses.replace(wide, window=0)
  rows, params = rows_of(texts, packed=True), draw(wide)

  def states(arch):
    encoder = Encoder(arch)
    words = encoder.embed(params, rows["tokens"])
    return encoder.encode(params, words, rows["segments"], rows["positions"])

  np.testing.assert_allclose(states(wide), states(whole), atol=1e-5)


def test_xlm_robertas_positions_begin_at_the_offset(
  arches, draw, texts, rows_of, embed
):
  arch = arches("xlm-roberta")
  params, rows = draw(arch), rows_of(texts, packed=True)
  plain = dataclasses.replace(arch, family="bert", position_offset=0)
  table = params["embeddings"]["positions"][2:]
  moved = {**params, "embeddings": {**params["embeddings"], "positions": table}}
  one, _ = embed(Encoder(arch), params, rows)
  other, _ = embed(Encoder(plain), moved, rows)
  np.testing.assert_array_equal(one, other)


def gradients_of(arch, params, rows, frozen_layers, remat="none"):
  encoder = Encoder(arch, remat=remat)

  def total(params):
    words = encoder.embed(params, rows["tokens"])
    states = encoder.encode(
      params,
      words,
      rows["segments"],
      rows["positions"],
      frozen_layers=frozen_layers,
    )
    real = jnp.asarray(rows["segments"] > 0)[..., None]
    return jnp.sum(jnp.where(real, jnp.sin(states), 0))

  return jax.value_and_grad(total), total


def test_frozen_layers_get_no_gradient_and_the_others_theirs(
  arch, params, texts, rows_of
):
  rows = rows_of(texts, packed=True)
  outside = int("first" in params)
  whole_loss, whole = jax.jit(gradients_of(arch, params, rows, 0)[0])(params)
  for frozen in sorted({1, arch.layers // 2 + 1, arch.layers}):
    loss, found = jax.jit(gradients_of(arch, params, rows, frozen)[0])(params)
    np.testing.assert_allclose(loss, whole_loss, rtol=1e-5)
    stacked = frozen - outside
    below = [
      *(found[name] for name in ("tokens", "embeddings")),
      found.get("first", {}),
      *(x[:stacked] for x in jax.tree.leaves(found["layers"])),
    ]
    assert not any(np.any(x) for x in jax.tree.leaves(below))
    for name in ("layers", "final_norm"):
      for one, other in zip(
        jax.tree.leaves(found.get(name, {})),
        jax.tree.leaves(whole.get(name, {})),
        strict=True,
      ):
        start = stacked if name == "layers" else 0
        np.testing.assert_allclose(
          one[start:], other[start:], rtol=2e-3, atol=2e-4
        )


def test_nothing_is_computed_backwards_below_frozen_layers(
  arch, params, texts, rows_of
):
  rows = rows_of(texts, packed=True)

  def products(frozen, backward):
    both, forward = gradients_of(arch, params, rows, frozen)
    jaxpr = jax.make_jaxpr(both if backward else forward)(params)
    return str(jaxpr).count("dot_general[")

  forward = products(0, False)
  assert products(arch.layers, True) == forward
  # The two scans: the lower forwards alone, the upper both ways.
  block = forward if "first" not in params else forward // 2
  assert products(1, True) >= 2 * block
  assert products(arch.layers, True) < products(1, True)


def test_fresh_parameters(arch):
  init = jax.jit(Encoder(arch).init)
  params = init(jax.random.key(0))
  assert params["tokens"].shape == (128, 16)  # 61 rows, padded
  assert {x.dtype for x in jax.tree.leaves(params)} == {jnp.dtype("float32")}
  assert not params["tokens"][61:].any()
  kernels = params["layers"]["up"]["kernel"]
  assert float(jnp.abs(kernels[0] - kernels[1]).max()) > 0  # layers differ
  again, other = init(jax.random.key(0)), init(jax.random.key(1))
  assert (params["tokens"] == again["tokens"]).all()
  assert (params["tokens"] != other["tokens"]).any()


def test_shapes(arches):
  def shapes(family):
    init = Encoder(arches(family)).init
    return jax.tree.map(jnp.shape, jax.eval_shape(init, jax.random.key(0)))

  bert, roberta, modern = map(shapes, FAMILIES)
  assert bert["embeddings"]["positions"] == (20, 16)
  assert bert["embeddings"]["types"] == (2, 16)
  assert bert["layers"]["qkv"] == {"kernel": (2, 16, 48), "bias": (2, 48)}
  assert roberta["embeddings"]["positions"] == (22, 16)
  assert modern["embeddings"] == {"norm": {"scale": (16,)}}
  assert modern["layers"]["qkv"] == {"kernel": (4, 16, 48)}
  assert modern["layers"]["up"] == {"kernel": (4, 16, 48)}
  assert modern["first"].keys() == modern["layers"].keys() - {"attention_norm"}
  assert modern["final_norm"] == {"scale": (16,)}


@pytest.mark.parametrize(("rows", "padded"), [(1, 128), (128, 128), (129, 256)])
def test_the_table_is_padded_to_a_multiple(rows, padded):
  table = pad_table(jnp.ones((rows, 3)))
  assert table.shape == (padded, 3)
  assert float(table.sum()) == rows * 3
