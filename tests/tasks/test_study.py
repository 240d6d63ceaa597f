import csv
import errno
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import types

import jax
import pytest

from hybrid_ir import stopping
from hybrid_ir.errors import UserError
from hybrid_ir.studies import leakage, write
from hybrid_ir.studies.estimate import Duration, Speeds
from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.page import Extra, Plot
from hybrid_ir.studies.state import FILE, last_step
from hybrid_ir.studies.write import check_folder, write_study
from hybrid_ir.tasks import study_runs
from hybrid_ir.training.checkpoint import FullDiskError

from ..stand_ins import write_mtop

AXES = {"kind": {"hybrid": {}, "X-X": {"mix.cross": 0.0}}}
ONE = {"study.axes": {"kind": {"hybrid": {}}}, "study.seeds": (0,)}
STUDY = {
  "task": "study",
  "study.name": "paper",
  "study.kind": "paper",
  "study.axes": AXES,
  "study.seeds": (0, 1),
  "train.steps": 2,
  "study.keep_checkpoints": True,
  "compare.resamples": 200,
  "study.measures": ("map", "rank_distance"),
}


LONG = Duration(3601.0, False)


def contents(folder):
  """path -> when it was written, of a study's runs."""
  return {
    path: path.stat().st_mtime_ns
    for path in folder.glob("cells/*/**/*")
    if path.is_file() and path.name != ".lock"
  }


@pytest.fixture(scope="module")
def done(run, tmp_path_factory):
  """A study, run to its end."""
  workdir = tmp_path_factory.mktemp("study")
  run(workdir, STUDY)
  return workdir


def test_every_cell_is_trained_and_scored(done, lines_of):
  cells = sorted((done / "cells").iterdir())
  assert len(cells) == 4
  seen = set()
  for cell in cells:
    config = json.loads((cell / "config.json").read_text())
    seen.add((config["mix"]["mono"], config["mix"]["cross"], config["seed"]))
    rows = lines_of(cell, "results.jsonl")
    assert {row["step"] for row in rows} == {2}
    assert {row["system"] for row in rows} == {cell.name}
    assert (cell / "report.html").exists()
  mixtures = ((0.5, 0.5), (0.5, 0.0))
  assert seen == {(*mixture, seed) for mixture in mixtures for seed in (0, 1)}


def test_the_table_has_the_means_of_the_runs(done, lines_of):
  values = {}
  for cell in (done / "cells").iterdir():
    mix = json.loads((cell / "config.json").read_text())["mix"]
    if (mix["mono"], mix["cross"]) == (0.5, 0.0):
      [row] = [
        row
        for row in lines_of(cell, "results.jsonl")
        if (row["setting"], row["measure"]) == ("cross", "map")
        and (row["query_language"], row["passage_language"]) == ("*", "*")
      ]
      values[row["seed"]] = row["value"]
  mean = (values[0] + values[1]) / 2
  with open(done / "paper/paper.csv", encoding="utf-8") as file:
    rows = [
      row
      for row in csv.DictReader(file)
      if (row["arm"], row["setting"], row["measure"]) == ("X-X", "cross", "map")
    ]
  assert {row["axis:kind"] for row in rows} == {"X-X"}
  whole = {r["figure"]: r for r in rows if not r["language"] and not r["seed"]}
  assert float(whole["mean"]["value"]) == pytest.approx(mean)
  deviation = abs(values[0] - values[1]) / 2**0.5
  assert float(whole["deviation"]["value"]) == pytest.approx(deviation)
  assert whole["difference"]["against"] == "hybrid"
  by_language = {r["language"] for r in rows if r["figure"] == "mean"}
  assert by_language == {"", "de", "en", "tr"}
  page = (done / "paper/paper.md").read_text(encoding="utf-8")
  assert f"{mean:.4f}".removeprefix("0") in page
  assert "4 of 4 cells done." in page
  assert (done / "paper/alpha-towns-map.svg").exists()


