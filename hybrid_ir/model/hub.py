"""Hub ids to folders and back; the only importer of `huggingface_hub`."""

import pathlib
import re

import huggingface_hub

from hybrid_ir.errors import UserError

_ID = r"(\w[\w.-]*/)?\w[\w.-]*"  # organisation/name; the oldest have no first
# Never a pickle, never code: what the readers of model/ and data/ open.
_FILES = (
  "config.json",
  "model.safetensors",
  "model-*.safetensors",
  "model.safetensors.index.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "sentencepiece.bpe.model",
  "tokenizer.model",
  "vocab.txt",
  "modules.json",
  "config_sentence_transformers.json",
  "sentence_bert_config.json",
  "*_Pooling/config.json",
  "*_Dense/config.json",
  "*_Dense/model.safetensors",
  "hybrid_ir.json",
)


def is_id(path: str) -> bool:
  """Whether a path is a hub id, and no folder here.

  An id is organisation/name, or of the oldest models a name alone
  ("bert-base-multilingual-cased").
  """
  is_folder = pathlib.Path(path).expanduser().is_dir()
  return not is_folder and bool(re.fullmatch(_ID, path))


def resolve(
  path: str, revision: str = "", named: str = "config key 'encoder.path'"
) -> pathlib.Path:
  """A local folder as it is; a hub id (`is_id`) downloaded once.

  The hub's own cache, token and offline mode (HF_HOME, HF_TOKEN,
  HF_HUB_OFFLINE) are honoured. Weights are safetensors: never a pickle.

  Args:
    path: folder or hub id.
    revision: of the hub's repository: branch, tag or commit; empty: newest.
    named: what the user set to `path`, for messages.

  Raises:
    UserError: neither a folder, nor a model that the hub gives; or a revision
      of a folder.
  """
  folder = pathlib.Path(path).expanduser()
  if not is_id(path):
    if revision:
      raise UserError(
        f"config key 'encoder.revision' is {revision!r}, but 'encoder.path' is"
        f" {path!r}, no hub id; expected it empty"
      )
    if not folder.is_dir():
      raise UserError(
        f"{named} is {path!r}: no such folder; name a local folder, or a hub"
        " id: organisation/name"
      )
    return folder
  try:
    return pathlib.Path(
      huggingface_hub.snapshot_download(
        path, revision=revision or None, allow_patterns=list(_FILES)
      )
    )
  except Exception as error:  # the hub's, httpx's and the system's own
    at = f" at revision {revision!r}" if revision else ""
    raise UserError(
      f"{named} is {path!r}: no such folder, and the hub did not give it as a"
      f" model{at} ({_first_line(error)}); name a local folder, or a hub id:"
      " organisation/name"
    ) from None


def downloaded_config(path: str, revision: str = "") -> pathlib.Path | None:
  """A hub id's config.json where `resolve` left it; None: it is not there.

  Nothing is downloaded.
  """
  if not re.fullmatch(_ID, path):
    return None
  found = huggingface_hub.try_to_load_from_cache(
    path, "config.json", revision=revision or None
  )
  return pathlib.Path(found) if isinstance(found, str) else None


def upload(folder: pathlib.Path, repo_id: str, private: bool) -> str:
  """Uploads a folder's files to a repository of the hub, made if need be.

  Args:
    folder: what is uploaded.
    repo_id: organisation/name.
    private: whether a repository that is made is private.

  Returns:
    The repository's address.

  Raises:
    UserError: the hub refused or cannot be reached; the folder stays.
  """
  try:
    url = huggingface_hub.create_repo(repo_id, private=private, exist_ok=True)
    huggingface_hub.upload_folder(repo_id=repo_id, folder_path=folder)
  except Exception as error:  # the hub's, httpx's and the system's own
    raise UserError(
      f"config key 'export.push_to_hub' is {repo_id!r}: the hub did not take"
      f" {folder} ({_first_line(error)}); log in with `hf auth login` or set"
      " HF_TOKEN, or leave the key empty"
    ) from None
  return str(url)


def _first_line(error: Exception) -> str:
  return str(error).split("\n", maxsplit=1)[0]
