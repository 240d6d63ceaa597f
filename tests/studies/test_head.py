import dataclasses

import pytest

from hybrid_ir.studies import state
from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.head import head, shortened
from hybrid_ir.studies.state import Evaluated, State


@pytest.mark.parametrize(
  ("typed", "shown"),
  [
    ("--config=configs/studies/paper.py", "--config=configs/studies/paper.py"),
    ("--config=/home/ann/x/paper.py", "--config=paper.py"),
    ("/home/ann/x/paper.py", "paper.py"),
    ("--workdir=~/studies/", "--workdir=studies"),
    (
      "--config.data.train=/a/x.jsonl=2.5,b=1",
      "--config.data.train=x.jsonl=2.5,b=1",
    ),
    (
      "--config.data.train=('/a/b c.jsonl',)",
      "--config.data.train=('b c.jsonl',)",
    ),
    (
      "--config.text.query_prefix=Query: ",
      "--config.text.query_prefix=Query: ",
    ),
    (
      "--config.evaluate.benchmarks=ir_datasets:miracl/sw/dev",
      "--config.evaluate.benchmarks=ir_datasets:miracl/sw/dev",
    ),
  ],
)
def test_a_users_folders_are_not_told(typed, shown):
  assert shortened(typed) == shown


@pytest.fixture
def cells(make_study, tmp_path):
  axes = {
    "kind": {"hybrid": {}, "X-X": {"mix.cross": 0.0}, "X-Y": {"mix.mono": 0.0}}
  }
  config = make_study(axes, seeds=(0,), study__only=("kind=hybrid", "kind=X-X"))
  return config, make_cells(config, tmp_path)


def test_the_head_of_what_is_not_begun(cells):
  config, found = cells
  lines = head(config, found, {found[1]: "no room"}, ["--workdir=/a/b"])
  assert lines[0] == "# The study paper"
  assert "0 of 2 cells done." in lines
  assert "- not done: kind=hybrid seed=0" in lines
  assert "- not done: kind=X-X seed=0: no room" in lines
  assert "- left out by study.only: kind=X-Y" in lines
  assert "- seeds: 0" in lines
  assert "python -m hybrid_ir.main --workdir=b" in lines
  assert "- no runs yet" in lines


def test_days_and_devices_are_those_of_the_runs(cells):
  config, (first, second) = cells
  evaluated = Evaluated("a", 3, (), 1.0, "", "2026-11-22", "1 NVIDIA H100")
  trained = State(True, {"a": evaluated}, {}, "2026-11-20", "2 CPU cores")
  state.write(first.folder, trained)
  told = "- runs of 2026-11-20 to 2026-11-22 on 1 NVIDIA H100 and 2 CPU cores"
  assert told in head(config, [first, second], {}, [])
  # Of an earlier version, which kept no dates.
  state.write(
    second.folder, dataclasses.replace(trained, evaluated={}, date="")
  )
  rest = "; of 1 parts date and devices are not known"
  assert f"{told}{rest}" in head(config, [first, second], {}, [])
