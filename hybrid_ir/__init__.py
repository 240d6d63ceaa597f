"""Hybrid batch training of multilingual retrievers in JAX."""

__version__ = "0.1.0"
