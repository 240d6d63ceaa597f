import dataclasses

import jax
import numpy as np
import pytest

from hybrid_ir.config import Data, Layout
from hybrid_ir.config import Encoder as EncoderConfig
from hybrid_ir.data.tokenizer import train_unigram
from hybrid_ir.model.architecture import from_scratch
from hybrid_ir.model.bi_encoder import BiEncoder, make_bi_encoder
from hybrid_ir.model.contract import Contract
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.training.mesh import make_mesh

WORDS = ("der", "zug", "fährt", "nach", "norden", "wenn", "es", "regnet")


def make_texts(count, seed=0):
  rng = np.random.default_rng(seed)
  lengths = rng.integers(1, 14, count)
  return [" ".join(rng.choice(WORDS, n)) for n in lengths]


@pytest.fixture(scope="module")
def text_encoder():
  tokenizer = train_unigram(make_texts(50, seed=1), vocab_size=64)
  arch = from_scratch(
    EncoderConfig(
      hidden_size=8, layers=1, heads=2, intermediate_size=12, max_positions=32
    ),
    tokenizer.size,
  )
  contract = Contract(
    architecture=arch,
    tokenizer=tokenizer.fingerprint,
    pooling="mean",
    dense=(),
    normalize=True,
    temperature=0.05,
    query_prefix="der ",
    passage_prefix="und ",
    query_length=8,
    passage_length=32,
    instruction="{instruction}: {query}",
    matryoshka=(),
  )
  return TextEncoder(
    model=make_bi_encoder(contract, EncoderConfig()),
    contract=contract,
    tokenizer=tokenizer,
    layout=Layout(packing=True, row_lengths=(16, 32), texts_per_row=3),
    mesh=make_mesh(1),
    tokens_per_batch=64,
  )


@pytest.fixture(scope="module")
def params(text_encoder):
  """Drawn wide, so that embeddings of different texts differ."""
  shapes = jax.eval_shape(text_encoder.model.init, jax.random.key(0))
  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda x: rng.normal(0.5, 0.5, x.shape).astype(np.float32), shapes
  )


@pytest.fixture(scope="module")
def expected(text_encoder, params):
  """Each passage encoded with no other beside it."""
  alone = dataclasses.replace(
    text_encoder,
    tokens_per_batch=1,
    layout=Layout(packing=False, row_lengths=(32,)),
  )
  return alone.passages(params, make_texts(23))


@pytest.mark.parametrize("tokens_per_batch", [1, 64, 1024])
def test_every_text_keeps_its_place(
  text_encoder, params, expected, tokens_per_batch
):
  encoder = dataclasses.replace(text_encoder, tokens_per_batch=tokens_per_batch)
  found = encoder.passages(params, make_texts(23))
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, expected, atol=1e-6)
  np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
  assert len(np.unique(expected.round(4), axis=0)) == len(set(make_texts(23)))


def test_eight_devices_are_one(text_encoder, params, expected):
  encoder = dataclasses.replace(text_encoder, mesh=make_mesh(8))
  found = encoder.passages(params, make_texts(23))
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_duplicates_are_alike(text_encoder, params):
  texts = make_texts(4)
  found = text_encoder.passages(params, [*texts, *texts[::-1]])
  np.testing.assert_allclose(found[:4], found[:3:-1], atol=1e-6)


def test_no_texts(text_encoder, params):
  assert text_encoder.queries(params, []).shape == (0, 8)


def test_queries_and_passages_have_their_own_prefix(text_encoder, params):
  text = ["zug"]
  as_query = text_encoder.queries(params, text)
  assert np.abs(as_query - text_encoder.passages(params, text)).max() > 1e-3
  contract = dataclasses.replace(
    text_encoder.contract, passage_prefix="", passage_length=8
  )
  bare = dataclasses.replace(text_encoder, contract=contract)
  np.testing.assert_allclose(
    as_query, bare.passages(params, ["der zug"]), atol=1e-6
  )


def test_what_is_cut_is_not_seen(text_encoder, params):
  text = " ".join(WORDS)
  found = text_encoder.queries(params, [text, f"{text} {text}"])
  np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_a_text_of_the_longest_row_fits(text_encoder, params):
  long = " ".join(WORDS * 8)
  (tokens,) = text_encoder.tokenizer.encode([long])
  assert len(tokens) > 32
  found = text_encoder.passages(params, [long, "zug"])
  assert np.isfinite(found).all()


def test_a_text_of_no_characters_is_no_nan(text_encoder, params):
  assert np.isfinite(text_encoder.queries(params, ["", "zug"])).all()


def test_leading_dimensions_have_length_one(text_encoder, params):
  whole = text_encoder.passages(params, make_texts(6))
  some = dataclasses.replace(text_encoder, dimensions=3)
  found = some.passages(params, make_texts(6))
  leading = whole[:, :3]
  expected = leading / np.linalg.norm(leading, axis=1, keepdims=True)
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_plain_vectors_where_the_contract_says_so(text_encoder, params):
  plain = dataclasses.replace(
    text_encoder, model=dataclasses.replace(text_encoder.model, normalize=False)
  )
  lengths = np.linalg.norm(plain.passages(params, make_texts(6)), axis=1)
  assert (np.abs(lengths - 1) > 0.01).all()


def test_each_query_may_have_its_own_instruction(text_encoder, params):
  found = text_encoder.queries(
    params, ["zug", "zug", "es"], instructions=("nach", "", "nach")
  )
  framed = text_encoder.queries(params, ["zug", "es"], instruction="nach")
  plain = text_encoder.queries(params, ["zug"])
  np.testing.assert_allclose(found, [framed[0], plain[0], framed[1]], atol=1e-6)


def test_a_data_set_may_have_its_own_prefixes(text_encoder, params):
  data = Data(prefixes={"towns": ("nach ", "es ")})
  own = text_encoder.of("towns", data)
  assert text_encoder.of("others", data) is text_encoder
  contract = dataclasses.replace(
    text_encoder.contract, query_prefix="", passage_prefix=""
  )
  bare = dataclasses.replace(text_encoder, contract=contract)
  np.testing.assert_allclose(
    own.queries(params, ["zug"]), bare.queries(params, ["nach zug"]), atol=1e-6
  )
  np.testing.assert_allclose(
    own.passages(params, ["zug"]), bare.passages(params, ["es zug"]), atol=1e-6
  )


def test_prefixes_of_its_own_compile_nothing(text_encoder, params, monkeypatch):
  traced, embed = [], BiEncoder.embed

  def counted(*arguments):
    traced.append(arguments)
    return embed(*arguments)

  monkeypatch.setattr(BiEncoder, "embed", counted)
  fresh = dataclasses.replace(text_encoder)  # has compiled nothing yet
  data = Data(prefixes={"towns": ("nach ", "es "), "hills": ("", "")})
  for name in ("towns", "hills", "towns", "others"):
    fresh.of(name, data).queries(params, ["zug"])
  assert len(traced) == 1


def test_an_instruction_frames_the_query(text_encoder, params):
  framed = text_encoder.queries(params, ["zug"], instruction="nach")
  contract = dataclasses.replace(text_encoder.contract, query_prefix="")
  bare = dataclasses.replace(text_encoder, contract=contract)
  expected = bare.queries(params, ["nach: zug"])
  np.testing.assert_allclose(framed, expected, atol=1e-6)
