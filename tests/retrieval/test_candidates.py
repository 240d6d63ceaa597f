import dataclasses

import jax
import numpy as np
import pytest
import tokenizers
from tokenizers import models, pre_tokenizers, processors

from hybrid_ir.config import Encoder as EncoderConfig
from hybrid_ir.config import Layout
from hybrid_ir.data.corpus import open_corpus
from hybrid_ir.data.records import Record, Source
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.errors import UserError
from hybrid_ir.model.architecture import from_scratch
from hybrid_ir.model.bi_encoder import make_bi_encoder
from hybrid_ir.model.contract import Contract
from hybrid_ir.prefixes import INSTRUCTION, Prefixes
from hybrid_ir.retrieval.candidates import DataEncoder, by_bm25, by_model
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.retrieval.mining import make_pool
from hybrid_ir.training.mesh import make_mesh

BARE = Prefixes("", "", INSTRUCTION)
RECORDS = [
  Record("a", "de", "rot blau", "rot rot", "toy:1"),
  Record("b", "de", "gelb", "blau gelb", "toy:2"),
  Record("c", "de", "lila", "lila", "toy:3"),
  Record("a", "en", "rot lila", "lila rot", "toy:4"),
  Record("b", "en", "gelb", "gelb gelb", "toy:5"),
]
# What the pool stands in: en:b, en:a, de:c, de:b, de:a.
EN_B, EN_A, DE_C, DE_B, DE_A = range(5)


@pytest.fixture(scope="module")
def tokenizer():
  """<s>, a piece a word, </s>."""
  pieces = ["<s>", "<pad>", "</s>", "<unk>", "rot", "blau", "gelb", "lila"]
  words = tokenizers.Tokenizer(
    models.WordLevel({p: i for i, p in enumerate(pieces)}, unk_token="<unk>")
  )
  words.pre_tokenizer = pre_tokenizers.Whitespace()
  words.post_processor = processors.TemplateProcessing(
    single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
  )
  return Tokenizer(words.to_str(), {"unk_token": "<unk>"})


@pytest.fixture
def pool(tokenizer, tmp_path):
  source = Source("toy", "1", lambda: iter(RECORDS))
  corpus = open_corpus(source, tokenizer, BARE, tmp_path)
  return make_pool(source.read(), corpus)


QUERIES = {
  ("a", "de"): [1, 0],
  ("b", "de"): [0, 1],
  ("c", "de"): [-1, 0],
  ("a", "en"): [1, 1],
  ("b", "en"): [0, -1],
}


class FakeEncoder:
  """Looks a query's embedding up."""

  def queries(self, records):
    found = [QUERIES[record.id, record.language] for record in records]
    return np.array(found, np.float32)


EMBEDDINGS = np.array([[3, 1], [1, 2], [2, 0], [1, 1], [4, 0]], np.float32)


@pytest.mark.parametrize(
  ("which", "expected"),
  [
    (
      "own",
      [
        *([DE_A, DE_C, DE_B], [DE_B, DE_C, DE_A], [DE_B, DE_C, DE_A]),
        *([EN_B, EN_A, -1], [EN_B, EN_A, -1]),
      ],
    ),
    (
      "other",
      [
        *([EN_B, EN_A, -1], [EN_A, EN_B, -1], [EN_A, EN_B, -1]),
        *([DE_A, DE_C, DE_B], [DE_C, DE_A, DE_B]),
      ],
    ),
    (
      "any",
      [
        *([DE_A, EN_B, DE_C], [EN_A, EN_B, DE_B], [EN_A, DE_B, DE_C]),
        *([EN_B, DE_A, EN_A], [DE_C, DE_A, EN_B]),
      ],
    ),
  ],
)
def test_the_nearest_in_the_languages_allowed(pool, which, expected):
  rank = by_model(FakeEncoder(), EMBEDDINGS, pool, which, 3)
  found = rank(RECORDS, pool.positive_of)
  assert found.places.tolist() == expected
  # Each query with its own passage, whether it was looked at or not.
  assert found.positive_scores.tolist() == [4, 1, -2, 3, -1]


