"""Texts to embeddings by sentence-transformers. For models unknown to us.

The only importer of sentence_transformers, an extra: it brings PyTorch. What
`model` can read is never loaded here. Code of a model's own is never run.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
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
  dimensions: int  # leading ones kept; 0: all
  longest: int | None  # tokens, where the text's lengths say nothing

  def queries(self, texts: Sequence[str], progress: str) -> NDArray[np.float32]:
    """[Q, E] embeddings; `progress` names them, the bar is the library's."""
    self._cut_at(self.text.query_length)
    print(f"{progress}, by sentence-transformers", flush=True)
    return self._whole(
      self.model.encode_query(
        list(texts),
        prompt=self.text.query_prefix,
        batch_size=_BATCH,
        show_progress_bar=True,
        normalize_embeddings=self._cosine,
      )
    )

  def passages(
    self, texts: Sequence[str], progress: str
  ) -> NDArray[np.float32]:
    """[C, E] embeddings; `progress` names them, the bar is the library's."""
    self._cut_at(self.text.passage_length)
    print(f"{progress}, by sentence-transformers", flush=True)
    return self._whole(
      self.model.encode_document(
        list(texts),
        prompt=self.text.passage_prefix,
        batch_size=_BATCH,
        show_progress_bar=True,
        normalize_embeddings=self._cosine,
      )
    )

  @property
  def _cosine(self) -> bool:
    return str(self.model.similarity_fn_name) == "cosine"

  def _cut_at(self, length: int | None) -> None:
    self.model.max_seq_length = self.longest if length is None else length

  def _whole(self, embeddings: object) -> NDArray[np.float32]:
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
  return LibraryEncoder(model, text, dimensions, model.max_seq_length)