def test_findings_are_sentences_with_their_source(done):
  text = (done / "paper/findings.md").read_text(encoding="utf-8")
  lines = [line for line in text.splitlines() if line.startswith("- ")]
  assert "trained from scratch here" in lines[0]
  found = lines[1:]
  # Hybrid against X-X; then of three settings of map, and rank_distance of
  # multi alone, the highest mean and a test.
  assert len(found) == 1 + 4 * 2
  assert all("towns: " in line and "row" in line for line in found)
  [line] = [x for x in found if "cross MAP of X-X is" in x]
  assert "of hybrid ." in line
  assert "p (Holm)" in line


def test_what_is_done_is_not_done_again(done, run, capsys):
  before = contents(done)
  run(done, STUDY)
  assert contents(done) == before
  assert "4 of 4 cells done" in capsys.readouterr().out


def test_cells_are_shared_between_studies(done, run, capsys):
  before = contents(done)
  other = {
    **STUDY,
    "study.name": "other",
    "study.kind": "ratio",
    "study.axes": {
      "ratio": {"1:0": {"mix.cross": 0.0}, "3:1": {"mix.cross": 0.1666}}
    },
    "study.seeds": (1,),
  }
  run(done, {**other, "study.dry_run": True})
  told = capsys.readouterr().out
  assert "1 of 2 cells done; 1 to run, 2 steps, estimated time" in told
  assert "unknown" not in told
  run(done, other)
  after = contents(done)
  assert {path: after[path] for path in before} == before
  assert len(list((done / "cells").iterdir())) == 5
  assert (done / "other/other.md").exists()
  assert (done / "paper/paper.md").exists()


def test_a_benchmark_more_is_scored_without_training(
  data, run, tmp_path, steps_of
):
  one = {**STUDY, **ONE}
  run(tmp_path, one)
  [cell] = (tmp_path / "cells").iterdir()
  metrics = (cell / "metrics.jsonl").stat().st_mtime_ns
  more = tmp_path / "more.jsonl"
  more.write_text(data.read_text(encoding="utf-8"), encoding="utf-8")
  run(tmp_path, {**one, "evaluate.benchmarks": (str(data), str(more))})
  assert [path.name for path in (tmp_path / "cells").iterdir()] == [cell.name]
  assert (cell / "metrics.jsonl").stat().st_mtime_ns == metrics
  assert steps_of(cell) == [2]
  page = (tmp_path / "paper/paper.md").read_text(encoding="utf-8")
  assert "towns: means" in page
  assert "more: means" in page
  # The study of before does not show what another one had scored.
  run(tmp_path, one)
  page = (tmp_path / "paper/paper.md").read_text(encoding="utf-8")
  assert "more: means" not in page


def test_other_settings_do_not_take_figures_away(run, tmp_path, lines_of):
  one = {**STUDY, **ONE, "study.keep_checkpoints": True}
  for settings in (("mono", "multi"), ("mono", "cross"), ("mono", "multi")):
    run(tmp_path, {**one, "evaluate.settings": settings})
  [cell] = (tmp_path / "cells").iterdir()
  there = {line["setting"] for line in lines_of(cell, "results.jsonl")}
  assert there == {"mono", "cross", "multi"}
  before = contents(tmp_path)
  run(tmp_path, {**one, "evaluate.settings": ("mono", "cross")})
  assert contents(tmp_path) == before
  page = (tmp_path / "paper/paper.md").read_text(encoding="utf-8")
  assert "| arm | mono MAP | cross MAP | seeds |" in page


def test_a_dry_run_writes_nothing(run, tmp_path, capsys):
  run(tmp_path, {**STUDY, "study.dry_run": True})
  told = capsys.readouterr().out
  assert told.count("cells/") == 4
  assert "0 of 4 cells done; 4 to run, 8 steps, estimated time unknown" in told
  assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_cell_that_fails_does_not_stop_the_others(run, tmp_path):
  axes = {
    "rate": {
      "fine": {},
      "too high": {"optimizer.learning_rate": 1e38, "train.steps": 8},
      "after": {"train.warm_start": "@rate=too high"},
    }
  }
  changes = {**STUDY, "study.axes": axes, "study.seeds": (0,)}
  message = (
    r"2 of 3 cells failed: rate=too high seed=0: step \d: the loss is nan.*"
    r"rate=after seed=0: it starts from rate=too high seed=0, which failed"
  )
  with pytest.raises(UserError, match=message):
    run(tmp_path, changes)
  page = (tmp_path / "paper/paper.md").read_text(encoding="utf-8")
  assert "1 of 3 cells done." in page
  assert "- not done: rate=too high seed=0: step" in page


