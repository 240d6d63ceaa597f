"""Holds the arrows between the folders: reads every import with `ast`."""

import ast
import collections
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

# A folder or file of hybrid_ir -> what it may import beside itself.
BASE = {
  "ahead",
  "config",
  "config_check",
  "config_keys",
  "errors",
  "files",
  "prefixes",
}
FOLDERS = {"data", "model", "training", "retrieval", "evaluation", "studies"}
ARROWS = {
  "clock": BASE,
  **dict.fromkeys(BASE, BASE),
  "data": BASE,
  "model": {*BASE, "processes"},
  "hosts": BASE,
  "processes": {*BASE, "hosts"},
  "stopping": {*BASE, "hosts", "processes"},
  "watchdog": {*BASE, "hosts", "processes", "stopping"},
  "training": {
    *BASE,
    "clock",
    "data",
    "model",
    "processes",
    "stopping",
    "watchdog",
  },
  "retrieval": {*BASE, "data", "model", "processes"},
  "evaluation": {*BASE, "data", "retrieval"},
  "studies": {*BASE, "data", "evaluation", "model", "workdir"},
  "workdir": BASE,
  "tasks": {*BASE, *FOLDERS, "clock", "processes", "stopping", "workdir"},
  "api": {*BASE, *FOLDERS, "workdir", "tasks"},
  "command_line": BASE,
  "allocator": BASE,
  "main": {
    *BASE,
    "allocator",
    "clock",
    "command_line",
    "processes",
    "stopping",
    "tasks",
    "watchdog",
    "workdir",
  },
}
# Every other library stands behind one file, which its changes touch alone.
IMPORTED_ANYWHERE = {"absl", "jax", "numpy", "scipy", "tqdm"}
# What some folders do without, to start fast or to run where only JAX is.
HEAVY = {"flax", "jax", "optax", "orbax", "scann", "tensorflow"}


def dotted(path):
  parts = path.relative_to(ROOT).with_suffix("").parts
  return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in (ROOT / "hybrid_ir").rglob("*.py")}


def imports(node, for_types=True):
  """The names imported below a node, in functions too.

  With for_types=False, without what only type checkers import.
  """
  for child in ast.iter_child_nodes(node):
    if isinstance(child, ast.Import):
      yield from (alias.name for alias in child.names)
    elif isinstance(child, ast.ImportFrom):
      assert child.level == 0, "import by the full name, not by dots"
      names = [f"{child.module}.{alias.name}" for alias in child.names]
      yield from (name if name in MODULES else child.module for name in names)
    elif for_types or not (
      isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
    ):
      yield from imports(child, for_types)


def imports_of(module, for_types=True):
  return set(imports(ast.parse(MODULES[module].read_bytes()), for_types))


def top(name):
  return name.partition(".")[0]


def reached(module):
  """All that a module's functions may come to import, ours and others'."""
  found, waiting = set(), [module]
  while waiting:
    name = waiting.pop()
    if name not in found:
      found.add(name)
      parent = name.rpartition(".")[0]
      waiting += [parent] if parent in MODULES else []
      waiting += imports_of(name, for_types=False) if name in MODULES else []
  return found


def test_imports_are_found_wherever_they_stand():
  tree = ast.parse("""
if TYPE_CHECKING:
  from hybrid_ir.data import plan
def late():
  try:
    import scann.ops, json
  except ImportError:
    from hybrid_ir import config
from hybrid_ir.errors import UserError
""")
  run = ["scann.ops", "json", "hybrid_ir.config", "hybrid_ir.errors"]
  assert list(imports(tree, for_types=False)) == run
  assert list(imports(tree)) == ["hybrid_ir.data.plan", *run]


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"hybrid_ir"}))
def test_arrows_run_one_way(module):
  part = module.split(".")[1]
  assert part in ARROWS, "a new folder or file: give it its arrows"
  ours = {name for name in imports_of(module) if top(name) == "hybrid_ir"}
  parts = {name.partition(".")[2].partition(".")[0] for name in ours}
  assert parts <= {part, *ARROWS[part]}


def test_a_library_has_one_importer():
  importers = collections.defaultdict(set)
  for module in MODULES:
    for name in imports_of(module):
      importers[top(name)].add(module)
  ours = {"hybrid_ir", *sys.stdlib_module_names, *IMPORTED_ANYWHERE}
  shared = {
    library: modules
    for library, modules in importers.items()
    if library not in ours and len(modules) > 1
  }
  assert not shared


def test_tensorflow_is_imported_by_the_pipeline_alone():
  importers = [m for m in MODULES if "tensorflow" in map(top, imports_of(m))]
  assert importers == ["hybrid_ir.data.pipeline"]


def test_no_import_starts_the_devices():
  """Several processes join before that, and a fork after it may hang."""
  names = sorted(
    module for module in MODULES if module.startswith("hybrid_ir.tasks.")
  )
  code = (
    f"import {', '.join(names)}\n"
    "from jax._src import xla_bridge\n"
    "print(*xla_bridge._backends)"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout.split() == []


def test_data_does_not_import_jax():
  data = [module for module in MODULES if module.startswith("hybrid_ir.data.")]
  assert [m for m in data if "jax" in map(top, reached(m))] == []


def test_the_report_reaches_neither_jax_nor_tensorflow():
  names = set(map(top, reached("hybrid_ir.evaluation.report")))
  assert names.isdisjoint({*HEAVY, "tensorflow_datasets"})


@pytest.mark.parametrize(
  "module",
  ["main", "workdir", "data.sources", "data.batch", "evaluation.report"],
)
def test_imported_without_the_heavy_libraries(module):
  # As Python sees it: what libraries import in their turn counts, too.
  code = f"import sys, hybrid_ir.{module}; print(*sys.modules)"
  done = subprocess.run(
    [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  assert HEAVY.isdisjoint(done.stdout.split())
