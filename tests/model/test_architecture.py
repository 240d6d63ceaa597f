import json
import pathlib

import pytest

from hybrid_ir.config import Encoder as EncoderConfig
from hybrid_ir.errors import UserError
from hybrid_ir.model.architecture import from_huggingface, from_scratch

BERT = json.loads(
  (
    pathlib.Path(__file__).parent / "fixtures" / "tiny_bert" / "config.json"
  ).read_text()
)


def test_reads_transformers_fields(arch):
  assert from_huggingface(BERT, "x") == arch


def test_from_scratch_follows_the_config():
  config = EncoderConfig(
    hidden_size=12, layers=3, heads=4, intermediate_size=20, max_positions=30
  )
  arch = from_scratch(config, vocab_size=77)
  assert (arch.vocab_size, arch.hidden_size, arch.layers, arch.heads) == (
    *(77, 12, 3, 4),
  )
  assert (arch.intermediate_size, arch.max_positions) == (20, 30)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (
      {"model_type": "t5"},
      "f/config.json: model_type is 't5'; expected 'bert'",
    ),
    ({"model_type": None}, "model_type is None"),
    ({"position_embedding_type": "relative_key"}, "relative_key.*'absolute'"),
    ({"hidden_act": "swish"}, "hidden_act is 'swish'; expected one of gelu"),
    ({"hidden_size": None}, "hidden_size is None; expected a number"),
    ({"vocab_size": "many"}, "vocab_size is 'many'"),
    ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
    ({"layer_norm_eps": True}, "layer_norm_eps is True"),
    ({"num_attention_heads": 3}, r"num_attention_heads is 3.* divide .*\(16\)"),
  ],
)
def test_refuses_what_it_cannot_be(change, message):
  with pytest.raises(UserError, match=message):
    from_huggingface({**BERT, **change}, "f/config.json")


def test_names_a_missing_field():
  fields = {k: v for k, v in BERT.items() if k != "type_vocab_size"}
  with pytest.raises(UserError, match="type_vocab_size"):
    from_huggingface(fields, "x")


def test_refuses_json_that_is_no_object():
  with pytest.raises(UserError, match=r"config.json: expected a JSON object"):
    from_huggingface([1], "config.json")