def test_a_cell_starts_from_another(run, tmp_path, arrays_of):
  axes = {
    "order": {
      "second": {"train.warm_start": "@order=first", "train.steps": 0},
      "first": {},
    }
  }
  run(tmp_path, {**STUDY, "study.axes": axes, "study.seeds": (0,)})
  folders = {
    json.loads((cell / "config.json").read_text())["train"]["steps"]: cell
    for cell in (tmp_path / "cells").iterdir()
  }
  assert folders.keys() == {0, 2}
  # It does not train: what it scored is what the other ended with.
  assert not (folders[0] / "checkpoints").exists()
  ours, theirs = (
    [
      {**json.loads(line), "system": "", "step": 0}
      for line in (folder / "results.jsonl").read_text().splitlines()
    ]
    for folder in (folders[0], folders[2])
  )
  assert ours == theirs


def test_each_runs_first_step_is_told_from_its_own_begin(run, tmp_path, capsys):
  start = time.perf_counter()
  run(tmp_path, {**STUDY, "study.seeds": (0,)})
  whole = time.perf_counter() - start
  told = re.findall(r"first step after ([\d.]+) s", capsys.readouterr().out)
  assert len(told) == 2
  assert sum(map(float, told)) < whole  # of the whole process it would be more


def test_lost_checkpoints_are_made_again(run, tmp_path):
  one = {**STUDY, **ONE}
  run(tmp_path, one)
  [cell] = (tmp_path / "cells").iterdir()
  results = (cell / "results.jsonl").read_text()
  shutil.rmtree(cell / "checkpoints")
  run(tmp_path, one)  # all its figures are there
  assert not (cell / "checkpoints").exists()
  (cell / "results.jsonl").unlink()
  run(tmp_path, one)
  assert (cell / "checkpoints").is_dir()
  assert (cell / "results.jsonl").read_text() == results


def test_a_run_trained_again_and_stopped_is_not_taken_for_trained(
  run, write_config_file, tmp_path, lines_of
):
  changes = {**STUDY, **ONE, "train.steps": 300, "checkpoint.every": 50}
  run(tmp_path, changes)
  [cell] = (tmp_path / "cells").iterdir()
  whole = lines_of(cell, "results.jsonl")
  shutil.rmtree(cell / "checkpoints")
  (cell / "checkpoints").mkdir()  # as good as none
  (cell / "results.jsonl").unlink()
  config = write_config_file(changes, tmp_path / "study.py")
  code, _ = kill_at(60, signal.SIGKILL, config, tmp_path)
  assert code == -signal.SIGKILL
  assert (last_step(cell) or 0) < 300
  run(tmp_path, changes)
  assert last_step(cell) == 300
  assert lines_of(cell, "results.jsonl") == whole


def test_a_benchmark_has_the_prefixes_of_each_cell(make_config, tmp_path):
  write_mtop(tmp_path)
  axes = {"text": {"bare": {}, "own": {"data.prefixes": {"mtop": ("q: ", "")}}}}
  keys = {"study.axes": axes, "study.seeds": (0,)}
  config = make_config({**STUDY, **keys, "data.mtop_dir": str(tmp_path)})
  cells = make_cells(config, tmp_path)
  runs = study_runs.Runs(cells, config)
  opened = [runs.open(cell.config, "mtop:intent") for cell in cells]
  assert [one.source for one in opened] == ["mtop:intent", "mtop"]
  again = [runs.open(cell.config, "mtop:intent") for cell in cells]
  assert list(map(id, again)) == list(map(id, opened))


