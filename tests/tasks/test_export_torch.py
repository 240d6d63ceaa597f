"""Exports as sentence-transformers and transformers see them.

Runs where the `parity` extra is installed.
"""

import dataclasses
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tokenizers
from tokenizers import normalizers, pre_tokenizers, processors, trainers

from hybrid_ir.config import Config, Layout
from hybrid_ir.data.tokenizer import Tokenizer, train_unigram
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.bi_encoder import make_bi_encoder
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.sentence_transformers import Dense
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.tasks.card import write_card
from hybrid_ir.tasks.export import write_folder
from hybrid_ir.tasks.model import LoadedModel, Model
from hybrid_ir.training.mesh import make_mesh

torch = pytest.importorskip("torch", reason="the extra `parity` is not there")
sbert = pytest.importorskip(
  "sentence_transformers", reason="the extra `parity` is not there"
)
transformers = pytest.importorskip("transformers")

LONG = "Der Fluss fließt an der Mühle vorbei und weiter bis zum Meer. " * 4
TEXTS = [
  "wo steht die Mühle",
  "a",
  "Değirmen nehrin yanında duruyor.",
  LONG[:90],
  LONG,
]
QUERY_LENGTH, PASSAGE_LENGTH = 14, 26


def unigram():
  """As `encoder.path`='' trains it."""
  return train_unigram(TEXTS, vocab_size=90)


def wordpiece():
  """A BERT tokenizer, as Hugging Face's are."""
  tokenizer = tokenizers.Tokenizer(
    tokenizers.models.WordPiece(unk_token="[UNK]")
  )
  tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
  tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
  special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
  trainer = trainers.WordPieceTrainer(
    vocab_size=90, special_tokens=special, show_progress=False
  )
  tokenizer.train_from_iterator(TEXTS, trainer)
  tokenizer.post_processor = processors.TemplateProcessing(
    single="[CLS] $A [SEP]",
    pair="[CLS] $A [SEP] $B:1 [SEP]:1",
    special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
  )
  # As many hub files are; whoever loads them must set both anew.
  tokenizer.enable_truncation(9)
  tokenizer.enable_padding(length=9)
  roles = dict(zip(("pad", "unk", "cls", "sep", "mask"), special, strict=True))
  roles["bos"] = "<s>"  # which the vocabulary does not have
  return Tokenizer(
    tokenizer.to_str(), {f"{role}_token": t for role, t in roles.items()}
  )


def architecture(family, tokenizer):
  shape = {
    "family": family,
    "vocab_size": tokenizer.size,
    "hidden_size": 24,
    "layers": 4,
    "heads": 3,
    "intermediate_size": 40,
    "max_positions": 32,
    "token_types": 2,
    "norm_epsilon": 1e-5,
    "activation": "gelu",
  }
  if family == "xlm-roberta":
    shape |= {
      "token_types": 1,
      "position_offset": tokenizer.id_of("pad_token") + 1,
    }
  if family == "modernbert":
    shape |= {
      "token_types": 0,
      "window": 4,
      "global_every": 3,
      "global_theta": 160_000.0,
      "local_theta": 10_000.0,
    }
  return Architecture(**shape)


def make_model(family, pooling, dense=(), normalize=True, make=unigram):
  """A model with every weight drawn."""
  tokenizer = make()
  contract = Contract(
    architecture=architecture(family, tokenizer),
    tokenizer=tokenizer.fingerprint,
    pooling=pooling,
    dense=dense,
    normalize=normalize,
    temperature=0.05,
    query_prefix="wer: ",
    passage_prefix="über: ",
    query_length=QUERY_LENGTH,
    passage_length=PASSAGE_LENGTH,
    instruction="Instruct: {instruction}\nQuery: {query}",
    matryoshka=(),
  )
  bi_encoder = make_bi_encoder(contract, Config().encoder)
  rng = np.random.default_rng(3)
  params = jax.tree_util.tree_map_with_path(
    lambda path, x: rng.normal(path[-1].key == "scale", 0.2, x.shape).astype(
      np.float32
    ),
    jax.eval_shape(bi_encoder.init, jax.random.key(0)),
  )
  return LoadedModel(Model(tokenizer, contract, bi_encoder), params, 0, 0.05)


def ours(loaded, kind):
  """[T, E] of TEXTS, by the package itself."""
  model = loaded.model
  encoder = TextEncoder(
    model.bi_encoder,
    model.contract,
    model.tokenizer,
    Layout(row_lengths=(32,)),
    make_mesh(1),
    tokens_per_batch=64,
  )
  return getattr(encoder, kind)(loaded.params, TEXTS)


