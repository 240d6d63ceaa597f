"""A sentence-transformers folder's modules. To `contract` and `bi_encoder`.

Such a folder says, beside the encoder, how states become an embedding: its
modules.json lists Transformer, Pooling, any Dense and Normalize; other files
have prompts and the longest text. What we export also has our own contract.
"""

import dataclasses
import json
import pathlib
from typing import Any

from hybrid_ir.errors import UserError

CONTRACT_FILE = "hybrid_ir.json"  # ours, in folders that we export
ACTIVATIONS = {
  "identity": "torch.nn.modules.linear.Identity",
  "tanh": "torch.nn.modules.activation.Tanh",
}
_POOLINGS = {
  "pooling_mode_cls_token": "cls",
  "pooling_mode_mean_tokens": "mean",
}
_MODULES = "modules.json"
_PASSAGE_PROMPTS = ("passage", "document", "corpus")  # in use, by preference
_NO_LIMIT = 100_000  # tokenizers write 1e30 for "no longest text"


@dataclasses.dataclass(frozen=True)
class Dense:
  """A dense layer behind the pooling."""

  size: int  # of what comes out
  activation: str  # of ACTIVATIONS
  bias: bool


@dataclasses.dataclass(frozen=True)
class Modules:
  """What a folder says; None where it says nothing."""

  pooling: str | None = None
  dense: tuple[Dense, ...] = ()
  dense_folders: tuple[str, ...] = ()  # where the weights of each are
  normalize: bool | None = None
  query_prompt: str | None = None
  passage_prompt: str | None = None
  query_length: int | None = None  # tokens
  passage_length: int | None = None
  instruction: str | None = None


def read_modules(folder: pathlib.Path) -> Modules:
  """Reads what a folder says beside the encoder.

  Raises:
    UserError: modules that cannot be had here, or malformed files.
  """
  longest = _longest(folder)
  stored = _read(folder / CONTRACT_FILE, {})
  prompts = _read(folder / "config_sentence_transformers.json", {})
  texts = prompts.get("prompts", {})
  modules = Modules(
    query_prompt=texts.get("query"),
    passage_prompt=next(
      (texts[name] for name in _PASSAGE_PROMPTS if name in texts), None
    ),
    query_length=stored.get("query_length", longest),
    passage_length=stored.get("passage_length", longest),
    instruction=stored.get("instruction"),
  )
  entries = _read(folder / _MODULES, [])
  for entry in entries:
    modules = _add(modules, folder, entry)
  if entries and modules.normalize is None:
    # Cosines of plain vectors are dot products of normalized ones.
    similarity = prompts.get("similarity_fn_name") or "cosine"
    modules = dataclasses.replace(modules, normalize=similarity == "cosine")
  return modules


def _add(modules: Modules, folder: pathlib.Path, entry: Any) -> Modules:
  """The modules with one more."""
  where = folder / _MODULES
  if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
    raise UserError(f"{where}: expected a list of objects with 'type'")
  kind = entry["type"].rsplit(".", 1)[-1]
  path = folder / str(entry.get("path", ""))
  if modules.normalize:
    raise UserError(f"{where}: {kind} stands after Normalize; expected it last")
  match kind:
    case "Transformer":
      return modules
    case "Pooling":
      return dataclasses.replace(modules, pooling=_pooling(path))
    case "Dense":
      return dataclasses.replace(
        modules,
        dense=(*modules.dense, _dense(path)),
        dense_folders=(*modules.dense_folders, str(entry["path"])),
      )
    case "Normalize":
      return dataclasses.replace(modules, normalize=True)
    case _:
      raise UserError(
        f"{where}: the module {kind} cannot be had here; expected Transformer,"
        " Pooling, Dense and Normalize"
      )


def _pooling(path: pathlib.Path) -> str:
  """Of Pooling's config: one mode, as old or new versions write it."""
  where = path / "config.json"
  config = _read(where, None)
  mode = config.get("pooling_mode")
  if mode is None:
    modes = [
      name
      for name, value in config.items()
      if name.startswith("pooling_mode_") and value is True
    ]
    mode = _POOLINGS.get(modes[0], modes[0]) if len(modes) == 1 else modes
  if mode not in _POOLINGS.values():
    raise UserError(f"{where}: pools by {mode}; expected mean or cls")
  if config.get("include_prompt") is False:
    raise UserError(
      f"{where}: include_prompt is false; pooling without the prompt cannot be"
      " had here"
    )
  return str(mode)


def _dense(path: pathlib.Path) -> Dense:
  where = path / "config.json"
  config = _read(where, None)
  name = str(config.get("activation_function", ACTIVATIONS["tanh"]))
  known = {full.rsplit(".", 1)[-1]: ours for ours, full in ACTIVATIONS.items()}
  activation = known.get(name.rsplit(".", 1)[-1])
  if activation is None:
    raise UserError(
      f"{where}: activation_function is {name}; expected {' or '.join(known)}"
    )
  size = config.get("out_features")
  if type(size) is not int or size < 1:
    raise UserError(f"{where}: out_features is {size!r}; expected a count")
  return Dense(size, activation, bool(config.get("bias", True)))


def _longest(folder: pathlib.Path) -> int | None:
  """Tokens of the longest text, if a file says so."""
  path = folder / "sentence_bert_config.json"
  config = _read(path, {})
  if config.get("do_lower_case"):
    raise UserError(
      f"{path}: do_lower_case is true; lower-casing before the tokenizer cannot"
      " be had here"
    )
  longest = config.get("max_seq_length")
  if longest is None:
    longest = _read(folder / "tokenizer_config.json", {}).get(
      "model_max_length"
    )
  if longest is None or longest > _NO_LIMIT:
    return None
  return int(longest)


def _read(path: pathlib.Path, otherwise: Any) -> Any:
  """A JSON file of the type of `otherwise`; None: an object that must be."""
  try:
    content = json.loads(path.read_text(encoding="utf-8"))
  except FileNotFoundError:
    if otherwise is None:
      raise UserError(
        f"{path}: no such file, but the {_MODULES} of the model names its"
        " folder; copy or download it too"
      ) from None
    return otherwise
  except ValueError as error:
    raise UserError(
      f"{path}: not JSON ({error}); copy or download it again"
    ) from None
  expected = list if isinstance(otherwise, list) else dict
  if not isinstance(content, expected):
    raise UserError(f"{path}: expected a JSON {expected.__name__}")
  return content
