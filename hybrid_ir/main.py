"""Runs a task: `python -m hybrid_ir.main --config=configs/quickstart.py`.

Any key of the config can be set: --config.train.steps=200. Every key, with its
meaning and default, stands in hybrid_ir/config.py.
"""

import importlib
import os
import pathlib
import sys

from absl import app, flags, logging

from hybrid_ir import command_line
from hybrid_ir.clock import STARTED as STARTED  # before what takes time
from hybrid_ir.command_line import CONFIG, WORKDIR, fail, parse
from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.errors import UserError

flags.adopt_module_key_flags(command_line)  # --help shows them


def main() -> None:
  """The command; exits with 2 where a user can mend something."""
  app.run(_run, flags_parser=parse)


def _run(argv: list[str]) -> None:
  try:
    if len(argv) > 1:
      raise UserError(f"unexpected argument {argv[1]!r}; flags begin with --")
    for flag in (CONFIG, WORKDIR):
      if not flag.value:
        raise UserError(f"the flag --{flag.name} is missing; see --help")
    config = CONFIG.value
    if not isinstance(config, Config):
      raise UserError("get_config() must return a hybrid_ir.config.Config")
    check(config)
    if config.task == "report" and not os.path.isdir(WORKDIR.value):
      raise UserError(f"--workdir={WORKDIR.value}: no such folder to report on")
    _set_up_libraries(config)
    from hybrid_ir.workdir import open_workdir

    task = importlib.import_module(f"hybrid_ir.tasks.{config.task}")
    if "jax" in sys.modules:  # a task that computes
      importlib.import_module("hybrid_ir.allocator").keep_memory()
    with open_workdir(WORKDIR.value, config) as workdir:
      task.run(config, workdir)
  except UserError as error:
    fail(str(error))


def _set_up_libraries(config: Config) -> None:
  """Quiets third parties, before they are imported; keeps compiled steps."""
  cache = pathlib.Path(config.cache_dir).expanduser() / "compiled"
  try:
    cache.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise UserError(
      f"config key 'cache_dir' is {config.cache_dir!r}: cannot be written"
      f" ({error.strerror}); name a folder that you may write to"
    ) from None
  for name, value in {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "NO_GCE_CHECK": "true",
    "JAX_COMPILATION_CACHE_DIR": str(cache),
    # A run compiles some hundred small functions beside its step: together
    # they take seconds, each of them less than JAX's limit for the cache.
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
  }.items():
    os.environ.setdefault(name, value)
  logging.set_verbosity(logging.ERROR)


if __name__ == "__main__":
  main()
