"""What `--config.task` can name, a module each. From all the folders, to main."""
