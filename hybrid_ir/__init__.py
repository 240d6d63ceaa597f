"""Hybrid batch training of multilingual retrievers in JAX."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  from hybrid_ir.api import Hit, Index, Retriever, load, open_index

__version__ = "0.1.0"
__all__ = ["Hit", "Index", "Retriever", "load", "open_index"]

if not TYPE_CHECKING:

  def __getattr__(name):
    """What `api` gives, imported when it is asked for: JAX takes seconds."""
    if name in __all__:
      return getattr(importlib.import_module("hybrid_ir.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