def test_data_that_changed_is_refused(data, run, tmp_path):
  train = tmp_path / "train.jsonl"
  train.write_text(data.read_text(encoding="utf-8"), encoding="utf-8")
  changes = {**STUDY, **ONE, "data.train": (str(train),)}
  run(tmp_path, changes)
  [cell] = (tmp_path / "cells").iterdir()
  lines = train.read_text(encoding="utf-8").splitlines(keepends=True)
  train.write_text("".join(lines[3:]), encoding="utf-8")
  with pytest.raises(
    UserError, match=f"not what .* made of: cells/{cell.name}"
  ):
    run(tmp_path, changes)
  shutil.rmtree(cell)
  run(tmp_path, changes)


def test_benchmarks_of_one_name_are_refused(data, run, tmp_path):
  other = tmp_path / data.name
  other.write_text(data.read_text(encoding="utf-8"), encoding="utf-8")
  axes = {
    "on": {
      "one": {"evaluate.benchmarks": (str(data),)},
      "other": {"evaluate.benchmarks": (str(other),)},
    }
  }
  with pytest.raises(UserError, match="would both be called 'towns'"):
    run(tmp_path, {**STUDY, "study.axes": axes})
  assert not (tmp_path / "cells").exists()


@pytest.mark.parametrize(
  "error",
  [
    jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 9 GB\nat thunk 7"),
    MemoryError(),
  ],
)
def test_out_of_memory_fails_one_cell(run, monkeypatch, tmp_path, error):
  monkeypatch.setattr(
    "hybrid_ir.tasks.study_runs.train.run", lambda config, workdir: fail(error)
  )
  with pytest.raises(UserError, match="1 of 1 cells failed") as caught:
    run(tmp_path, {**STUDY, **ONE})
  said = str(error).split("\n")[0] or "MemoryError"
  assert str(caught.value).endswith(f"kind=hybrid seed=0: {said}")


def fail(error):
  raise error


def test_a_full_disk_stops_the_study_after_its_pages(
  run, monkeypatch, tmp_path
):
  real = study_runs.train.run

  def run_out(config, workdir):
    if config.seed:
      raise FullDiskError("the disk is full")
    real(config, workdir)

  monkeypatch.setattr("hybrid_ir.tasks.study_runs.train.run", run_out)
  axes = {"kind": {"hybrid": {}}}
  changes = {**STUDY, "study.axes": axes, "study.seeds": (0, 1, 2)}
  with pytest.raises(FullDiskError):
    run(tmp_path, changes)
  page = (tmp_path / "paper/paper.md").read_text(encoding="utf-8")
  assert "1 of 3 cells done." in page
  assert "towns: means" in page
  no_space = OSError(errno.ENOSPC, "no space")
  monkeypatch.setattr(
    "hybrid_ir.tasks.study_runs.train.run", lambda *_: fail(no_space)
  )
  shutil.rmtree(tmp_path / "paper")
  with pytest.raises(OSError, match="no space"):
    run(tmp_path, changes)
  assert (tmp_path / "paper/paper.md").exists()


def test_checkpoints_of_what_is_done_are_deleted(run, tmp_path, capsys):
  axes = {
    "order": {"first": {}, "second": {"train.warm_start": "@order=first"}}
  }
  changes = {
    **STUDY,
    "study.axes": axes,
    "study.seeds": (0,),
    "study.keep_checkpoints": False,
  }
  run(tmp_path, changes)
  assert capsys.readouterr().out.count("deleted the checkpoints") == 2
  assert [*tmp_path.glob("cells/*/checkpoints")] == []
  before = contents(tmp_path)
  run(tmp_path, changes)
  assert contents(tmp_path) == before


def test_a_run_starts_from_one_that_failed_in_its_evaluation(
  run, monkeypatch, tmp_path
):
  real = study_runs.evaluate.score

  def score(config, workdir, benchmarks):
    if not config.train.warm_start:
      raise UserError("no score")
    real(config, workdir, benchmarks)

  monkeypatch.setattr("hybrid_ir.tasks.study_runs.evaluate.score", score)
  axes = {
    "order": {"first": {}, "second": {"train.warm_start": "@order=first"}}
  }
  with pytest.raises(UserError, match="1 of 2 cells failed: order=first"):
    run(tmp_path, {**STUDY, "study.axes": axes, "study.seeds": (0,)})


