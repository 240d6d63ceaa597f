"""What `--config.task` names, a module each. From all folders, to main."""
