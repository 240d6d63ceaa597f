"""The studies that come with the package can be run."""

import importlib.util
import pathlib
import re

import pytest

from hybrid_ir.config_check import check
from hybrid_ir.studies.grid import make_cells

CONFIGS = sorted(
  (pathlib.Path(__file__).parents[2] / "configs/studies").glob("*.py")
)


def load(path):
  spec = importlib.util.spec_from_file_location("study", path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  config = module.get_config()
  check(config)
  return config


def test_there_is_one_a_study():
  assert [path.stem for path in CONFIGS] == [
    *("best_of_both", "instruct", "mtop", "paper", "ratio", "scaling"),
    "world_facts",
  ]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_its_cells(path):
  config = load(path)
  # The same question on other data, and under other circumstances.
  kinds = {"world_facts": "paper", "best_of_both": "paper"}
  assert (config.task, config.study.name) == ("study", path.stem)
  assert config.study.kind == kinds.get(path.stem, path.stem)
  # What is needed of a query is in details/.
  assert config.evaluate.run_depth == 0
  cells = make_cells(config, pathlib.Path("/study"))
  labels = {tuple(cell.labels.values()) for cell in cells}
  trained = [cell for cell in cells if cell.is_trained]
  # Every trained choice has every seed, and no two are one run by mistake.
  assert len(trained) == len({cell.key for cell in trained})
  assert len(trained) % len(config.study.seeds) == 0
  assert len(labels) * 3 >= len(cells) >= len(labels)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_number_of_cells_is_as_its_head_says(path):
  told = re.findall(r"\b(\d+) cells", path.read_text(encoding="utf-8"))
  cells = make_cells(load(path), pathlib.Path("/study"))
  assert [int(count) for count in told] in ([], [len(cells)])


def test_studies_share_their_hybrid_runs():
  keys = {}
  for path in CONFIGS:
    cells = make_cells(load(path), pathlib.Path("/study"))
    keys[path.stem] = {cell.key for cell in cells}
  assert len(keys["paper"] & keys["ratio"]) == 15  # five mixtures, three seeds
  # The hybrid runs, and the encoder as it came.
  assert len(keys["paper"] & keys["instruct"]) == 4
  assert len(keys["paper"] & keys["mtop"]) == 10
  assert len(keys["paper"] & keys["best_of_both"]) == 9
  assert len(keys["paper"] & keys["scaling"]) == 3
  # Hybrid runs of 400 steps, and of batches of 64, too.
  assert len(keys["best_of_both"] & keys["scaling"]) == 9
