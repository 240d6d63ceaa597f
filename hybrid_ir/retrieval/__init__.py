"""Texts to embeddings to ranked passages. From model, to evaluation."""
