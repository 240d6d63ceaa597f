import ast
import os
import pathlib
import re
import shlex
import subprocess

import pytest

from hybrid_ir.config import Config
from hybrid_ir.config_keys import walk

from .conftest import LAUNCH, write_script

ROOT = LAUNCH.parent
FOLDERS = ("--encoder=/models/e 5", "--lareqa_dir=/data", "--out=/runs")
# Their commands name the user's own data.
OWN_DATA = {"own_jsonl", "search"}


def reproduce(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
  return subprocess.run(
    [str(LAUNCH / "reproduce.sh"), *arguments],
    capture_output=True,
    text=True,
    **options,
  )


def names() -> list[str]:
  return [line.split()[0] for line in reproduce().stdout.splitlines()]


def commands(*arguments: str) -> list[list[str]]:
  done = reproduce(*arguments, *FOLDERS, "--dry_run")
  assert done.returncode == 0, done.stderr
  lines = [shlex.split(line) for line in done.stdout.splitlines()]
  return [
    [word for word in line if word != "env" and "HYBRID_IR_" not in word]
    for line in lines
  ]


def test_every_config_with_public_data_is_there():
  run = {w for command in commands(*names()) for w in command}
  for path in (ROOT / "configs").glob("*.py"):
    if path.stem not in OWN_DATA:
      assert f"--config=configs/{path.name}" in run


def test_every_bench_that_documents_name_is_there():
  listed = {w for command in commands(*names()) for w in command}
  listed |= {f"bench/{name}.py" for name in scripts_of_run()}
  named = set()
  for page in (ROOT / "docs").rglob("*.md"):
    text = page.read_text(encoding="utf-8")
    named |= set(re.findall(r"python (bench/\w+\.py)", text))
  assert named <= listed


def scripts_of_run() -> set[str]:
  """Those that bench/run.py runs."""
  tree = ast.parse((ROOT / "bench/run.py").read_bytes())
  (scripts,) = (
    node.value
    for node in tree.body
    if isinstance(node, ast.Assign) and node.targets[0].id == "SCRIPTS"
  )
  return set(ast.literal_eval(scripts))


def test_every_command_could_run():
  keys = {name for name, _, _ in walk(Config())}
  for command in commands(*names()):
    if command[1:3] == ["-m", "pytest"]:
      assert all((ROOT / word).is_file() for word in command if ".py" in word)
    elif command[1] == "-m":
      assert command[2] == "hybrid_ir.main"
    else:
      assert (ROOT / command[1]).is_file()
    for word in command:
      assert "{" not in word
      if match := re.match(r"--config\.([^=]+)=", word):
        assert match[1] in keys


def test_every_bench_command_has_flags_that_its_script_knows():
  for command in commands(*names()):
    if command[1] == "-m":
      continue
    text = (ROOT / command[1]).read_text(encoding="utf-8")
    for word in command[2:]:
      flag = word.partition("=")[0].removeprefix("--")
      assert re.search(rf"\b{flag}\b", text), (command[1], flag)


def test_the_documents_that_it_names_are_there():
  for line in reproduce().stdout.splitlines():
    for name in re.findall(r"(?:docs|configs)/\w+\.\w+", line):
      assert (ROOT / name).is_file()


def test_seeds_get_a_workdir_each():
  runs = commands("quickstart_mono", "--seed=1", "--seed=2")
  assert [run[4:6] for run in runs] == [
    ["--workdir=/runs/quickstart_mono_seed1", "--config.seed=1"],
    ["--workdir=/runs/quickstart_mono_seed2", "--config.seed=2"],
  ]
  assert len(commands("parity", "--seed=1", "--seed=2")) == 1


def test_a_tilde_that_bash_leaves_alone_is_the_home(tmp_path):
  done = reproduce(
    *("parity", "--encoder=~/e5", "--lareqa_dir=~", "--dry_run"),
    env={**os.environ, "HOME": str(tmp_path)},
  )
  assert f"--e5={tmp_path}/e5 --lareqa={tmp_path}\n" in done.stdout


def test_what_is_there_already_does_not_end_it():
  """Commands before the one that was interrupted are run again."""
  for command in commands(*names()):
    if "--config.task=export" in command:
      assert "--config.export.overwrite=True" in command


def test_folders_with_blanks_stay_whole():
  (command,) = commands("parity")
  assert command[2:] == ["--e5=/models/e 5", "--lareqa=/data"]


@pytest.mark.parametrize(
  ("arguments", "shown"),
  [
    (("quickest",), "no experiment 'quickest'"),
    (("quick.*",), "no experiment 'quick.*'"),
    (("parity", "--dry_run"), "parity needs --encoder"),
    (("quickstart", "--seed=x"), "--seed=x: expected a whole number"),
    (("quickstart", "--fast"), "unknown flag '--fast'"),
  ],
)
def test_a_mistake_is_said(arguments, shown):
  done = reproduce(*arguments)
  assert done.returncode == 2
  assert shown in done.stderr


def test_a_failure_ends_it(tmp_path: pathlib.Path):
  log = tmp_path / "log"
  write_script(
    tmp_path / "python", f'#!/bin/bash\necho "$*" >>"{log}"; exit 3\n'
  )
  done = reproduce(
    *("quickstart", "quickstart_mono", f"--out={tmp_path}"),
    env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
  )
  assert done.returncode == 3
  assert len(log.read_text().splitlines()) == 1


def test_commands_of_the_configs_are_those_of_their_docstrings():
  run = [" ".join(command) for command in commands(*names())]
  for path in (ROOT / "configs").glob("*.py"):
    if path.stem in OWN_DATA:
      continue
    docstring = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    first = docstring.partition("Command:")[2].partition("\n\n")[0]
    flags = re.findall(
      r"--config\.[\w.]+(?==[A-Z])", first.split("Hardware")[0]
    )
    config = f"--config=configs/{path.name}"
    assert any(
      config in command and all(flag in command for flag in flags)
      for command in run
    )


def test_help_is_the_head_of_each_script():
  for path in LAUNCH.glob("*.sh"):
    if path.stat().st_mode & 0o100 and path.name != "worker.sh":
      done = subprocess.run(
        [str(path), "--help"], capture_output=True, text=True
      )
      assert done.returncode == 0
      assert f"launch/{path.name}" in done.stdout
      assert "#!/" not in done.stdout
