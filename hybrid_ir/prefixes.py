"""What is put before a text. From the model's contract, to every tokenizer.

Training, encoding and search write their texts here, and nowhere else.
"""

import dataclasses

from hybrid_ir.config import Data

INSTRUCTION = "Instruct: {instruction}\nQuery: {query}"


@dataclasses.dataclass(frozen=True)
class Prefixes:
  """How queries and passages are written before they are tokenized."""

  query: str
  passage: str
  instruction: str  # with {instruction} and {query}

  def write_query(self, query: str, instruction: str = "") -> str:
    """The query with its prefix, or in its instruction's frame."""
    if not instruction:
      return self.query + query
    # Not str.format: the texts may hold braces.
    before, after = self.instruction.split("{query}")
    framed = before.replace("{instruction}", instruction) + query
    return framed + after.replace("{instruction}", instruction)

  def write_passage(self, passage: str) -> str:
    """The passage with its prefix."""
    return self.passage + passage

  def of(self, name: str, data: Data) -> "Prefixes":
    """These, or where `data.prefixes` has some for a data set, its own."""
    if name not in data.prefixes:
      return self
    query, passage = data.prefixes[name]
    return dataclasses.replace(self, query=query, passage=passage)
