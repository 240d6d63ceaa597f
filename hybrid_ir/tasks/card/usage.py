"""Python that loads an export elsewhere. From the contract, to the card."""

import json

from hybrid_ir.model.contract import Contract
from hybrid_ir.model.export import dense_folders, encoder_arguments

_QUERY = "How tall is the tower?"
_PASSAGE = "The tower is 90 m tall."


def with_sentence_transformers(place: str) -> str:
  """Code to embed a query and a passage; `place`: a folder or hub id."""
  return f"""\
from sentence_transformers import SentenceTransformer

model = SentenceTransformer({_literal(place)})
queries = model.encode([{_literal(_QUERY)}], prompt_name="query")
passages = model.encode([{_literal(_PASSAGE)}], prompt_name="passage")
print(model.similarity(queries, passages))"""


def with_transformers(contract: Contract, place: str) -> str:
  """The same from the modules' parts: tokens, encoder, pooling, dense."""
  imports = ["import torch"]
  imports += ["from safetensors.torch import load_file"] * bool(contract.dense)
  imports += ["from transformers import AutoModel, AutoTokenizer"]
  arguments = "".join(
    f", {key}={value!r}"
    for key, value in encoder_arguments(contract.architecture).items()
  )
  pooled = {
    "mean": [
      '  mask = batch["attention_mask"][..., None]',
      "  x = (states * mask).sum(1) / mask.sum(1)",
    ],
    "cls": ["  x = states[:, 0]"],
  }[contract.pooling]
  dense = []
  for layer, folder in zip(
    contract.dense, dense_folders(contract), strict=True
  ):
    bias = ', dense["linear.bias"].float()' * layer.bias
    dense += [
      f'  dense = load_file(folder + "/{folder}/model.safetensors")',
      "  x = torch.nn.functional.linear(",
      f'    x, dense["linear.weight"].float(){bias}',
      "  )",
    ]
    dense += ["  x = torch.tanh(x)"] * (layer.activation == "tanh")
  last = "torch.nn.functional.normalize(x)" if contract.normalize else "x"
  lines = [
    *imports,
    "",
    f"folder = {_literal(place)}",
    "tokenizer = AutoTokenizer.from_pretrained(folder)",
    f"model = AutoModel.from_pretrained(folder{arguments})",
    "",
    "",
    "@torch.inference_mode()",
    "def embed(texts, max_length):",
    "  batch = tokenizer(",
    "    texts,",
    "    padding=True,",
    "    truncation=True,",
    "    max_length=max_length,",
    '    return_tensors="pt",',
    "  )",
    "  states = model(**batch).last_hidden_state.float()",
    *pooled,
    *dense,
    f"  return {last}",
    "",
    "",
    f"queries = embed([{_literal(contract.query_prefix + _QUERY)}],"
    f" {contract.query_length})",
    f"passages = embed([{_literal(contract.passage_prefix + _PASSAGE)}],"
    f" {contract.passage_length})",
    "print(queries @ passages.T)",
  ]
  return "\n".join(lines)


def _literal(text: str) -> str:
  """A text as Python reads it; what JSON escapes, Python escapes alike."""
  return json.dumps(text, ensure_ascii=False)
