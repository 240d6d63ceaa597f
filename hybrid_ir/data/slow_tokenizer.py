"""Vocabularies of older models; the only importer of transformers.

From folders without a tokenizer.json, to `tokenizer`.
"""

import os
import pathlib

from hybrid_ir.errors import UserError

FILES = ("sentencepiece.bpe.model", "tokenizer.model", "vocab.txt")


def is_there(folder: pathlib.Path) -> bool:
  """Whether a folder has a vocabulary that can be converted."""
  return any((folder / name).exists() for name in FILES)


def convert(folder: pathlib.Path) -> str:
  """The content that the folder's tokenizer.json would have.

  Raises:
    UserError: a vocabulary that transformers cannot read, or that wants code
      of its own.
  """
  os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
  import transformers  # seconds, for few models

  try:
    tokenizer = transformers.AutoTokenizer.from_pretrained(
      folder, trust_remote_code=False, local_files_only=True
    )
    # For files that it does not find, it gives special tokens and no others.
    if len(tokenizer.get_vocab()) <= len(tokenizer.all_special_tokens):
      raise ValueError("no pieces were found in it")
    serialized: str = tokenizer.backend_tokenizer.to_str()
  except Exception as error:  # of many kinds, by what is wrong with the files
    reason = " ".join(str(error).split())[:200]
    raise UserError(
      f"{folder}: has no tokenizer.json, and its vocabulary cannot be converted"
      f" ({reason}); save it with transformers' fast tokenizer"
    ) from None
  return serialized