def test_a_half_trained_run_does_without_what_it_starts_from(
  run, monkeypatch, tmp_path, steps_of
):
  axes = {
    "order": {
      "first": {},
      "second": {"train.warm_start": "@order=first", "train.steps": 4},
    }
  }
  changes = {
    **STUDY,
    "study.axes": axes,
    "study.seeds": (0,),
    "checkpoint.every": 1,
    "checkpoint.keep": 9,
  }
  run(tmp_path, changes)
  first, second = sorted(
    (tmp_path / "cells").iterdir(), key=lambda cell: len(steps_of(cell))
  )
  shutil.rmtree(first / "checkpoints")
  for step in (3, 4):
    shutil.rmtree(second / f"checkpoints/{step}")
  results = (second / "results.jsonl").read_text()
  (second / "results.jsonl").unlink()
  text = (second / FILE).read_text()
  (second / FILE).write_text(
    text.replace('"trained": true', '"trained": false')
  )
  run(tmp_path, changes)
  assert not (first / "checkpoints").exists()
  assert steps_of(second) == [1, 2, 3, 4]
  assert (second / "results.jsonl").read_text() == results


@pytest.mark.parametrize(
  "kind", ["", "paper", "ratio", "scaling", "mtop", "instruct"]
)
def test_a_page_of_nothing_can_be_written(make_config, tmp_path, kind):
  config = make_config({**STUDY, "study.kind": kind})
  cells = make_cells(config, tmp_path)
  write_study(config, cells, {}, tmp_path)
  page = (tmp_path / "paper/paper.md").read_text(encoding="utf-8")
  assert "0 of 4 cells done." in page


@pytest.mark.parametrize("name", ["notes.txt", "slide.svg"])
def test_a_users_file_beside_the_pages_is_not_lost(make_config, tmp_path, name):
  config = make_config(STUDY)
  cells = make_cells(config, tmp_path)
  write_study(config, cells, {}, tmp_path)
  page = tmp_path / "paper/paper.md"
  with page.open("a") as file:
    file.write("![of a plot](of_a_plot.svg)\n")
  (tmp_path / "paper/of_a_plot.svg").touch()  # one that no more is drawn
  write_study(config, cells, {}, tmp_path)
  mine = tmp_path / "paper" / name
  mine.write_text("mine")
  for check in (
    lambda: check_folder(config, tmp_path),
    lambda: write_study(config, cells, {}, tmp_path),
  ):
    with pytest.raises(UserError, match=rf"lose '{name}', which is not"):
      check()
  assert mine.read_text() == "mine"
  assert (tmp_path / "paper/paper.md").exists()


def test_stopped_while_they_are_replaced_the_pages_are_whole(
  make_config, tmp_path, stop_replacing
):
  config = make_config(STUDY)
  cells = make_cells(config, tmp_path)
  before = write_study(config, cells, {}, tmp_path)
  stop_replacing(
    tmp_path / "paper", lambda: write_study(config, cells, {}, tmp_path)
  )
  check_folder(config, tmp_path)
  assert sorted((tmp_path / "paper").iterdir()) == before


def test_plots_of_one_file_name_are_kept_apart(
  monkeypatch, make_config, tmp_path
):
  """A file's name lacks the point by which `.1` and `1` differ."""
  plots = tuple(
    Plot("alpha-1", caption, f"<svg><title>{caption}</title></svg>")
    for caption in ("of .1", "of 1", "of 1.")
  )
  monkeypatch.setitem(write._EXTRAS, "paper", lambda _: Extra(plots=plots))
  config = make_config(STUDY)
  write_study(config, make_cells(config, tmp_path), {}, tmp_path)
  page = (tmp_path / "paper/paper.md").read_text(encoding="utf-8")
  for name, plot in zip(
    ("alpha-1", "alpha-1-2", "alpha-1-3"), plots, strict=True
  ):
    assert f"]({name}.svg)\n\n{plot.caption}\n" in page
    drawn = (tmp_path / f"paper/{name}.svg").read_text()
    assert f"<title>{plot.caption}</title>" in drawn
  check_folder(config, tmp_path)