def test_bm25_ranks_by_shared_pieces(tokenizer, pool):
  rank = by_bm25(tokenizer, pool, "own", 3, "toy")
  found = rank(RECORDS, pool.positive_of)
  # "rot blau": "blau" is as rare as "rot", which stands twice.
  assert found.places[0].tolist() == [DE_A, DE_B, -1]
  assert found.places[1].tolist() == [DE_B, -1, -1]
  assert found.places[2].tolist() == [DE_C, -1, -1]
  assert found.places[3].tolist() == [EN_A, -1, -1]
  own = found.scores[:, 0]
  np.testing.assert_array_equal(found.positive_scores, own)


def test_bm25_over_languages(tokenizer, pool):
  other = by_bm25(tokenizer, pool, "other", 3, "toy")(RECORDS, pool.positive_of)
  # "rot lila": "rot" twice in two pieces (2 / 3.625) before "lila" (1 / 2).
  assert other.places[:, 0].tolist() == [EN_A, EN_B, EN_A, DE_A, DE_B]
  assert other.places[0].tolist() == [EN_A, -1, -1]
  both = by_bm25(tokenizer, pool, "any", 5, "toy")(RECORDS, pool.positive_of)
  assert set(both.places[0].tolist()) == {DE_A, DE_B, EN_A, -1}
  # One index for both: the own passage's score can be compared.
  np.testing.assert_array_equal(both.positive_scores, other.positive_scores)


def test_special_and_unknown_tokens_are_no_pieces(tokenizer, tmp_path):
  # All texts share <s> and </s>, and these two <unk>.
  records = [*RECORDS, Record("d", "de", "silber", "gold", "toy:6")]
  source = Source("toy", "2", lambda: iter(records))
  corpus = open_corpus(source, tokenizer, BARE, tmp_path)
  pool = make_pool(records, corpus)
  rank = by_bm25(tokenizer, pool, "any", 3, "toy")
  found = rank(records[-1:], pool.positive_of[-1:])
  assert found.places.tolist() == [[-1, -1, -1]]
  assert found.positive_scores.tolist() == [0]


@pytest.fixture(scope="module")
def text_encoder(tokenizer):
  arch = from_scratch(
    EncoderConfig(
      hidden_size=8, layers=1, heads=2, intermediate_size=12, max_positions=16
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
    query_prefix="rot ",
    passage_prefix="gelb ",
    query_length=8,
    passage_length=16,
    instruction="{instruction} gelb {query}",
    matryoshka=(),
  )
  return TextEncoder(
    model=make_bi_encoder(contract, EncoderConfig()),
    contract=contract,
    tokenizer=tokenizer,
    layout=Layout(packing=True, row_lengths=(16,), texts_per_row=3),
    mesh=make_mesh(1),
    tokens_per_batch=48,
  )


@pytest.fixture(scope="module")
def params(text_encoder):
  return text_encoder.model.init(jax.random.key(0))


def test_texts_are_written_as_the_data_set_has_them(text_encoder, params):
  prefixes = text_encoder.contract.prefixes
  encoder = DataEncoder(text_encoder, params, prefixes)
  texts = [record.query for record in RECORDS]
  same = np.testing.assert_array_equal
  same(encoder.passages(texts, ""), text_encoder.passages(params, texts))
  same(encoder.queries(RECORDS), text_encoder.queries(params, texts))

  bare = DataEncoder(text_encoder, params, BARE)
  assert not np.array_equal(bare.queries(RECORDS), encoder.queries(RECORDS))
  told = [
    dataclasses.replace(RECORDS[0], instruction="lila"),
    dataclasses.replace(RECORDS[3], instruction="blau blau"),
  ]
  written = [
    dataclasses.replace(RECORDS[0], query="lila gelb rot blau"),
    dataclasses.replace(RECORDS[3], query="blau blau gelb rot lila"),
  ]
  same(encoder.queries(told), bare.queries(written))


def test_passages_that_are_not_finite_are_refused(text_encoder, params):
  broken = jax.tree.map(lambda leaf: leaf * np.nan, params)
  encoder = DataEncoder(text_encoder, broken, BARE)
  with pytest.raises(UserError, match="1 of 1 passage embeddings"):
    encoder.passages(["blau"], "")