def write(loaded, folder, dtype="float32"):
  folder.mkdir()
  write_folder(folder, loaded, dtype, "nowhere")
  card = write_card(Config(), loaded.model.contract, 0, 0.05, [], "towns")
  (folder / "README.md").write_text(card, encoding="utf-8")
  return folder


DENSE = (Dense(20, "tanh", True), Dense(16, "identity", False))
CASES = {
  "bert mean": ("bert", "mean"),
  "bert cls wordpiece": ("bert", "cls", (), True, wordpiece),
  "bert pooler unnormalized": ("bert", "cls", DENSE[:1], False),
  "xlm-roberta mean": ("xlm-roberta", "mean"),
  "xlm-roberta cls dense": ("xlm-roberta", "cls", DENSE),
  "modernbert mean wordpiece": ("modernbert", "mean", (), True, wordpiece),
  "modernbert cls dense": ("modernbert", "cls", DENSE, False),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def loaded(request):
  return make_model(*request.param)


@pytest.fixture
def folder(loaded, tmp_path):
  return write(loaded, tmp_path / "export")


def norm_error(x, expected):
  return float(np.max(np.abs(x - expected)) / np.max(np.abs(expected)))


def test_sentence_transformers_gives_our_embeddings(loaded, folder, capfd):
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    model = sbert.SentenceTransformer(str(folder), device="cpu")
  assert "[transformers]" not in capfd.readouterr().err  # nothing to explain
  expected = ours(loaded, "passages")
  passages = model.encode(TEXTS, prompt_name="passage", batch_size=2)
  assert norm_error(passages, expected) < 1e-5
  assert norm_error(model.encode_document(TEXTS), expected) < 1e-5
  model.max_seq_length = QUERY_LENGTH
  queries = model.encode(TEXTS, prompt_name="query")
  assert norm_error(queries, ours(loaded, "queries")) < 1e-5
  similarity = "cosine" if loaded.model.contract.normalize else "dot"
  assert model.similarity_fn_name == similarity


def test_short_queries_need_no_limit_of_their_own(loaded, folder):
  model = sbert.SentenceTransformer(str(folder), device="cpu")
  short = [TEXTS.index("a")]
  queries = model.encode_query([TEXTS[i] for i in short])
  assert norm_error(queries, ours(loaded, "queries")[short]) < 1e-5


def test_the_cards_code_gives_our_embeddings(loaded, folder):
  blocks = (folder / "README.md").read_text("utf-8").split("```")
  (code,) = [b.removeprefix("python\n") for b in blocks if "AutoModel" in b]
  names = {}
  exec(code.replace('"FOLDER"', repr(str(folder))), names)
  contract = loaded.model.contract
  for kind, prefix, length in (
    ("queries", contract.query_prefix, contract.query_length),
    ("passages", contract.passage_prefix, contract.passage_length),
  ):
    theirs = names["embed"]([prefix + text for text in TEXTS], length).numpy()
    assert norm_error(theirs, ours(loaded, kind)) < 1e-5


def test_the_tokenizer_gives_our_ids(loaded, folder):
  tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
  assert len(tokenizer) == loaded.model.tokenizer.size
  assert tokenizer.model_max_length == PASSAGE_LENGTH
  batch = tokenizer([f" {text} " for text in TEXTS])["input_ids"]
  expected = loaded.model.tokenizer.encode([f" {text} " for text in TEXTS])
  assert [list(ids) for ids in expected] == batch


@pytest.mark.parametrize(
  "name", ["bert mean", "xlm-roberta cls dense", "modernbert cls dense"]
)
def test_bfloat16_is_ours_rounded(name, tmp_path):
  loaded = make_model(*CASES[name])
  folder = write(loaded, tmp_path / "export", "bfloat16")
  rounded = jax.tree.map(
    lambda x: x.astype(jnp.bfloat16).astype(np.float32), loaded.params
  )
  expected = ours(dataclasses.replace(loaded, params=rounded), "passages")
  model = sbert.SentenceTransformer(
    str(folder), device="cpu", model_kwargs={"dtype": torch.float32}
  )
  passages = model.encode(TEXTS, prompt_name="passage")
  assert norm_error(passages, expected) < 1e-5
  # As a user loads it, it computes in bfloat16, too.
  model = sbert.SentenceTransformer(str(folder), device="cpu")
  passages = model.encode(TEXTS, prompt_name="passage")
  assert 1e-5 < norm_error(passages, expected) < 0.05