def test_stopped_before_the_overlap_is_known_the_pages_stand(
  done, run, monkeypatch
):
  page = done / "paper/paper.md"
  before = page.read_text(encoding="utf-8")

  def stopped(*_):
    raise SystemExit(stopping.STOPPED)

  monkeypatch.setattr("hybrid_ir.tasks.study.overlap_table", stopped)
  with pytest.raises(SystemExit):
    run(done, STUDY)
  assert page.read_text(encoding="utf-8") == before


def test_a_study_may_be_moved(run, tmp_path):
  axes = {
    "order": {"first": {}, "second": {"train.warm_start": "@order=first"}}
  }
  changes = {**STUDY, "study.axes": axes, "study.seeds": (0,)}
  run(tmp_path / "here", changes)
  (tmp_path / "here").rename(tmp_path / "there")
  for results in (tmp_path / "there").glob("cells/*/results.jsonl"):
    results.unlink()
  run(tmp_path / "there", changes)


def test_a_dry_run_counts_what_is_to_be_trained(data, run, tmp_path, capsys):
  one = {**STUDY, **ONE}
  run(tmp_path, one)
  more = tmp_path / "more.jsonl"
  more.write_text(data.read_text(encoding="utf-8"), encoding="utf-8")
  more = {**one, "evaluate.benchmarks": (str(data), str(more))}
  capsys.readouterr()
  run(tmp_path, {**more, "study.dry_run": True})
  assert "; 1 to run, 0 steps, estimated time" in capsys.readouterr().out
  shutil.rmtree(next(tmp_path.glob("cells/*/checkpoints")))
  run(tmp_path, {**more, "study.dry_run": True})
  assert "; 1 to run, 2 steps, estimated time" in capsys.readouterr().out
  run(tmp_path, {**one, "study.dry_run": True})
  assert "; 0 to run, 0 steps, estimated time 0 s" in capsys.readouterr().out


def kill_at(step, number, config, workdir):
  """Runs the command until its training has done a step; its exit code."""
  process = subprocess.Popen(
    [
      *(sys.executable, "-m", "hybrid_ir.main"),
      *(f"--config={config}", f"--workdir={workdir}"),
    ],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )
  for line in process.stdout:
    if line.startswith(f"step {step}/"):
      os.kill(process.pid, number)
      break
  told, _ = process.communicate()
  return process.returncode, told


def test_a_killed_study_goes_on(
  run, write_config_file, tmp_path, lines_of, assert_bitwise
):
  changes = {**STUDY, **ONE, "train.steps": 60, "checkpoint.every": 4}
  workdir, whole = tmp_path / "killed", tmp_path / "whole"
  config = write_config_file(changes, tmp_path / "study.py")
  code, told = kill_at(5, signal.SIGTERM, config, workdir)
  assert code == stopping.STOPPED
  assert "study     0 of 1 cells done" in told
  [cell] = (workdir / "cells").iterdir()
  code, _ = kill_at(last_step(cell) + 7, signal.SIGKILL, config, workdir)
  assert code == -signal.SIGKILL
  run(workdir, changes)
  run(whole, changes)
  [cell] = (whole / "cells").iterdir()
  other = workdir / "cells" / cell.name
  assert_bitwise(cell, other, 60)
  ours, theirs = (lines_of(x, "results.jsonl") for x in (cell, other))
  assert ours == theirs
  assert json.loads((other / FILE).read_text())["trained"]


@pytest.fixture
def listening():
  """SIGTERM ends the command, as `main` has it."""
  before = signal.getsignal(signal.SIGTERM)
  stopping.listen()
  yield
  signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("listening")
