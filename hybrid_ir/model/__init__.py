"""The encoder and its weights. From batches of tokens, to embeddings."""
