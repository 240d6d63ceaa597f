"""TensorFlow takes seconds to import: tasks that do not train do without."""

import json
import os
import pathlib
import subprocess
import sys

import hybrid_ir
from hybrid_ir.config import to_json

ROOT = pathlib.Path(hybrid_ir.__file__).parents[1]
TASKS = """
import importlib, json, pathlib, sys
from hybrid_ir.config import Config
def fill(node, values):
  for key, value in values.items():
    if isinstance(value, dict) and not isinstance(getattr(node, key), dict):
      fill(getattr(node, key), value)
    else:
      setattr(node, key, tuple(value) if isinstance(value, list) else value)
config = Config()
fill(config, json.loads(sys.argv[1]))
tasks = ("check_data", "encode", "evaluate", "export", "mine", "search")
modules = {
  name: importlib.import_module(f"hybrid_ir.tasks.{name}") for name in tasks
}
assert "tensorflow" not in sys.modules
modules["evaluate"].run(config, pathlib.Path(sys.argv[2]))
assert "tensorflow" not in sys.modules
"""


def test_without_tensorflow(trained, make_config):
  config = json.dumps(to_json(make_config()))
  subprocess.run(
    [sys.executable, "-c", TASKS, config, str(trained)],
    cwd=ROOT,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    check=True,
    timeout=300,
  )
