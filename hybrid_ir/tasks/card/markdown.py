"""Texts to Markdown that shows them letter by letter. For the card's parts."""

import json
import pathlib
import re
from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
  """A table of texts that are Markdown already."""
  lines = [columns, ["---"] * len(columns), *rows]
  cells = [[text.replace("|", r"\|") for text in line] for line in lines]
  return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def listed(items: Iterable[str]) -> str:
  """A list, an item a line."""
  return "\n".join(f"- {item}" for item in items)


def escape(text: str) -> str:
  """A text that is no Markdown, on one line."""
  return re.sub(r"([\\`*\[\]<>~$])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
  """A text as code, between more backticks than it has in a row."""
  text = " ".join(text.split())
  runs = re.findall("`+", text)
  fence = "`" * (1 + max(map(len, runs), default=0))
  return f"{fence} {text} {fence}" if runs else f"{fence}{text}{fence}"


def quoted(text: str) -> str:
  """A text as code in quotes, so that spaces at its ends show."""
  return code(json.dumps(text, ensure_ascii=False)) if text else "nothing"


def name(path: str) -> str:
  """A file's or folder's name as code, without what stands before it."""
  return code(pathlib.Path(path).name)
