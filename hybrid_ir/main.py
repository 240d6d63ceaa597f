"""Runs a task: `python -m hybrid_ir.main --config=configs/quickstart.py`.

Any key of the config can be set: --config.train.steps=200, and one that may be
left open unset: --config.text.query_length=None. Every key, with its meaning
and default, stands in hybrid_ir/config.py.
"""

import contextlib
import importlib
import logging as std_logging
import os
import pathlib
import sys

from absl import app, flags, logging

from hybrid_ir import clock as clock  # before what takes time
from hybrid_ir import command_line
from hybrid_ir.command_line import CONFIG, WORKDIR, fail, parse
from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.config_keys import walk
from hybrid_ir.errors import UserError

# What several processes can do together.
_MANY = ("train", "train_and_evaluate", "evaluate", "encode", "search")
# What saves checkpoints in its workdir.
_TRAIN = ("train", "train_and_evaluate", "study")

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
    there = os.path.isdir(os.path.expanduser(WORKDIR.value))
    if config.task == "report" and not there:
      raise UserError(f"--workdir={WORKDIR.value}: no such folder to report on")
    _set_up_libraries(config)
    from hybrid_ir.workdir import open_workdir

    task = importlib.import_module(f"hybrid_ir.tasks.{config.task}")
    with contextlib.ExitStack() as stack:
      first = True
      if "jax" in sys.modules:  # a task that computes
        first = _start_computing(config, stack)
      workdir = stack.enter_context(
        open_workdir(WORKDIR.value, config, lock=first)
      )
      if "jax" in sys.modules:
        importlib.import_module("hybrid_ir.processes").agree_on(
          workdir, hold=config.task in _TRAIN
        )
      task.run(config, workdir)
  except UserError as error:
    fail(str(error), error.code)
  except OSError as error:
    from hybrid_ir.files import is_full

    if not is_full(error):
      raise
    fail(
      f"{error.filename or WORKDIR.value}: the disk is full; free some room and"
      " run the same command again (what can be made again: 'compiled' and"
      " 'corpora' in the folder of config key 'cache_dir', and"
      f" 'checkpoints_damaged' in --workdir={WORKDIR.value})"
    )


def _start_computing(config: Config, stack: contextlib.ExitStack) -> bool:
  """Memory, the other processes, SIGTERM; whether this one is the first."""
  from hybrid_ir import processes, stopping, watchdog
  from hybrid_ir.allocator import keep_memory

  keep_memory()
  timeout_s = config.mesh.timeout_s
  processes.join(config.mesh.distributed, timeout_s)
  if processes.count() == 1:
    stopping.listen()
    return True
  if config.task not in _MANY:
    raise UserError(
      f"config key 'task' is {config.task!r}, which is for one process; of"
      f" {processes.count()}, run {', '.join(_MANY)}"
    )
  stack.enter_context(watchdog.watch(timeout_s))
  stopping.listen()
  keys = {f"config key {k!r}": repr(v) for k, _, v in walk(config)}
  processes.agree({"code": processes.fingerprint(), **keys})
  if not processes.is_first():  # which one speaks, and writes what is shared
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
  return processes.is_first()


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
  if "jax" in sys.modules:  # launch/profiled.py has imported it
    _tell_jax()
  if os.environ.get("JAX_PROCESS_ID", "0") != "0":  # the first one speaks
    os.environ["TQDM_DISABLE"] = "1"
  logging.set_verbosity(logging.ERROR)
  # It says where a GPU is left idle, and what a TPU's start waits for.
  std_logging.getLogger("jax._src.xla_bridge").setLevel("WARNING")


def _tell_jax() -> None:
  """What JAX reads in the environment only as it is imported."""
  import jax

  for name, kind in (
    ("jax_compilation_cache_dir", str),
    ("jax_persistent_cache_min_compile_time_secs", float),
  ):
    jax.config.update(name, kind(os.environ[name.upper()]))


if __name__ == "__main__":
  main()
