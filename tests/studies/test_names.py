"""Two benchmarks that results would call the same are refused."""

import types

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.studies import state
from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.names import check_names


def opening(config, benchmark):
  """A benchmark of its file's name."""
  del config
  if benchmark.startswith("/gone"):
    raise UserError("no such file")
  name = benchmark.split("/")[-1].removesuffix(".jsonl")
  return types.SimpleNamespace(name=name)


def cells_of(make_study, workdir, *sets):
  axes = {
    "on": {f"{i}": {"evaluate.benchmarks": each} for i, each in enumerate(sets)}
  }
  return make_cells(make_study(axes, seeds=(0,)), workdir)


@pytest.mark.parametrize(
  "sets",
  [
    [("/a/towns.jsonl", "/b/towns.jsonl")],  # of one cell
    [("/a/towns.jsonl",), ("xquad_r", "/b/towns.jsonl")],  # of two arms
  ],
)
def test_two_of_one_name_are_refused(make_study, tmp_path, sets):
  cells = cells_of(make_study, tmp_path, *sets)
  with pytest.raises(
    UserError,
    match=r"'/a/towns\.jsonl' and '/b/towns\.jsonl' would both be called"
    r" 'towns' in results; rename a file",
  ):
    check_names(cells, opening)


def test_one_in_two_arms_is_one(make_study, tmp_path):
  sets = [("/a/towns.jsonl", "/gone/towns.jsonl"), ("/a/towns.jsonl",)]
  check_names(cells_of(make_study, tmp_path, *sets), opening)


def test_another_studys_figures_are_not_overwritten(make_study, tmp_path):
  [cell] = cells_of(make_study, tmp_path, ("/b/towns.jsonl",))
  cell.folder.mkdir(parents=True)
  (cell.folder / "results.jsonl").write_text(
    '{"benchmark": "towns", "step": 3}\n'
  )
  state.add_evaluation(cell, "/a/towns.jsonl", "towns", 1.0, "")
  with pytest.raises(
    UserError, match=r"towns' in results \(cells/.* was scored"
  ):
    check_names([cell], opening)
