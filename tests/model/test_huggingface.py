"""config.json, read and written; that AutoModel loads it: test_parity_torch."""

import json
import pathlib

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.model.huggingface import from_huggingface, to_huggingface

FIXTURES = pathlib.Path(__file__).parent / "fixtures"


def config_of(family):
  path = FIXTURES / f"tiny_{family}" / "config.json"
  return json.loads(path.read_text())


def without(fields, *names):
  return {name: value for name, value in fields.items() if name not in names}


# ModernBERT's as the hub has it, from before transformers 5.
OLD_MODERN = {
  **without(config_of("modernbert"), "layer_types", "rope_parameters"),
  "global_attn_every_n_layers": 3,
  "global_rope_theta": 160000.0,
  "local_rope_theta": 100.0,
  "position_embedding_type": "absolute",  # there and without a meaning
}


@pytest.mark.parametrize("family", ["bert", "xlm_roberta", "modernbert"])
def test_reads_transformers_fields(family, arches):
  expected = arches(family.replace("_", "-"))
  assert from_huggingface(config_of(family), "x") == expected


def test_both_forms_of_modernbert_are_one(arches):
  assert from_huggingface(OLD_MODERN, "x") == arches("modernbert")


def test_modernberts_own_defaults(arches):
  fields = without(
    OLD_MODERN,
    "global_attn_every_n_layers",
    "global_rope_theta",
    "local_rope_theta",
    "hidden_activation",
    "norm_bias",
  )
  arch = from_huggingface(fields, "x")
  assert arch == arches("modernbert", local_theta=10_000.0)


@pytest.mark.parametrize(
  ("change", "window", "every"),
  [
    ({"layer_types": ["full_attention"] * 5}, 0, 1),
    ({"layer_types": ["full_attention", *["sliding_attention"] * 4]}, 3, 5),
    ({"local_attention": 7}, 3, 3),  # an odd window reaches as far as an even
  ],
)
def test_windows(change, window, every, arches):
  arch = from_huggingface({**config_of("modernbert"), **change}, "x")
  assert arch == arches("modernbert", window=window, global_every=every)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "modernbert"])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_what_is_written_is_read(family, activation, arches):
  arch = arches(family, activation=activation)
  pad = max(0, arch.position_offset - 1)
  fields = to_huggingface(arch, {"pad": pad, "sep": 7})
  assert fields["pad_token_id"] == pad
  assert fields["sep_token_id"] == 7
  assert from_huggingface(json.loads(json.dumps(fields)), "x") == arch
  if family == "modernbert":  # older versions see the same
    old = without(fields, "layer_types", "rope_parameters")
    assert from_huggingface(old, "x") == arch


def test_all_global_is_written_and_read(arches):
  arch = arches("modernbert", window=0, global_every=1)
  assert from_huggingface(to_huggingface(arch, {"pad": 0}), "x") == arch


def test_padding_that_is_not_the_positions(arches):
  with pytest.raises(UserError, match=r"id 0, .* counted from the id 1"):
    to_huggingface(arches("xlm-roberta"), {"pad": 0})


@pytest.mark.parametrize(
  ("family", "change", "message"),
  [
    (
      "bert",
      {"model_type": "t5"},
      r"f/config.json: model_type is 't5'; expected one of the families that"
      r" can be read: bert, xlm-roberta, modernbert",
    ),
    ("bert", {"model_type": None}, "model_type is None"),
    ("bert", {"model_type": ["bert"]}, r"model_type is \['bert'\]"),
    ("bert", {"auto_map": {"AutoModel": "x.Y"}}, "auto_map .* never run"),
    ("bert", {"is_decoder": True}, "is_decoder is True; expected False"),
    ("bert", {"pruned_heads": {"1": [0]}}, "pruned_heads is {'1'"),
    ("bert", {"quantization_config": {"bits": 4}}, "quantization_config is"),
    (
      "bert",
      {"position_embedding_type": "relative_key"},
      "relative_key.*'absolute'",
    ),
    ("bert", {"hidden_act": "swish"}, "'swish'; expected one of gelu, relu"),
    ("bert", {"hidden_act": None}, "hidden_act is None"),
    ("bert", {"hidden_size": None}, "hidden_size is None; expected a number"),
    ("bert", {"vocab_size": "many"}, "vocab_size is 'many'"),
    ("bert", {"vocab_size": 7.5}, "vocab_size is 7.5"),
    ("bert", {"num_hidden_layers": 0}, "num_hidden_layers is 0"),
    ("bert", {"layer_norm_eps": True}, "layer_norm_eps is True"),
    ("bert", {"num_attention_heads": 3}, r"heads is 3; that must.*\(16\)"),
    ("xlm_roberta", {"pad_token_id": None}, "pad_token_id is None"),
    ("xlm_roberta", {"pad_token_id": -1}, "pad_token_id is -1"),
    (
      "xlm_roberta",
      {"max_position_embeddings": 2},
      "max_position_embeddings is 2; expected a number of 3 or more",
    ),
    ("modernbert", {"norm_bias": True}, "norm_bias is True; expected False"),
    ("modernbert", {"attention_bias": True}, "attention_bias is True"),
    ("modernbert", {"mlp_bias": True}, "mlp_bias is True"),
    ("modernbert", {"rope_scaling": {"factor": 2}}, "rope_scaling is"),
    ("modernbert", {"hidden_activation": "silu"}, "'silu'; expected one of"),
    ("modernbert", {"num_hidden_layers": 1}, "number of 2 or more"),
    ("modernbert", {"local_attention": 1}, "local_attention is 1"),
    ("modernbert", {"num_attention_heads": 16}, "is 16; twice that must"),
    ("modernbert", {"layer_types": ["full_attention"] * 4}, "layer_types is"),
    (
      "modernbert",
      {"layer_types": ["sliding_attention"] * 5},
      "expected full_attention for layer 0",
    ),
    ("modernbert", {"rope_parameters": {}}, "an object with 'full_attention'"),
    (
      "modernbert",
      {"rope_parameters": {"full_attention": {"rope_theta": 0}}},
      "full_attention.rope_theta is 0; expected a number above 0",
    ),
    (
      "modernbert",
      {"rope_parameters": {"full_attention": {"rope_type": "yarn"}}},
      "rope_type is 'yarn'; expected 'default'",
    ),
  ],
)
def test_refuses_what_it_cannot_be(family, change, message):
  with pytest.raises(UserError, match=message) as error:
    from_huggingface({**config_of(family), **change}, "f/config.json")
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("family", ["bert", "xlm_roberta", "modernbert"])
def test_names_any_missing_field(family):
  fields = config_of(family)
  sized = [n for n in fields if "size" in n or "num_" in n or n.endswith("eps")]
  assert len(sized) >= 6
  for name in sized:
    with pytest.raises(UserError, match=f"x: {name} is None"):
      from_huggingface(without(fields, name), "x")


def test_refuses_json_that_is_no_object():
  with pytest.raises(UserError, match=r"config.json: expected a JSON object"):
    from_huggingface([1], "config.json")
