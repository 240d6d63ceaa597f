"""Builds the wheel, and uses it where there is no checkout."""

import ast
import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import hybrid_ir

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
  """A folder with the built wheel's contents, as pip lays them out."""
  # From a copy, because a build leaves folders behind in its source tree.
  tree = tmp_path_factory.mktemp("tree")
  for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
    shutil.copy(ROOT / name, tree)
  for name in ("hybrid_ir", "configs"):
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / name, tree / name, ignore=ignore)
  # The build backend itself, for pip would look for it on the network.
  build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
  done = subprocess.run(
    [sys.executable, "-c", build], cwd=tree, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  (wheel,) = (tree / "dist").iterdir()
  folder = tmp_path_factory.mktemp("site")
  zipfile.ZipFile(wheel).extractall(folder)
  return folder


@pytest.fixture(scope="module")
def requirements(site):
  """What the wheel asks for: a list, and the name of its extra or ""."""
  (info,) = site.glob("*.dist-info")
  declared = importlib.metadata.Distribution.at(info).requires
  found = []
  for requirement in map(Requirement, declared):
    marker = str(requirement.marker or "")
    extra = marker.rpartition('extra == "')[2].rstrip('"')
    found.append((requirement, extra if "extra" in marker else ""))
  return found


def files(folder):
  return {
    path.relative_to(folder).as_posix()
    for path in folder.rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
  }


def run_main(site, folder, *arguments):
  return subprocess.run(
    [sys.executable, "-m", "hybrid_ir.main", *arguments],
    cwd=folder,
    env={**os.environ, "PYTHONPATH": str(site)},
    capture_output=True,
    text=True,
  )


def test_the_wheel_holds_the_package_and_the_configs(site):
  configs = {f"configs/{name}" for name in files(ROOT / "configs")}
  held = files(site / "hybrid_ir")
  assert held == files(ROOT / "hybrid_ir") | configs
  assert held >= {
    "py.typed",
    "configs/quickstart.py",
    "data/lareqa/checksums.tsv",
    "data/world_facts/frames/en.toml",
    "evaluation/report/templates/style.css",
    "evaluation/report/templates/report.html.jinja",
    "evaluation/report/templates/report.md.jinja",
  }


def test_the_wheel_is_licensed_and_versioned(site):
  (info,) = site.glob("*.dist-info")
  metadata = importlib.metadata.Distribution.at(info).metadata
  assert metadata["Version"] == hybrid_ir.__version__
  assert metadata["License-Expression"] == "Apache-2.0"
  assert "Apache License" in (info / "licenses" / "LICENSE").read_text()


def test_citation_and_changelog_name_the_version():
  citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
  assert f"\nversion: {hybrid_ir.__version__}\n" in citation
  changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
  assert f"\n## [{hybrid_ir.__version__}]" in changelog


@pytest.mark.parametrize(
  "config", sorted(path.name for path in (ROOT / "configs").glob("*.py"))
)
def test_a_packaged_config_is_found_from_any_folder(site, tmp_path, config):
  done = run_main(
    site,
    tmp_path,
    f"--config=configs/{config}",
    f"--workdir={tmp_path / 'run'}",
    "--config.train.steps=-1",
  )
  # It was read and checked: what is wrong is the key, not the file.
  assert done.returncode == 2
  assert "train.steps" in done.stderr
  assert not (tmp_path / "run").exists()


def test_a_mistyped_config_is_told_the_nearest_packaged_one(site, tmp_path):
  done = run_main(site, tmp_path, "--config=configs/quikstart.py")
  assert done.returncode == 2
  assert done.stderr.count("\n") == 1
  assert "did you mean configs/quickstart.py?" in done.stderr


def test_help_names_both_flags(site, tmp_path):
  done = run_main(site, tmp_path, "--help")
  assert "--config:" in done.stdout
  assert "--workdir:" in done.stdout
  assert "hybrid_ir/config.py" in done.stdout


def test_requirements_have_upper_bounds(requirements):
  unbounded = [
    str(requirement)
    for requirement, _ in requirements
    if not {"<", "<=", "==", "~="} & {s.operator for s in requirement.specifier}
  ]
  assert unbounded == []


def test_extras(requirements):
  extras = {}
  for requirement, extra in requirements:
    extras.setdefault(extra, {})[requirement.name] = requirement.specifier
  told = {"test", "parity", "bench", "mteb", "beam", "cuda", "tpu", "dev"}
  assert extras.keys() == {"", *told}
  assert all("torch" not in extras[extra] for extra in ("", "test", "dev"))


def test_what_the_code_imports_is_declared(requirements):
  declared = {
    canonicalize_name(requirement.name)
    for requirement, extra in requirements
    if not extra
  }
  providers = importlib.metadata.packages_distributions()
  undeclared = set()
  for path in [*ROOT.glob("hybrid_ir/**/*.py"), *ROOT.glob("configs/*.py")]:
    for node in ast.walk(ast.parse(path.read_bytes())):
      names = []
      if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
      elif isinstance(node, ast.ImportFrom):
        names = [node.module]
      for top in {name.partition(".")[0] for name in names}:
        known = map(canonicalize_name, providers.get(top, [top]))
        if top not in sys.stdlib_module_names and declared.isdisjoint(known):
          undeclared.add(top)
  # Of extras, which those who import them name where they are not there.
  extras = {"apache_beam", "datasets", "mteb", "sentence_transformers"}
  assert undeclared == {"hybrid_ir", *extras}