def test_a_budget_stops_within_a_training(run, tmp_path, capsys, steps_of):
  changes = {**STUDY, **ONE, "train.steps": 100_000, "study.budget_minutes": 60}

  def be_over():
    """The hour is over when the training has made a step."""
    log = "cells/*/metrics.jsonl"
    while not any(map(os.path.getsize, tmp_path.glob(log))):
      time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGALRM)

  hour = threading.Thread(target=be_over, daemon=True)
  hour.start()
  with pytest.raises(SystemExit) as caught:
    run(tmp_path, changes)
  hour.join()
  assert caught.value.code == stopping.STOPPED
  told = capsys.readouterr()
  assert "study     0 of 1 cells done" in told.out
  assert "saved after step" in told.err
  [cell] = (tmp_path / "cells").iterdir()
  [step] = steps_of(cell)
  assert f"saved after step {step}" in told.err
  # Nothing is done, and the page says so.
  page = (tmp_path / "paper/paper.md").read_text(encoding="utf-8")
  assert "0 of 1 cells done." in page
  assert "- not done: kind=hybrid seed=0" in page


def test_a_budget_stops_before_what_does_not_fit(
  run, monkeypatch, tmp_path, capsys
):
  # The first run is trained at once; then the minute is over.
  clock = itertools.chain([9.0, 9.0], itertools.repeat(70.0))
  monkeypatch.setattr(
    "hybrid_ir.tasks.study_runs.time",
    types.SimpleNamespace(monotonic=clock.__next__, perf_counter=float),
  )
  with pytest.raises(SystemExit) as caught:
    run(tmp_path, {**STUDY, "study.budget_minutes": 1})
  assert caught.value.code == stopping.STOPPED
  assert "0 of 4 cells done" in capsys.readouterr().out
  [cell] = (tmp_path / "cells").iterdir()
  assert json.loads((cell / FILE).read_text())["trained"]


def test_what_comes_before_the_first_run_is_not_of_the_budget(
  run, monkeypatch, tmp_path
):
  now = [0.0]

  def overlap_table(*given):
    now[0] = 1000.0
    return leakage.overlap_table(*given)

  monkeypatch.setattr(
    "hybrid_ir.tasks.study_runs.time",
    types.SimpleNamespace(monotonic=lambda: now[0], perf_counter=float),
  )
  monkeypatch.setattr("hybrid_ir.tasks.study.overlap_table", overlap_table)
  run(tmp_path, {**STUDY, **ONE, "study.budget_minutes": 1})


def test_an_evaluation_that_does_not_fit_is_not_begun(
  run, monkeypatch, tmp_path, capsys
):
  changes = {**STUDY, **ONE, "study.budget_minutes": 60}
  monkeypatch.setattr(Speeds, "evaluation", lambda self, cell: LONG)
  with pytest.raises(SystemExit) as caught:
    run(tmp_path, changes)
  assert caught.value.code == stopping.STOPPED
  assert "next evaluation does not fit" in capsys.readouterr().err
  [cell] = (tmp_path / "cells").iterdir()
  assert json.loads((cell / FILE).read_text())["trained"]
  assert not (cell / "results.jsonl").exists()
  run(tmp_path, changes)  # as the first piece of work it is
  assert "study     1 of 1 cells done" in capsys.readouterr().out


def test_a_study_without_a_name_is_refused(run, tmp_path):
  with pytest.raises(UserError, match=r"'study.name' is empty; take one of"):
    run(tmp_path, {**STUDY, "study.name": ""})


def test_a_measure_that_there_is_not_is_refused(run, tmp_path):
  with pytest.raises(UserError, match=r"'study\.measures' has 'mapp'"):
    run(tmp_path, {**STUDY, "study.measures": ("map", "mapp")})
  assert not (tmp_path / "cells").exists()


def test_a_folder_in_the_way_is_not_replaced(run, tmp_path):
  (tmp_path / "paper").mkdir()
  (tmp_path / "paper/mine.txt").write_text("mine")
  one = {**STUDY, **ONE}
  with pytest.raises(UserError, match="in the way, and not a study's"):
    run(tmp_path, one)
  assert not (tmp_path / "cells").exists()  # said before anything runs
  assert (tmp_path / "paper/mine.txt").read_text() == "mine"
