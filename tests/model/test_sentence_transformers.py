"""Folders as sentence-transformers writes them, of old and new versions."""

import json

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.model.sentence_transformers import Dense, Modules, read_modules

OLD = "sentence_transformers.models"
NEW = "sentence_transformers.sentence_transformer.modules"


def entry(kind, path, package=OLD):
  return {"idx": 0, "name": "0", "path": path, "type": f"{package}.{kind}"}


LABSE = {  # as its hub folder has it
  "modules.json": [
    entry("Transformer", ""),
    entry("Pooling", "1_Pooling"),
    entry("Dense", "2_Dense"),
    entry("Normalize", "3_Normalize"),
  ],
  "1_Pooling/config.json": {
    "word_embedding_dimension": 768,
    "pooling_mode_cls_token": True,
    "pooling_mode_mean_tokens": False,
    "pooling_mode_max_tokens": False,
    "pooling_mode_mean_sqrt_len_tokens": False,
  },
  "2_Dense/config.json": {
    "in_features": 768,
    "out_features": 768,
    "bias": True,
    "activation_function": "torch.nn.modules.activation.Tanh",
  },
  "sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": False},
}


@pytest.fixture
def folder(tmp_path):
  """files -> the folder that holds them."""

  def write(files):
    for name, content in files.items():
      path = tmp_path / name
      path.parent.mkdir(exist_ok=True)
      text = content if isinstance(content, str) else json.dumps(content)
      path.write_text(text, "utf-8")
    return tmp_path

  return write


def test_a_plain_folder_says_nothing(folder):
  assert read_modules(folder({})) == Modules()


def test_labse(folder):
  assert read_modules(folder(LABSE)) == Modules(
    pooling="cls",
    dense=(Dense(768, "tanh", True),),
    dense_folders=("2_Dense",),
    normalize=True,
    query_length=256,
    passage_length=256,
  )


def test_a_folder_of_today(folder):
  files = {
    "modules.json": [
      entry("Transformer", "", "sentence_transformers.base.modules"),
      entry("Pooling", "1_Pooling", f"{NEW}.pooling"),
    ],
    "1_Pooling/config.json": {"pooling_mode": "mean", "include_prompt": True},
    "config_sentence_transformers.json": {
      "prompts": {"query": "Q: ", "document": "D: ", "corpus": "C: "},
      "similarity_fn_name": "dot",
    },
    "tokenizer_config.json": {"model_max_length": 128},
  }
  assert read_modules(folder(files)) == Modules(
    pooling="mean",
    normalize=False,
    query_prompt="Q: ",
    passage_prompt="D: ",
    query_length=128,
    passage_length=128,
  )


@pytest.mark.parametrize("name", [None, "cosine"])
def test_cosines_are_dot_products_of_normalized_vectors(folder, name):
  files = {k: v for k, v in LABSE.items() if "Dense" not in k}
  files["modules.json"] = LABSE["modules.json"][:2]
  files["config_sentence_transformers.json"] = {"similarity_fn_name": name}
  assert read_modules(folder(files)).normalize is True


def test_what_we_export_knows_more(folder):
  ours = {
    "query_length": 32,
    "passage_length": 128,
    "instruction": "{instruction}: {query}",
  }
  modules = read_modules(folder({**LABSE, "hybrid_ir.json": ours}))
  assert (modules.query_length, modules.passage_length) == (32, 128)
  assert modules.instruction == "{instruction}: {query}"


def test_a_tokenizer_without_a_limit_sets_none(folder):
  modules = read_modules(
    folder({"tokenizer_config.json": {"model_max_length": 10**30}})
  )
  assert modules.query_length is None


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"modules.json": "{"}, "modules.json: not JSON"),
    ({"modules.json": {"0": 1}}, "modules.json: expected a JSON list"),
    (
      {"modules.json": [{"path": ""}]},
      "expected a list of objects with 'type'",
    ),
    (
      {"modules.json": [entry("LSTM", "1_LSTM")]},
      "the module LSTM cannot be had here; expected Transformer, Pooling",
    ),
    (
      {"modules.json": [entry("Normalize", ""), entry("Dense", "2_Dense")]},
      "Dense stands after Normalize",
    ),
    (
      {"1_Pooling/config.json": {"pooling_mode": "lasttoken"}},
      "1_Pooling/config.json: pools by lasttoken; expected mean or cls",
    ),
    (
      {
        "1_Pooling/config.json": {
          "pooling_mode_cls_token": True,
          "pooling_mode_mean_tokens": True,
        }
      },
      r"pools by \['pooling_mode_cls_token', 'pooling_mode_mean_tokens'\]",
    ),
    (
      {"1_Pooling/config.json": {"pooling_mode_max_tokens": True}},
      "pools by pooling_mode_max_tokens; expected",
    ),
    (
      {
        "1_Pooling/config.json": {
          "pooling_mode": "cls",
          "include_prompt": False,
        }
      },
      "include_prompt is false",
    ),
    (
      {
        "2_Dense/config.json": {
          "out_features": 8,
          "activation_function": "torch.nn.modules.activation.GELU",
        }
      },
      "2_Dense/config.json: activation_function is .*GELU; expected",
    ),
    ({"2_Dense/config.json": {"out_features": "8"}}, "out_features is '8'"),
    (
      {"sentence_bert_config.json": {"do_lower_case": True}},
      "do_lower_case is true",
    ),
  ],
)
def test_what_cannot_be_had_is_refused(folder, changes, message):
  with pytest.raises(UserError, match=message) as caught:
    read_modules(folder({**LABSE, **changes}))
  assert "\n" not in str(caught.value)


def test_a_module_without_its_config_is_refused(folder):
  files = {k: v for k, v in LABSE.items() if k != "2_Dense/config.json"}
  with pytest.raises(UserError, match=r"2_Dense/config.json: no such file"):
    read_modules(folder(files))


def test_a_module_without_its_folder(folder):
  path = folder({"modules.json": LABSE["modules.json"]})
  message = (
    r"1_Pooling/config.json: no such file, but the modules.json of the model"
    r" names its folder; copy or download it too$"
  )
  with pytest.raises(UserError, match=message):
    read_modules(path)
