"""What changed under a run is told before anything runs."""

import json
import os

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.studies import origins, state
from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.state import State

LINE = '{{"id": "1", "language": "en", "query": "{}", "passage": "p"}}\n'


@pytest.fixture
def files(tmp_path):
  """A training set, a benchmark and an encoder's weights."""
  found = {
    "train": tmp_path / "train.jsonl",
    "test": tmp_path / "test.jsonl",
    "weights": tmp_path / "encoder/model.safetensors",
  }
  (tmp_path / "encoder").mkdir()
  for name, path in found.items():
    path.write_text(LINE.format(name))
  return found


@pytest.fixture
def make(make_study, files, tmp_path):
  """More keys -> a run, and one that starts from it."""
  axes = {
    "order": {"first": {}, "second": {"train.warm_start": "@order=first"}}
  }

  def make(**keys):
    config = make_study(
      axes,
      seeds=(0,),
      encoder__path=str(files["weights"].parent),
      data__train=(str(files["train"]),),
      evaluate__benchmarks=(str(files["test"]),),
      **keys,
    )
    return make_cells(config, tmp_path)

  return make


@pytest.fixture
def cells(make):
  """Both, done."""
  found = make()
  for cell in found:
    finish(cell)
  return found


def finish(cell):
  cell.folder.mkdir(parents=True)
  (cell.folder / "results.jsonl").write_text('{"benchmark": "t", "step": 3}\n')
  state.write(cell.folder, State(True, {}, origins.made_of(cell)))
  [name] = cell.config.evaluate.benchmarks
  fingerprint = origins.fingerprint(cell.config, name)
  state.add_evaluation(cell, name, "t", 1.0, fingerprint)


def rewrite(path, text):
  """A second later: a file system's clock may tick every 10 ms alone."""
  later = path.stat().st_mtime_ns + 10**9
  path.write_text(text)
  os.utime(path, ns=(later, later))


def refusal(cells):
  with pytest.raises(UserError) as caught:
    origins.check(cells)
  assert "\n" not in str(caught.value)
  return str(caught.value)


def test_what_did_not_change_is_as_it_was(cells, files):
  origins.check(cells)
  for path in files.values():  # a copy, say on another machine
    os.utime(path, (1, 1))
  origins.check(cells)


@pytest.mark.parametrize("name", ["train", "weights"])
def test_a_run_of_what_changed_is_refused(cells, files, name):
  text = files[name].read_text()
  rewrite(files[name], LINE.format(name[::-1]))  # as many bytes
  said = refusal(cells)
  shown = files[name] if name == "train" else files[name].parent
  for cell in cells:  # the second is of the first's data, too
    assert f"cells/{cell.key} (order=" in said
  assert f"{shown} is not what these runs were made of: " in said
  assert "remove these folders" in said
  rewrite(files[name], text)
  origins.check(cells)


@pytest.mark.parametrize(
  ("file", "what"),
  [
    ("config.json", "config files"),
    ("1_Pooling/config.json", "config files"),
    ("hybrid_ir.json", "text files"),
    ("tokenizer_config.json", "text files"),
    ("vocab.txt", "text files"),
  ],
)
def test_how_an_encoder_is_read_is_part_of_it(cells, files, file, what):
  path = files["weights"].parent / file
  path.parent.mkdir(exist_ok=True)
  path.write_text("{}")
  said = refusal(cells)
  assert f"{files['weights'].parent}: its {what} is not what" in said
  path.unlink()
  origins.check(cells)


def test_scores_on_what_changed_are_refused(cells, files):
  files["test"].write_text(LINE.format("tset"))
  said = refusal(cells)
  assert f"{files['test']} is not what these runs were scored on" in said
  assert "remove results.jsonl in each" in said
  for cell in cells:
    (cell.folder / "results.jsonl").unlink()
  origins.check(cells)


def test_changes_may_be_allowed(cells, make, files):
  files["train"].write_text(LINE.format("other"))
  again = make(checkpoint__allow_changes=True)
  assert [cell.key for cell in again] == [cell.key for cell in cells]
  origins.check(again)


def test_what_is_gone_or_was_never_kept_is_not_compared(cells, files):
  files["train"].unlink()
  files["test"].unlink()
  origins.check(cells)
  for cell in cells:
    path = cell.folder / state.FILE
    stored = json.loads(path.read_text())
    del (
      stored["made_of"],
      stored["evaluated"][str(files["test"])]["fingerprint"],
    )
    path.write_text(json.dumps(stored))
  files["train"].write_text(LINE.format("other"))
  files["test"].write_text(LINE.format("other"))
  origins.check(cells)


def test_a_run_that_failed_may_have_other_data(cells, files, tmp_path):
  """Nothing is there that was made of what was."""
  for cell in cells:
    (cell.folder / "results.jsonl").unlink()
    state.write(cell.folder, State(False, {}, origins.made_of(cell)))
  files["train"].write_text(LINE.format("mended"))
  origins.check(cells)


def test_folders_are_known_by_what_they_hold(cells, tmp_path, monkeypatch):
  config = cells[0].config
  folder = tmp_path / "beir"
  (folder / "qrels").mkdir(parents=True)
  for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
    (folder / name).write_text(name)
  before = origins.fingerprint(config, str(folder))
  (folder / "notes.txt").write_text("mine")
  assert origins.fingerprint(config, str(folder)) == before
  (folder / "qrels/test.tsv").write_text("other")
  assert origins.fingerprint(config, str(folder)) != before
  # A folder that is called as a set of ours is not that set.
  by_name = origins.fingerprint(config, "world_facts")
  folder.rename(tmp_path / "world_facts")
  monkeypatch.chdir(tmp_path)
  assert origins.fingerprint(config, "world_facts") == by_name
  assert origins.fingerprint(config, "./world_facts") != by_name
  # Released sets are known by their checksums.
  assert origins.fingerprint(config, "xquad_r") == origins.fingerprint(
    config, "xquad_r:context"
  )
