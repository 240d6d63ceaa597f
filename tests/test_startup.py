"""What a command imports: the rest is seconds that its user waits for."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

import hybrid_ir

ROOT = pathlib.Path(hybrid_ir.__file__).parents[1]
HEAVY = {"flax", "jax", "optax", "orbax", "scann", "tensorflow", "torch"}
LIBRARIES = {*HEAVY, "matplotlib", "numpy", "scipy", "tokenizers"}
QUICKSTART = "--config=configs/quickstart.py"
# Runs the command, then says what it imported and how it ended.
COMMAND = """
import atexit, sys
from hybrid_ir.main import main
atexit.register(lambda: print("imported", *sys.modules, file=sys.stderr))
main()
"""


def command(folder, *arguments):
  """Runs it in `folder`; gives exit code, output and what was imported."""
  done = subprocess.run(
    [sys.executable, "-c", COMMAND, *arguments],
    cwd=folder,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )
  *_, imported = done.stderr.splitlines()
  assert imported.startswith("imported ")
  return done.returncode, done.stdout, set(imported.split()[1:])


@pytest.mark.parametrize(
  ("arguments", "code"),
  [
    (["--help"], 1),  # absl's
    ([QUICKSTART, "--workdir=run", "--config.train.stesp=3"], 2),
    ([QUICKSTART, "--workdir=run", "--config.seed=-1"], 2),
    ([QUICKSTART, "--workdir=none", "--config.task=report"], 2),
  ],
)
def test_help_and_mistakes_need_no_library(tmp_path, arguments, code):
  found, _, imported = command(tmp_path, *arguments)
  assert found == code
  assert imported.isdisjoint(LIBRARIES)


def test_checking_data_needs_no_jax(tmp_path):
  pair = {"id": "1", "language": "en", "query": "What?", "passage": "That."}
  (tmp_path / "a.jsonl").write_text(json.dumps(pair) + "\n")
  code, output, imported = command(
    tmp_path,
    QUICKSTART,
    "--workdir=run",
    "--config.task=check_data",
    "--config.data.train=a.jsonl",
    "--config.cache_dir=cache",
  )
  assert code == 0
  assert "no faults" in output
  assert imported.isdisjoint(HEAVY)


def test_a_report_needs_no_jax(tmp_path):
  workdir = tmp_path / "run"
  workdir.mkdir()
  names = ("loss", "learning_rate", "tokens_per_s", "real_token_share")
  figures = {**dict.fromkeys(names, 1.0), "pairs_per_s": 1.0, "kind": "mono"}
  figures["step"] = 1
  (workdir / "metrics.jsonl").write_text(json.dumps(figures) + "\n")
  code, output, imported = command(
    tmp_path,
    QUICKSTART,
    "--workdir=run",
    "--config.task=report",
    "--config.cache_dir=cache",
  )
  assert (code, "report.html" in output) == (0, True)
  assert imported.isdisjoint(HEAVY)


def test_what_is_compiled_is_kept(tmp_path):
  script = """
import sys, types
def run(config, workdir):
  import jax
  jax.jit(lambda x: x + 1)(1)
sys.modules["hybrid_ir.tasks.train"] = types.SimpleNamespace(run=run)
from hybrid_ir.main import main
main()
"""
  unset = {k: v for k, v in os.environ.items() if "CACHE" not in k}
  subprocess.run(
    [
      sys.executable,
      "-c",
      script,
      QUICKSTART,
      "--workdir=run",
      "--config.task=train",
      "--config.cache_dir=cache",
    ],
    cwd=tmp_path,
    env=unset | {"PYTHONPATH": str(ROOT)},
    check=True,
    timeout=120,
  )
  assert list((tmp_path / "cache" / "compiled").iterdir())
