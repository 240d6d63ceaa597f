"""A model to a folder that others load. From params, to task=export.

config.json and the weights are transformers'. The modules are those of
sentence-transformers, under their old names: tried with 2.7 (but for dense
layers, which it wants as pickles), 3.4, 5.1 and 6.2.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from hybrid_ir.model import contract as contract_lib
from hybrid_ir.model import weights
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.encoder import Params
from hybrid_ir.model.huggingface import to_huggingface
from hybrid_ir.model.sentence_transformers import (
  ACTIVATIONS,
  CONTRACT_FILE,
  Dense,
)
from hybrid_ir.model.tensors import write_tensors


def encoder_arguments(arch: Architecture) -> dict[str, Any]:
  """What AutoModel.from_pretrained must be told.

  BERT's pooler is not used and has no weights here: AutoModel would draw some,
  and warn of it.
  """
  has_pooler = arch.family in ("bert", "xlm-roberta")
  return {"add_pooling_layer": False} if has_pooler else {}


def dense_folders(contract: Contract) -> list[str]:
  """Where the dense layers' weights are; modules count from the encoder."""
  return [f"{i}_Dense" for i in range(2, 2 + len(contract.dense))]


def write_model(
  folder: pathlib.Path,
  contract: Contract,
  params: Params,
  special: Mapping[str, int],
  temperature: float,
  dtype: str,
) -> None:
  """Writes all but the tokenizer; `weights.read_params` reads it back.

  Args:
    folder: an empty one.
    contract: of the model.
    params: the bi-encoder's, on the host or on devices.
    special: "pad" and its like -> the token's id; "pad" must be there.
    temperature: of the loss, as training left it.
    dtype: of the stored weights, float32 or bfloat16.

  Raises:
    UserError: special tokens that do not fit the encoder.
  """
  arch = contract.architecture
  config = {**to_huggingface(arch, special), "dtype": dtype}
  _write_json(folder / "config.json", config)
  weights.write_params(folder, arch, params, dtype)
  _write_json(folder / "1_Pooling" / "config.json", _pooling(contract))
  names = ["", "1_Pooling", *dense_folders(contract)]
  size = arch.hidden_size
  for i, layer in enumerate(contract.dense):
    here = folder / names[2 + i]
    _write_dense(here, layer, size, params["dense"][str(i)], dtype)
    size = layer.size
  if contract.normalize:
    names.append(f"{len(names)}_Normalize")  # has no files
  _write_json(
    folder / "modules.json", [*map(_module, range(len(names)), names)]
  )
  longest = max(contract.query_length, contract.passage_length)
  _write_json(
    folder / "sentence_bert_config.json",
    {
      "max_seq_length": longest,
      "do_lower_case": False,
      "model_args": encoder_arguments(arch),
    },
  )
  _write_json(
    folder / "config_sentence_transformers.json",
    {
      "prompts": {
        "query": contract.query_prefix,
        "passage": contract.passage_prefix,
        "document": contract.passage_prefix,  # what encode_document() takes
      },
      "default_prompt_name": None,
      "similarity_fn_name": "cosine" if contract.normalize else "dot",
    },
  )
  _write_json(
    folder / CONTRACT_FILE,
    {**contract_lib.to_json(contract), "temperature": temperature},
  )


def _module(number: int, path: str) -> dict[str, Any]:
  """An entry of modules.json; the first module is the encoder."""
  kind = path.partition("_")[2] or "Transformer"
  return {
    "idx": number,
    "name": str(number),
    "path": path,
    "type": f"sentence_transformers.models.{kind}",
  }


def _pooling(contract: Contract) -> dict[str, Any]:
  return {
    "word_embedding_dimension": contract.architecture.hidden_size,
    "pooling_mode_cls_token": contract.pooling == "cls",
    "pooling_mode_mean_tokens": contract.pooling == "mean",
    "pooling_mode_max_tokens": False,
  }


def _write_dense(
  folder: pathlib.Path, layer: Dense, size: int, params: Params, dtype: str
) -> None:
  """One dense layer; `size`: of what comes in."""
  config = {
    "in_features": size,
    "out_features": layer.size,
    "bias": layer.bias,
    "activation_function": ACTIVATIONS[layer.activation],
  }
  _write_json(folder / "config.json", config)
  tensors = {"linear.weight": np.asarray(params["kernel"]).T}
  if layer.bias:
    tensors["linear.bias"] = np.asarray(params["bias"])
  write_tensors(folder / "model.safetensors", tensors, dtype)


def _write_json(path: pathlib.Path, content: Any) -> None:
  path.parent.mkdir(exist_ok=True)
  text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
  path.write_text(text, encoding="utf-8")
