"""Records to planned batches of tokens. From raw files, to training."""
