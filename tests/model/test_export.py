import json

import jax
import numpy as np
import pytest

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.model import contract as contract_lib
from hybrid_ir.model import dense, weights
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.bi_encoder import make_bi_encoder
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.export import write_model
from hybrid_ir.model.sentence_transformers import Dense, Modules, read_modules

FAMILIES = {
  "bert": {"token_types": 2},
  "xlm-roberta": {"token_types": 1, "position_offset": 2},
  "modernbert": {
    "token_types": 0,
    "window": 4,
    "global_every": 3,
    "global_theta": 160_000.0,
    "local_theta": 10_000.0,
  },
}
SPECIAL = {"pad": 1, "bos": 0, "eos": 2}
LAYERS = (Dense(20, "tanh", True), Dense(12, "identity", False))


def make(family="bert", pooling="mean", layers=LAYERS, normalize=True):
  return Contract(
    architecture=Architecture(
      family=family,
      vocab_size=61,
      hidden_size=16,
      layers=4,
      heads=2,
      intermediate_size=24,
      max_positions=40,
      norm_epsilon=1e-5,
      activation="gelu",
      **FAMILIES[family],
    ),
    tokenizer="0123456789abcdef",
    pooling=pooling,
    dense=layers,
    normalize=normalize,
    temperature=0.05,
    query_prefix="wer: ",
    passage_prefix="über: ",
    query_length=32,
    passage_length=24,
    instruction="{instruction} | {query}",
    matryoshka=(4, 8),
  )


def draw(contract):
  """Parameters, every one drawn; the padded rows of the table stay zero."""
  bi_encoder = make_bi_encoder(contract, Config().encoder)
  rng = np.random.default_rng(0)
  params = jax.tree.map(
    lambda x: rng.normal(size=x.shape).astype(np.float32),
    jax.eval_shape(bi_encoder.init, jax.random.key(0)),
  )
  params["tokens"][contract.architecture.vocab_size :] = 0
  return params


def write(folder, contract, dtype="float32", special=SPECIAL):
  params = draw(contract)
  write_model(folder, contract, params, special, 0.043, dtype)
  return params


def read_back(folder, contract):
  arch = weights.read_architecture(folder)
  assert arch == contract.architecture
  params = weights.read_params(folder, arch)
  modules = read_modules(folder)
  if contract.dense:
    params["dense"] = dense.read_params(
      folder, contract.dense, modules, arch.hidden_size
    )
  return params


def read(folder, name):
  return json.loads((folder / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_parameters_come_back_bitwise(tmp_path, family, dtype):
  contract = make(family)
  params = write(tmp_path, contract, dtype)
  expected = jax.tree.map(
    lambda x: x.astype(jax.numpy.dtype(dtype)).astype(np.float32), params
  )
  found = read_back(tmp_path, contract)
  assert jax.tree.structure(found) == jax.tree.structure(expected)
  for x, y in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
    assert x.tobytes() == y.tobytes()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("layers", [(), LAYERS])
@pytest.mark.parametrize("normalize", [True, False])
def test_the_modules_come_back(tmp_path, pooling, layers, normalize):
  contract = make(pooling=pooling, layers=layers, normalize=normalize)
  write(tmp_path, contract)
  assert read_modules(tmp_path) == Modules(
    pooling=pooling,
    dense=layers,
    dense_folders=("2_Dense", "3_Dense") if layers else (),
    normalize=normalize,
    query_prompt="wer: ",
    passage_prompt="über: ",
    query_length=32,
    passage_length=24,
    instruction="{instruction} | {query}",
  )


def test_the_contract_travels_with_the_learned_temperature(tmp_path):
  contract = make()
  write(tmp_path, contract)
  stored = read(tmp_path, "hybrid_ir.json")
  assert stored.pop("temperature") == 0.043
  stored["temperature"] = contract.temperature
  assert contract_lib.from_json(stored, "here") == contract


def test_every_version_of_sentence_transformers_is_told_alike(tmp_path):
  write(tmp_path, make(layers=LAYERS[:1]))
  types = [module["type"] for module in read(tmp_path, "modules.json")]
  paths = [module["path"] for module in read(tmp_path, "modules.json")]
  start = "sentence_transformers.models."
  assert types == [
    start + name for name in ("Transformer", "Pooling", "Dense", "Normalize")
  ]
  assert paths == ["", "1_Pooling", "2_Dense", "3_Normalize"]
  assert read(tmp_path, "1_Pooling/config.json") == {
    "word_embedding_dimension": 16,
    "pooling_mode_cls_token": False,
    "pooling_mode_mean_tokens": True,
    "pooling_mode_max_tokens": False,
  }
  assert read(tmp_path, "2_Dense/config.json") == {
    "in_features": 16,
    "out_features": 20,
    "bias": True,
    "activation_function": "torch.nn.modules.activation.Tanh",
  }
  prompts = read(tmp_path, "config_sentence_transformers.json")
  assert prompts["prompts"] == {
    "query": "wer: ",
    "passage": "über: ",
    "document": "über: ",
  }
  assert prompts["similarity_fn_name"] == "cosine"


def test_plain_vectors_are_compared_by_dot_product(tmp_path):
  write(tmp_path, make(normalize=False))
  prompts = read(tmp_path, "config_sentence_transformers.json")
  assert prompts["similarity_fn_name"] == "dot"


@pytest.mark.parametrize(
  ("family", "arguments"),
  [
    ("bert", {"add_pooling_layer": False}),
    ("xlm-roberta", {"add_pooling_layer": False}),
    ("modernbert", {}),  # it has no such layer, and would refuse the argument
  ],
)
def test_no_pooler_is_drawn_at_random(tmp_path, family, arguments):
  write(tmp_path, make(family))
  config = read(tmp_path, "sentence_bert_config.json")
  assert config == {
    "max_seq_length": 32,
    "do_lower_case": False,
    "model_args": arguments,
  }


def test_a_padding_token_that_does_not_fit_is_refused(tmp_path):
  with pytest.raises(UserError, match="padding token has the id 0"):
    write(tmp_path, make("xlm-roberta"), special={"pad": 0})
