"""Hub ids to folders; the only importer of `huggingface_hub`. To `weights`."""

import pathlib
import re

import huggingface_hub

from hybrid_ir.errors import UserError

_ID = r"\w[\w.-]*/[\w.-]+"  # organisation/name
_FILES = ("config.json", "tokenizer.json", "model.safetensors")


def resolve(path: str) -> pathlib.Path:
  """A local folder as it is; a hub id (organisation/name) downloaded once.

  The hub's own cache, token and offline mode (HF_HOME, HF_TOKEN,
  HF_HUB_OFFLINE) are honoured. Weights are safetensors: never a pickle.

  Raises:
    UserError: neither a folder, nor a model that the hub gives.
  """
  folder = pathlib.Path(path).expanduser()
  if folder.is_dir() or not re.fullmatch(_ID, path):
    return folder
  try:
    return pathlib.Path(
      huggingface_hub.snapshot_download(path, allow_patterns=list(_FILES))
    )
  except Exception as error:  # the hub's, httpx's and the system's own
    reason = str(error).split("\n", maxsplit=1)[0]
    raise UserError(
      f"config key 'encoder.path' is {path!r}: no such folder, and the hub"
      f" did not give it ({reason}); name a local folder"
    ) from None
