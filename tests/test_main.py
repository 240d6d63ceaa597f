import json
import os
import pathlib
import subprocess
import sys

import pytest

import hybrid_ir

ROOT = pathlib.Path(hybrid_ir.__file__).parents[1]
QUICKSTART = "--config=configs/quickstart.py"
FILES = {
  "typo.py": """\
from hybrid_ir.config import Config

def get_config():
  config = Config()
  config.train.stesp = 3
  return config
""",
  "typo_section.py": """\
from hybrid_ir.config import Config

def get_config():
  config = Config()
  config.trian.steps = 3
  return config
""",
  "wrong_type.py": """\
from hybrid_ir.config import Config

def get_config():
  config = Config()
  config.train.steps = "many"
  return config
""",
  "raises.py": """\
def get_config():
  raise ValueError("first line\\nsecond line")
""",
  "opens.py": """\
def get_config():
  return open("nowhere.txt")
""",
  "syntax.py": "def get_config(:\n",
  "imports.py": "\nimport no_such_module\n",
  "empty.py": "",
  "no_config.py": "def get_config():\n  return 5\n",
}
MINE = """\
from hybrid_ir.config import Config

def get_config():
  config = Config()
  config.train.steps = 12
  config.train.batch_size = 34
  config.encoder.normalize = False
  config.encoder.pooling = "cls"
  config.text.query_length = 8
  config.text.query_prefix = "None"
  config.text.passage_prefix = "p: "
  return config
"""
# What is typed after `python -m hybrid_ir.main`, and the whole of the line.
MISTAKES = {
  "unknown key": (
    [QUICKSTART, "--config.train.stesp=3"],
    "unknown config key 'train.stesp': did you mean 'train.steps'?",
  ),
  "unknown section": (
    [QUICKSTART, "--config.trian.steps", "3"],
    "unknown config key 'trian.steps': did you mean 'train.steps'?",
  ),
  "unknown switch": (
    [QUICKSTART, "--noconfig.layout.paking"],
    "unknown config key 'layout.paking': did you mean 'layout.packing'?",
  ),
  "wrong type": (
    [QUICKSTART, "--config.train.steps=abc"],
    "config key 'train.steps' is 'abc'; expected a whole number",
  ),
  "a fraction": (
    [QUICKSTART, "--config.train.steps", "3.5"],
    "config key 'train.steps' is '3.5'; expected a whole number",
  ),
  "no number": (
    [QUICKSTART, "--config.loss.temperature=warm: 3"],
    "config key 'loss.temperature' is 'warm: 3'; expected a number",
  ),
  "a length or None": (
    [QUICKSTART, "--config.text.query_length=abc"],
    "config key 'text.query_length' is 'abc'; expected a whole number",
  ),
  "None, where a key is not left open": (
    [QUICKSTART, "--config.evaluate.dev=None"],
    "config key 'evaluate.dev' is None; expected a text",
  ),
  "no boolean": (
    [QUICKSTART, "--config.layout.packing=maybe"],
    "config key 'layout.packing' is 'maybe'; expected True or False",
  ),
  "no choice": (
    [QUICKSTART, "--config.encoder.pooling=3"],
    "config key 'encoder.pooling' is '3'; expected one of 'mean', 'cls',"
    " 'pooler'",
  ),
  "no lengths": (
    [QUICKSTART, "--config.layout.row_lengths=abc"],
    "config key 'layout.row_lengths' is ('abc',); expected whole numbers, such"
    " as 64,128",
  ),
  "a section": (
    [QUICKSTART, "--config.check_data=5"],
    "config key 'check_data' is a section; set one of its keys:"
    " check_data.faults",
  ),
  "a dict": (
    [QUICKSTART, "--config.data.prefixes=x"],
    "config key 'data.prefixes' is a dict from a name to a pair of strings,"
    " set in the config's file",
  ),
  "a misspelt flag of a key": (
    [QUICKSTART, "--confg.train.steps=3"],
    "unknown flag --confg.train.steps; did you mean --config.train.steps?",
  ),
  "wrong value": (
    [QUICKSTART, "--config.train.steps=-1"],
    "config key 'train.steps' is -1; expected at least 0",
  ),
  "not a number": (
    [QUICKSTART, "--config.loss.temperature=nan"],
    "config key 'loss.temperature' is nan; expected a number",
  ),
  "names with weights": (
    [QUICKSTART, "--config.data.train=a.jsonl=1,b.jsonl=2", "--config.seed=-1"],
    "config key 'seed' is -1; expected at least 0",
  ),
  "unknown task": (
    [QUICKSTART, "--config.task=trian"],
    "config key 'task' is 'trian'; expected one of 'train_and_evaluate',"
    " 'train', 'evaluate', 'report', 'export', 'check_data', 'mine', 'encode',"
    " 'search', 'compile', 'compare', 'study' (did"
    " you mean 'train'?)",
  ),
  "no config": ([], "the flag --config is missing; see --help"),
  "no path": (["--config"], None),
  "no file": (
    ["--config=configs/quikstart.py"],
    "--config=configs/quikstart.py: no such file; did you mean"
    " configs/quickstart.py?",
  ),
  "unknown flag": (
    [QUICKSTART, "--wrkdir=x"],
    "Unknown command line flag 'wrkdir'. Did you mean: workdir ?",
  ),
  "argument": (
    [QUICKSTART, "train"],
    "unexpected argument 'train'; flags begin with --",
  ),
  "misspelt in the file": (
    ["--config=typo.py"],
    "typo.py:5: unknown config key 'stesp': did you mean 'steps'?",
  ),
  "misspelt section in the file": (
    ["--config=typo_section.py"],
    "typo_section.py:5: unknown config key 'trian': did you mean 'train'?",
  ),
  "wrong type in the file": (
    ["--config=wrong_type.py"],
    "config key 'train.steps' is 'many'; expected a whole number",
  ),
  "a file that raises": (
    ["--config=raises.py"],
    "raises.py:2: ValueError: first line second line",
  ),
  "a file that opens another": (
    ["--config=opens.py"],
    "opens.py:2: FileNotFoundError: [Errno 2] No such file or directory:"
    " 'nowhere.txt'",
  ),
  "a file that opens another, and a key": (
    ["--config", "opens.py", "--config.seed=3"],
    "opens.py:2: FileNotFoundError: [Errno 2] No such file or directory:"
    " 'nowhere.txt'",
  ),
  "a file that is no Python": (
    ["--config=syntax.py"],
    "syntax.py:1: invalid syntax",
  ),
  "a file that imports": (
    ["--config=imports.py"],
    "imports.py:2: ModuleNotFoundError: No module named 'no_such_module'",
  ),
  "a file without get_config": (
    ["--config=empty.py"],
    "empty.py: lacks get_config()",
  ),
  "a size of a file that has none": (
    ["--config=raises.py:full"],
    "--config=FILE.py:SIZE: this file's get_config() takes no size",
  ),
  "a size of a file that is not there": (
    ["--config=configs/studies/papre.py:full"],
    "--config=configs/studies/papre.py: no such file; did you mean"
    " configs/studies/paper.py?",
  ),
  "a file of something else": (
    ["--config=no_config.py"],
    "get_config() must return a hybrid_ir.config.Config",
  ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("configs")
  for name, content in FILES.items():
    (folder / name).write_text(content)
  return folder


def start(folder, arguments):
  return subprocess.Popen(
    [sys.executable, "-m", "hybrid_ir.main", *arguments],
    cwd=folder,
    env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


@pytest.fixture(scope="module")
def answers(folder):
  """Every mistake made, a few at a time: (exit code, output, error)."""
  names = list(MISTAKES)
  answers = {}
  for i in range(0, len(names), 4):
    running = {
      name: start(folder, ["--workdir=run", *MISTAKES[name][0]])
      for name in names[i : i + 4]
    }
    for name, process in running.items():
      output, error = process.communicate(timeout=60)
      answers[name] = (process.returncode, output, error)
  return answers


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(answers, folder, name):
  expected = MISTAKES[name][1]
  code, output, error = answers[name]
  assert (code, output) == (2, "")
  assert error.startswith("error: ")
  assert error.endswith("\n")
  assert error.count("\n") == 1
  if expected:
    assert error == f"error: {expected}\n"
  assert not (folder / "run").exists()
  assert set(os.listdir(folder)) == set(FILES)


@pytest.mark.parametrize("workdir", [[], ["--workdir="]])
def test_no_workdir(folder, workdir):
  process = start(folder, [QUICKSTART, *workdir])
  _, error = process.communicate(timeout=60)
  assert process.returncode == 2
  assert error == "error: the flag --workdir is missing; see --help\n"
  assert set(os.listdir(folder)) == set(FILES)


def test_a_report_on_a_run_in_the_home_folder(tmp_path, monkeypatch):
  (tmp_path / "run").mkdir()
  monkeypatch.setenv("HOME", str(tmp_path))
  report = [QUICKSTART, "--config.task=report"]
  process = start(ROOT, ["--workdir=~/run", *report])
  _, error = process.communicate(timeout=60)
  assert (process.returncode, error) == (0, "")
  assert (tmp_path / "run/report.md").exists()
  process = start(ROOT, ["--workdir=~/none", *report])
  _, error = process.communicate(timeout=60)
  assert error == "error: --workdir=~/none: no such folder to report on\n"


def test_flags_override_the_file(tmp_path):
  # A task that is stood in for: it says what it was given.
  (tmp_path / "mine.py").write_text(MINE)
  script = """
import json, sys, types
sys.modules["hybrid_ir.tasks.train"] = types.SimpleNamespace(
  run=lambda config, workdir: print(json.dumps([to_json(config), str(workdir)]))
)
from hybrid_ir.config import to_json
from hybrid_ir.main import main
main()
"""
  run = subprocess.run(
    [
      sys.executable,
      "-c",
      script,
      "--config=mine.py",
      "--workdir=run",
      "--config.task=train",
      "--config.train.steps=7",
      "--config.mix.mono",
      "1",
      "--noconfig.layout.packing",
      "--config.loss.two_sided",
      "--config.layout.row_lengths=128,256",
      "--config.data.train=a.jsonl=1,b.jsonl=2.5",
      "--config.data.train",
      "c.jsonl=1,d.jsonl=3",
      "--config.data.languages=",
      '--config.data.beam_options=("--experiments=a,b", "--region=x")',
      "--config.data.beam_options=--project=y,--setup=z",
      "--config.evaluate.settings=mono",
      "--config.evaluate.settings=multi",
      "--config.encoder.path=",
      "--config.encoder.normalize=None",
      "--config.encoder.pooling",
      "None",
      "--config.text.query_length=None",
      "--config.text.passage_length=None",
      "--config.text.passage_length=9",
      "--config.text.passage_prefix=None",
      f"--config.cache_dir={tmp_path}",
    ],
    cwd=tmp_path,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    capture_output=True,
    text=True,
    check=True,
  )
  config, workdir = json.loads(run.stdout)
  assert workdir == str(tmp_path / "run")
  assert config["train"]["steps"] == 7
  assert config["train"]["batch_size"] == 34
  assert config["mix"] == {
    "mono": 1.0,
    "cross": 0.5,
    "instruct": 0.0,
    "interleave": "batch",
    "languages": "uniform",
    "exponent": 0.3,
    "cross_pairs": "example",
  }
  assert config["layout"]["packing"] is False
  assert config["layout"]["row_lengths"] == [128, 256]
  assert config["loss"]["two_sided"] is True
  assert config["data"]["train"] == [
    *("a.jsonl=1", "b.jsonl=2.5", "c.jsonl=1", "d.jsonl=3")
  ]
  assert config["data"]["languages"] == []
  assert config["data"]["beam_options"] == [
    *("--experiments=a,b", "--region=x", "--project=y", "--setup=z")
  ]
  assert config["evaluate"]["settings"] == ["mono", "multi"]
  assert config["encoder"]["normalize"] is None
  assert config["encoder"]["pooling"] is None
  assert config["text"] == {
    "query_prefix": "None",  # a text, as the file has it
    "passage_prefix": None,
    "query_length": None,
    "passage_length": 9,
    "instruction": None,
  }


def run_stand_in(folder, task):
  """Runs main in a folder, where task=train is `run` of a script."""
  script = f"""{task}
import sys, types
sys.modules["hybrid_ir.tasks.train"] = types.SimpleNamespace(run=run)
from hybrid_ir.main import main
main()
"""
  return subprocess.run(
    [
      *(sys.executable, "-c", script, QUICKSTART, "--workdir=run"),
      *("--config.task=train", f"--config.cache_dir={folder}"),
    ],
    cwd=folder,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    capture_output=True,
    text=True,
    check=False,
  )


def test_absent_processes_are_one_line_and_another_code(tmp_path):
  task = """
from hybrid_ir.errors import AbsentError

def run(config, workdir):
  raise AbsentError("nobody came")
"""
  done = run_stand_in(tmp_path, task)
  assert (done.returncode, done.stderr) == (76, "error: nobody came\n")


def test_a_full_disk_is_one_line(tmp_path):
  """A task that is stood in for, writing to a disk without room."""
  task = """
import numpy as np
from hybrid_ir import files

def run(config, workdir):
  path = workdir / "new" / "array.npy"
  with files.write_aside(path) as aside:
    aside.symlink_to("/dev/full")
    files.save_array(aside, np.zeros(9))
"""
  done = run_stand_in(tmp_path, task)
  path = tmp_path / "run" / "new" / "array.npy"
  assert done.returncode == 2
  assert done.stderr.startswith(
    f"error: {path}: the disk is full; free some room and run the same command"
    " again (what can be made again: 'compiled' and 'corpora'"
  )


def test_an_idle_gpu_is_told_and_other_libraries_are_quiet(tmp_path):
  """Of JAX's warnings, those of the devices that it did not take."""
  script = f"""
import logging
from absl import app, flags
from hybrid_ir import main
from hybrid_ir.config import Config

def run(_):
  config = Config()
  config.cache_dir = {str(tmp_path)!r}
  main._set_up_libraries(config)
  logging.getLogger("jax._src.xla_bridge").warning("a GPU may be present")
  logging.getLogger("jax._src.other").warning("of no interest")

app.run(run, flags_parser=lambda a: (flags.FLAGS.mark_as_parsed(), a)[1])
"""
  done = subprocess.run(
    [sys.executable, "-c", script], capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  assert "a GPU may be present" in done.stderr
  assert "of no interest" not in done.stderr
