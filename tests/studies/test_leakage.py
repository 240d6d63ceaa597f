import json

import pytest

from hybrid_ir.evaluation.catalog import open_benchmark
from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.leakage import overlap_table

LONG = "a b c d e f g h i j k l m n"  # fourteen words


def write(path, rows):
  path.write_text(
    "".join(
      json.dumps({"id": i, "language": "en", "query": q, "passage": p, **more})
      + "\n"
      for i, q, p, more in rows
    )
  )
  return str(path)


@pytest.fixture
def study(make_study, tmp_path):
  """Four training pairs, of which three share a text with the benchmark."""
  train = write(
    tmp_path / "train.jsonl",
    [
      ("1", "Who was it?", "Ann.", {}),
      ("2", "Where?", "By the sea.", {}),
      ("3", "When?", f"Once {LONG} or so.", {}),
      ("4", "Why?", "For fun.", {}),
    ],
  )
  test = write(
    tmp_path / "test.jsonl",
    [
      ("5", "who was it", "Bob did.", {"split": "test"}),
      ("6", "Whence?", "by  the Sea", {"split": "test"}),
      ("7", "How?", f"Perhaps {LONG}.", {"split": "test"}),
      ("8", "Who?", "For fun!", {"split": "train"}),  # a candidate, no answer
    ],
  )
  config = make_study(
    {"kind": {"hybrid": {}, "X-X": {"mix.cross": 0.0}}},
    data__train=(train,),
    evaluate__benchmarks=(test,),
  )
  return config, make_cells(config, tmp_path)


def test_counts_are_made_once(study, tmp_path):
  config, cells = study
  opened = []

  def opening(config, name):
    opened.append(name)
    return open_benchmark(name, config.data, tmp_path)

  table = overlap_table(cells, opening, tmp_path)
  [row] = table.rows  # one training set, one benchmark, for all runs
  assert row == (
    *(config.data.train[0], config.evaluate.benchmarks[0]),
    *("4", "1", "1", "1", "3", "1"),
  )
  assert "13 words (22 characters in Chinese" in table.caption
  assert overlap_table(cells, opening, tmp_path) == table
  assert len(opened) == 1
  # Another benchmark under the same name is counted anew.
  write(tmp_path / "test.jsonl", [("5", "Why?", "So.", {"split": "test"})])
  [row] = overlap_table(cells, opening, tmp_path).rows
  assert row[2:] == ("4", "1", "0", "0", "1", "0")


def test_too_many_candidates_are_not_counted(study, monkeypatch, tmp_path):
  _, cells = study
  monkeypatch.setattr("hybrid_ir.studies.leakage._MOST_CANDIDATES", 0)

  def opening(config, name):
    return open_benchmark(name, config.data, tmp_path)

  [row] = overlap_table(cells, opening, tmp_path).rows
  assert row[2:] == ("4", "1", "1", "1", "3", "not counted")


def test_what_cannot_be_read_is_told(study, tmp_path):
  _, cells = study
  (tmp_path / "train.jsonl").write_text("{")

  def opening(config, name):
    return open_benchmark(name, config.data, tmp_path)

  [row] = overlap_table(cells, opening, tmp_path).rows
  assert row[2].startswith("not checked: ")
  assert "train.jsonl:1" in row[2]


def test_what_was_trained_elsewhere_is_told(make_study, study, tmp_path):
  config, _ = study
  cells = make_cells(
    make_study(
      {
        "kind": {
          "X-X": {"mix.cross": 0.0},
          "then X-Y": {"train.warm_start": "@kind=X-X", "mix.mono": 0.0},
        }
      },
      train__warm_start="/runs/before",
      data__train=config.data.train,
      evaluate__benchmarks=config.evaluate.benchmarks,
    ),
    tmp_path,
  )

  def opening(config, name):
    return open_benchmark(name, config.data, tmp_path)

  counted, told = overlap_table(cells, opening, tmp_path).rows
  assert counted[0] == config.data.train[0]
  # The run that the other starts from is the study's own, and counted.
  assert told[:3] == (
    *("/runs/before", config.evaluate.benchmarks[0]),
    "not checked: no run of this study trained it",
  )
