"""Texts to embeddings by sentence-transformers. For models unknown to us.

The only importer of sentence_transformers, an extra: it brings PyTorch. What
`model` can read is never loaded here. Code of a model's own is never run.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid_ir.config import Text
from hybrid_ir.errors import UserError

if TYPE_CHECKING:
  from sentence_transformers import SentenceTransformer

_BATCH = 32


@dataclasses.dataclass(frozen=True, eq=False)
class LibraryEncoder:
  """A model that the library loaded."""

  model: "SentenceTransformer"
  text: Text  # prefixes and lengths, where they are set
  longest: int | None  # tokens, where the text's lengths say nothing

  def queries(self, texts: Sequence[str], progress: str) -> NDArray[np.float32]:
    """[Q, E] embeddings; `progress` names them, the bar is the library's."""
    text, encode = self.text, self.model.encode_query
    return self._encode(
      encode, texts, progress, text.query_prefix, text.query_length
    )

  def passages(
    self, texts: Sequence[str], progress: str
  ) -> NDArray[np.float32]:
    """[C, E] embeddings; `progress` names them, the bar is the library's."""
    text, encode = self.text, self.model.encode_document
    return self._encode(
      encode, texts, progress, text.passage_prefix, text.passage_length
    )

  def _encode(
    self,
    encode: Callable[..., object],
    texts: Sequence[str],
    progress: str,
    prompt: str | None,
    length: int | None,
  ) -> NDArray[np.float32]:
    self.model.max_seq_length = self.longest if length is None else length
    print(f"{progress}, by sentence-transformers", flush=True)
    embeddings = encode(
      list(texts),
      prompt=prompt,
      batch_size=_BATCH,
      show_progress_bar=True,
      normalize_embeddings=str(self.model.similarity_fn_name) == "cosine",
    )
    return np.asarray(embeddings, np.float32)


def load(
  folder: pathlib.Path, text: Text, dimensions: int, reason: str
) -> LibraryEncoder:
  """Loads a folder on the CPU or PyTorch's accelerator.

  Args:
    folder: in sentence-transformers' or Hugging Face's layout.
    text: prefixes and lengths; where they are None, the model's own prompts
      and longest text.
    dimensions: leading ones kept; 0: all.
    reason: why it is not read without the library, for the messages.

  Raises:
    UserError: the library is not installed, or cannot load it either.
  """
  try:
    from sentence_transformers import SentenceTransformer
  except ImportError:
    raise UserError(
      f"{reason}; sentence-transformers may know it: pip install"
      " sentence-transformers"
    ) from None
  try:
    model = SentenceTransformer(
      str(folder),
      trust_remote_code=False,
      local_files_only=True,
      model_kwargs={"use_safetensors": True},
      truncate_dim=dimensions or None,
    )
  except Exception as error:  # whatever the model's own code and files raise
    first = (str(error).splitlines() or [type(error).__name__])[0]
    raise UserError(
      f"{reason}; sentence-transformers cannot load it either ({first})"
    ) from None
  if str(model.similarity_fn_name) not in ("cosine", "dot"):
    raise UserError(
      f"{folder}: its similarity is {model.similarity_fn_name}; expected cosine"
      " or dot"
    )
  return LibraryEncoder(model, text, model.max_seq_length)
