"""Loss, step, loop, checkpoints. From data and model, to trained params."""
