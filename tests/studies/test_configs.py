"""The studies that come with the package can be run."""

import importlib.util
import pathlib
import re

import pytest

from hybrid_ir.config_check import check
from hybrid_ir.errors import UserError
from hybrid_ir.studies.grid import first_kept, make_cells
from hybrid_ir.studies.outcome import Arm
from hybrid_ir.studies.sizes import size_axes, size_of

CONFIGS = sorted(
  (pathlib.Path(__file__).parents[2] / "configs/studies").glob("*.py")
)


def load(path, *size):
  spec = importlib.util.spec_from_file_location("study", path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  config = module.get_config(*size)
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


SCALED = [path for path in CONFIGS if path.stem != "world_facts"]


@pytest.mark.parametrize("path", SCALED, ids=lambda path: path.stem)
def test_its_cells_at_full_size(path):
  assert f"--config=configs/studies/{path.name}:full" in path.read_text("utf-8")
  small, full = load(path), load(path, "full")
  cells = make_cells(full, pathlib.Path("/study"))
  trained = [cell for cell in cells if cell.is_trained]
  assert len(trained) == len({cell.key for cell in trained})
  # No run is as short as here, and each is scored on what is asked for.
  for cell in trained:
    pairs = cell.config.train.steps * cell.config.train.batch_size
    if cell.config.data.train != ("dolly",):
      assert pairs >= 20_000 * 96 / 8
    assert cell.config.train.batch_size % 8 == 0  # chips of a host
    assert cell.config.encoder.dtype == "bfloat16"
    assert "mmarco" in cell.config.data.train or path.stem == "instruct"
  # The same question: as many choices, but for axes of encoders and data.
  if path.stem in ("best_of_both", "instruct", "mtop", "scaling"):
    here = make_cells(small, pathlib.Path("/study"))
    assert len(cells) == len(here)
    assert [c.labels.keys() for c in cells] == [c.labels.keys() for c in here]


@pytest.mark.parametrize("path", SCALED, ids=lambda path: path.stem)
def test_there_is_no_other_size(path):
  with pytest.raises(UserError, match=r"large: expected small or full"):
    load(path, "large")


def test_sizes_of_scaling_at_full_size():
  [path] = [path for path in CONFIGS if path.stem == "scaling"]
  config = load(path, "full")
  cells = make_cells(config, pathlib.Path("/study"))
  for axis in ("questions", "pairs", "batch", "languages"):
    size = next(one for one in size_axes(config) if one.axis == axis)
    variants = config.study.axes[axis]
    found = {
      cell.labels[axis]: size_of(
        config, size, Arm("", cell.labels, (cell,), ())
      )
      for cell in cells
      if cell.labels[axis] != next(iter(variants))
      or cell.labels == first_kept(config)
    }
    assert found.keys() == variants.keys()
    assert None not in found.values()
    if axis != "languages":
      assert found == {name: float(name) for name in variants}


@pytest.mark.parametrize(
  ("path", "size"),
  [(path, "small") for path in CONFIGS] + [(path, "full") for path in SCALED],
  ids=lambda value: getattr(value, "stem", value),
)
def test_lareqa_is_trained_on_in_all_its_languages(path, size):
  config = load(path) if size == "small" else load(path, "full")
  if path.stem == "scaling":
    return  # an axis of languages
  for cell in make_cells(config, pathlib.Path("/study")):
    if {"mlqa_r", "xquad_r"} & {*cell.config.data.train}:
      assert cell.config.data.languages == ()


def test_dolly_alone_is_not_asked_for_the_pairs_languages_at_full_size():
  [path] = [path for path in CONFIGS if path.stem == "instruct"]
  for cell in make_cells(load(path, "full"), pathlib.Path("/study")):
    data = cell.config.data
    if data.train == ("dolly",):
      assert data.languages == ()


def test_dolly_is_not_seen_time_and_again_at_full_size():
  [path] = [path for path in CONFIGS if path.stem == "instruct"]
  for cell in make_cells(load(path, "full"), pathlib.Path("/study")):
    mix, train = cell.config.mix, cell.config.train
    weights = mix.mono + mix.cross + mix.instruct
    seen = mix.instruct / weights * train.steps * train.batch_size
    assert seen <= 4 * 15_011


def test_the_papers_table_at_full_size():
  [path] = [path for path in CONFIGS if path.stem == "paper"]
  cells = make_cells(load(path, "full"), pathlib.Path("/study"))
  encoder = {cell.labels["encoder"]: cell.config.encoder for cell in cells}
  assert {name: one.path for name, one in encoder.items()} == {
    "XLM-R": "FacebookAI/xlm-roberta-base",
    "LaBSE": "sentence-transformers/LaBSE",
    "mBERT": "google-bert/bert-base-multilingual-cased",
    "E5": "intfloat/multilingual-e5-small",
  }
  # E5 and LaBSE say themselves how they pool.
  assert {name: one.pooling for name, one in encoder.items()} == {
    "XLM-R": "mean",
    "mBERT": "mean",
    "LaBSE": None,
    "E5": None,
  }
  prefix = {c.labels["encoder"]: c.config.text.query_prefix for c in cells}
  assert prefix == {
    "XLM-R": "Query: ",
    "mBERT": "Query: ",
    "LaBSE": "",
    "E5": "query: ",
  }
  shares = {
    cell.config.mix.mono for cell in cells if cell.labels["encoder"] == "XLM-R"
  }
  assert shares >= {0, 0.25, 0.4, 0.5, 0.6, 0.75, 1}
  assert {cell.config.evaluate.benchmarks for cell in cells} == {
    (
      *("xquad_r", "mlqa_r"),
      "ir_datasets:miracl/bn/dev+miracl/sw/dev+miracl/te/dev+miracl/th/dev",
    )
  }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_number_of_cells_is_as_its_head_says(path):
  head = " ".join(path.read_text(encoding="utf-8").split())
  cells = make_cells(load(path), pathlib.Path("/study"))
  told = re.findall(r"\b(\d+) cells", head)
  assert [int(count) for count in told] in ([], [len(cells)])
  told = re.findall(r"\b(\d+) choices by (\d+) seeds", head)
  products = [int(choices) * int(seeds) for choices, seeds in told]
  assert products in ([], [len(cells)])


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
